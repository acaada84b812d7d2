"""The system calls that a sandboxed build is refused, as a program for seccomp(2).

Namespaces don't shut these off: keys of the user who builds (keyrings(7)), a vsock to the machine
below a virtual one, text that is pushed into a terminal, and parts of the kernel that no build
tool needs and many faults were found in. A build finds a kernel that was made without them.
User namespaces stay, as tests and build tools use them.
"""

from __future__ import annotations

import errno
import os
import struct
from functools import cache
from typing import NamedTuple


class _Abi(NamedTuple):
    """The numbers of one kind of program: linux/audit.h, and the kernel's tables of calls."""

    audit: int
    refused: tuple[int, ...]
    """add_key, request_key, keyctl, kexec_load, kexec_file_load, bpf, perf_event_open,
    userfaultfd."""
    socket: int
    ioctl: int


_X86_64 = _Abi(0xC000003E, (248, 249, 250, 246, 320, 321, 298, 323), 41, 16)
_I386 = _Abi(0x40000003, (286, 287, 288, 283, 357, 336, 374), 359, 54)
_AARCH64 = _Abi(0xC00000B7, (217, 218, 219, 104, 294, 280, 241, 282), 198, 29)
_ARM = _Abi(0x40000028, (309, 310, 311, 347, 401, 386, 364, 388), 281, 54)
_ABIS = {"x86_64": (_X86_64, _I386), "aarch64": (_AARCH64, _ARM)}
_KEYCTL = {"x86_64": 250, "aarch64": 219}

_IO_URING = (425, 426, 427)  # one number on every architecture
_X32 = 0x40000000  # and above: x86-64's calls with short pointers
_AF_VSOCK = 40
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # in struct seccomp_data, eight bytes an argument


@cache
def program() -> bytes | None:
    """The filter (``struct sock_filter`` after one another), None on another architecture."""
    abis = _ABIS.get(os.uname().machine)
    if abis is None:
        return None
    each = b"".join(_of_abi(abi) for abi in abis)
    return _do(_LOAD, _ARCHITECTURE) + each + _do(_RETURN, _ALLOW)


def keyctl() -> int | None:
    """The number of keyctl(2), by which a sandbox leaves the user's keyrings."""
    return _KEYCTL.get(os.uname().machine)


def _of_abi(abi: _Abi) -> bytes:
    """What is done with a call of this kind; of another one the architecture is still loaded."""
    body = _do(_LOAD, _NUMBER)
    if abi is _X86_64:
        body += _do(_AT_LEAST, _X32, no=1) + _refuse(errno.ENOSYS)
    for number in (*abi.refused, *_IO_URING):
        body += _do(_EQUAL, number, no=1) + _refuse(errno.ENOSYS)
    body += _where(abi.socket, 0, (_AF_VSOCK,), errno.EAFNOSUPPORT)
    body += _where(abi.ioctl, 1, (_TIOCSTI, _TIOCLINUX), errno.EPERM)
    body += _do(_RETURN, _ALLOW)
    return _do(_EQUAL, abi.audit, no=len(body) // _SIZE) + body


def _where(number: int, argument: int, values: tuple[int, ...], error: int) -> bytes:
    """Refuse a call where its argument, 32 bits of it, is one of ``values``."""
    body = _do(_LOAD, _ARGUMENTS + 8 * argument)
    for value in values:
        body += _do(_EQUAL, value, no=1) + _refuse(error)
    body += _do(_RETURN, _ALLOW)
    return _do(_EQUAL, number, no=len(body) // _SIZE) + body


def _refuse(error: int) -> bytes:
    return _do(_RETURN, _ERRNO | error)


_SIZE = 8


def _do(code: int, value: int, *, no: int = 0) -> bytes:
    """One instruction; ``no`` is how many are passed over where a comparison fails."""
    return struct.pack("=HBBI", code, 0, no, value)
