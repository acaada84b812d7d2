"""What can't be seen whole, or not in the usual way: it comes to what a clean build comes to, is
not answered, and says why."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watch.project import Project, need

OTHER_ABI = r"""
static int call(int number, const void *a, long b, long c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

void _start(void)
{
    static char room[64];
    int file = call(5, "a", 0, 0); /* open */
    int length = call(3, (void *)(long)file, (long)room, sizeof room); /* read */
    call(4, (void *)1, (long)room, length); /* write */
    call(1, 0, 0, 0); /* exit */
}
"""

LISTENER = r"""
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    struct sock_filter one = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog whole = {1, &one};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    printf("%d\n", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                           count > 2 ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &whole) >= 0);
    fflush(stdout);
    execl("/bin/cat", "cat", arguments[1], NULL);
}
"""


def compiled(project: Project, source: str, *flags: str) -> str:
    program = project.top / "program"
    subprocess.run(
        ["cc", "-x", "c", "-", "-o", program, *flags], input=source, text=True, check=True
    )
    return str(program)


def is_never_answered(project: Project, command: str, why: str) -> None:
    """The command reads ``a`` and makes ``b``, in a way that isn't seen whole."""
    project.write("a", "first\n")
    project.write("other", "one\n")
    project.command = f"cp other before\n{command}\ncp b c; cp other after"
    project.record()
    reasons = [reason for reason in project.reasons().values() if reason]
    assert any(why in reason for reason in reasons), reasons
    for content in ("first\n", "other\n"):
        project.write("a", content)
        executed = project.again()
        assert "cp other before" not in executed
        assert executed


@pytest.mark.parametrize("flags", ["-r", "-rm", "-rpf --mount-proc"])
def test_another_namespace(project: Project, flags: str) -> None:
    need("unshare")
    is_never_answered(project, f"unshare {flags} cp a b", "another root or namespace")


def test_a_sandbox_in_the_sandbox(project: Project) -> None:
    need("bwrap")
    command = "bwrap --dev-bind / / --tmpfs /mnt cp a b"
    is_never_answered(project, command, "another root or namespace")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who can change the root")
def test_another_root(project: Project, probes: Path) -> None:
    command = f"mkdir r; cp a {probes}/static r; /usr/sbin/chroot r /static read a > b"
    is_never_answered(project, command, "another root")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="x86_64 alone has another ABI")
@pytest.mark.parametrize("flags", [("-m32",), ()], ids=["32-bit", "int-0x80"])
def test_another_abi(project: Project, flags: tuple[str, ...]) -> None:
    """A program of another ABI, and one that calls the kernel by it."""
    more = ("-nostdlib", "-static", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie")
    program = compiled(project, OTHER_ABI, *flags, *more)
    is_never_answered(project, f"{program} > b", "another ABI")


def test_a_listener_of_its_own(project: Project) -> None:
    """The kernel allows one, and says so to the program: it has to be built without a watcher."""
    project.write("a", "first\n")
    project.command = f"{compiled(project, LISTENER)} a listen > b"
    project.watched(answers=False)
    assert project.report["refused"]


def test_a_filter_of_its_own(project: Project) -> None:
    program = compiled(project, LISTENER)
    project.write("a", "first\n")
    project.command = f"{program} a > b; cp b c"
    project.record()
    project.write("a", "other\n")
    assert project.again() != []
    assert not project.report["refused"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """The socket of a server that isn't of the build: it says something else each time."""
    path = tmp_path / "socket"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def serve() -> None:
        while True:
            try:
                asking, _ = listening.accept()
            except OSError:
                return
            asking.sendall(b"said\n")
            asking.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield path
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_a_process_that_isnt_of_the_build(project: Project, server: Path) -> None:
    need("python3")
    ask = (
        "import socket; s = socket.socket(socket.AF_UNIX); "
        f"s.connect('{server}'); print(s.recv(9), open('a').read())"
    )
    command = f'/usr/bin/python3 -c "{ask}" > b'
    is_never_answered(project, command, "a process that isn't of this build")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who can give a file to another")
@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_a_program_that_is_another_user(probed: Project, mode: int) -> None:
    """The library isn't loaded into it: ld.so(8), secure execution."""
    program = probed.top / "changes-user"
    shutil.copy(probed.environment["probe"], program)
    os.chown(program, 65534, 65534)
    program.chmod(mode)
    for above in (probed.top, *probed.top.parents):
        above.chmod(above.stat().st_mode | 0o055)
    probed.write("a", "first\n")
    probed.command = f"{program} read a > b; cp b c"
    probed.record()
    probed.again()
    probed.write("a", "other\n")
    assert any("read a" in command for command in probed.again())


def test_under_a_debugger(project: Project) -> None:
    need("strace")
    project.write("a", "first\n")
    project.command = "strace -f -o /dev/null cp a b; cp b c"
    project.record()
    project.again()
    project.write("a", "other\n")
    project.again()
