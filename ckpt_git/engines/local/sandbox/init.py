"""What happens between starting a build's process and its first command.

Run by itself (``python -I -S init.py PLAN STATUS``: two file descriptors), so that it starts
in a few milliseconds and a crash in it harms nobody. It reads a plan (in marshal's form: the same
interpreter wrote it) and carries it out in this order: enter namespaces, mount the overlay,
build the root that the build sees, give up privileges, run the command. Nothing here decides
anything; the plan comes from ``view.py`` and ``workspace/sources.py``. It
uses nothing but the standard library, as little of it as it can, and the C library.

Sources: user_namespaces(7), mount(2), mount_setattr(2), pivot_root(2), pid_namespaces(7), and
the kernel's page on overlayfs.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import signal
import sys

TYPE_CHECKING = False  # typing alone would take a third of the time to the first command
if TYPE_CHECKING:
    from typing import Any, NoReturn

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV = 0x1, 0x2, 0x4
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
SYS_MOUNT_SETATTR = 442  # one number on every architecture: it came after they were unified
MOUNT_ATTR_RDONLY = 0x1
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 1, 38, 36
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
KEYCTL_JOIN_SESSION_KEYRING = 1

_libc = ctypes.CDLL(None, use_errno=True)


def main(plan_fd: int, status_fd: int) -> None:
    """Carry out the plan. What fails before the command runs is told on ``status_fd``."""
    os.set_inheritable(status_fd, False)
    try:
        with os.fdopen(plan_fd, "rb") as stream:
            plan: dict[str, Any] = marshal.load(stream)  # noqa: S302 - from our own parent
        prepare(plan, status_fd)
    except EOFError:  # who started us has nothing to run
        os._exit(0)
    except OSError as error:
        _tell(status_fd, f"failed {error.strerror or error}: {error.filename or plan_step}")
        os._exit(1)


plan_step = "reading the plan"  # what was under way, for the one line that an error becomes


def prepare(plan: dict[str, Any], status_fd: int) -> None:
    """Everything up to the command, then the command."""
    if plan["umask"] is not None:  # before the sources: their folders get their modes from it
        os.umask(plan["umask"])
    if plan["user_namespace"] or plan["overlay"] is not None:
        _step("entering a user namespace")
        enter_user_namespace(CLONE_NEWNS, inside=0)
        _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _end_with(plan["parent"], signal.SIGTERM if plan["supervise"] else signal.SIGKILL)
    if plan["overlay"] is not None:
        _step("mounting the overlay")
        mount_overlay(plan["overlay"])
    if plan["limits"] is not None:
        _limit(plan["limits"])
    _tell(status_fd, "ready")
    if plan["root"] is not None:
        _step("building the sandbox")
        run_in_root(plan, status_fd)
    elif plan["supervise"]:
        _supervise(plan)
    _execute(plan)


def _end_with(parent: int | None, number: int) -> None:
    """Get the signal ``number`` when the process that started us ends; None: outlive it.

    Called after the user namespace is made: the kernel forgets it when credentials change,
    prctl(2). It tells of no parent that was gone before.
    """
    if parent is None:
        return
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


# --- namespaces and mounts -----------------------------------------------------------------


def enter_user_namespace(flags: int, *, inside: int, inside_group: int | None = None) -> None:
    """A new user namespace in which we are ``inside``; ``flags`` are further namespaces."""
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(CLONE_NEWUSER | flags), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {uid} 1"),
        ("gid_map", f"{inside if inside_group is None else inside_group} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def mount_overlay(overlay: dict[str, Any]) -> None:
    """Mount the layers, topmost first, with names relative to the store's folder of layers.

    mount(2) takes one page of options: absolute names would limit the depth to a few dozen.
    ``volatile`` spares the fsync of every copy-up; what a build leaves is made durable once.
    """
    before = os.getcwd()
    os.chdir(overlay["cwd"])
    try:
        options = (
            f"lowerdir={':'.join(overlay['lowers'])},upperdir={overlay['upper']},"
            f"workdir={overlay['work']},userxattr"
        )
        try:
            _mount("overlay", overlay["target"], "overlay", 0, options + ",volatile")
        except OSError:  # before Linux 5.10
            _mount("overlay", overlay["target"], "overlay", 0, options)
    finally:
        os.chdir(before)


def run_in_root(plan: dict[str, Any], status_fd: int) -> NoReturn:
    """Run the command as another user below a root of its own, in namespaces of its own.

    What util-linux' unshare and mount would do, in one process. The child is the first of its
    pid namespace: when it ends, or this process does, the kernel ends all that it started.
    """
    root = plan["root"]
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
    _check(_libc.unshare(flags | (0 if root["network"] else CLONE_NEWNET)), "unshare")
    if plan["interactive"]:
        for number in (signal.SIGINT, signal.SIGQUIT):  # a terminal sends them to the command too
            signal.signal(number, signal.SIG_IGN)
    first = os.fork()
    if first == 0:
        try:
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # its parent has no number in here
            if not root["network"]:
                _loopback_up()
            enter_root(root)
            _prctl(PR_SET_NO_NEW_PRIVS, 1)
            _first_of_namespace(plan, root)
        except OSError as error:
            sys.stderr.write(f"ckpt: {plan_step}: {error}\n")
            os._exit(125)
    os.close(status_fd)
    if plan["interactive"]:
        _pass_on(first)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGKILL))
    _, code = os.waitpid(first, 0)  # the kernel has ended all others then: pid_namespaces(7)
    os._exit(os.waitstatus_to_exitcode(code) & 0xFF)


def _first_of_namespace(plan: dict[str, Any], root: dict[str, Any]) -> NoReturn:
    """Run the command as a child and reap whatever it leaves: pid 1 has no one else to."""
    child = os.fork()
    if child == 0:
        enter_user_namespace(0, inside=root["uid"], inside_group=root["gid"])
        _execute(plan)
    if plan["interactive"]:
        _pass_on(child)
    os._exit(_reap_until(child))


def _pass_on(pid: int) -> None:
    """Let ``pid`` have what asks us to end, unless it is ignored (nohup)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda got, _: os.kill(pid, got))


def enter_root(root: dict[str, Any]) -> None:
    """Build the tree that the build sees on a tmpfs, and make it the root."""
    base = root["at"]
    _mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for path in root["folders"]:
        os.makedirs(base + path, exist_ok=True)
    for path, target in root["links"]:
        os.makedirs(os.path.dirname(base + path), exist_ok=True)
        os.symlink(target, base + path)
    for origin, path, writable in root["binds"]:
        _bind(origin, base + path, writable=writable)
    shared_memory = base + "/dev/shm"  # noqa: S108
    _mount("tmpfs", shared_memory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    try:
        _mount("proc", base + "/proc", "proc", MS_NOSUID | MS_NODEV)
    except PermissionError:  # in a container that masks parts of /proc: its own will have to do
        _bind("/proc", base + "/proc", writable=True)
    for path in root["covered"]:
        if os.path.exists(base + path):
            _bind(base + path, base + path, writable=False)
    import socket  # noqa: PLC0415 - for this kind of sandbox alone

    try:  # noqa: SIM105 - contextlib takes longer to import than this runs
        _mount("devpts", base + "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620")
    except OSError:  # a build that wants a terminal will say so itself
        pass
    socket.sethostname("localhost")
    os.chdir(base)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    _read_only("/", recursive=False)


def _bind(origin: str, target: str, *, writable: bool) -> None:
    if os.path.isdir(origin):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "x", encoding="ascii"):
            pass
    _mount(origin, target, None, MS_BIND | MS_REC)
    if not writable:
        _read_only(target, recursive=True)


def _read_only(path: str, *, recursive: bool) -> None:
    """Make a mount read-only, and those below it. Before Linux 5.12 that takes a remount of
    the one mount, with the flags that it may not lose."""
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    done = _libc.syscall(
        SYS_MOUNT_SETATTR,
        AT_FDCWD,
        os.fsencode(path),
        AT_RECURSIVE if recursive else 0,
        attributes,
        ctypes.sizeof(attributes),
    )
    if done != 0:
        held = os.statvfs(path).f_flag & 0x1F  # ro, nosuid, nodev, noexec, sync: as in mount(2)
        _mount(None, path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | held)


def _loopback_up() -> None:
    """netdevice(7): test suites talk to themselves on 127.0.0.1."""
    import fcntl  # noqa: PLC0415 - for this kind of sandbox alone
    import socket  # noqa: PLC0415

    siocsifflags, iff_up_running = 0x8914, 0x1 | 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        request = b"lo".ljust(16, b"\0") + iff_up_running.to_bytes(2, sys.byteorder)
        fcntl.ioctl(link, siocsifflags, request.ljust(40, b"\0"))


# --- running -------------------------------------------------------------------------------


def _supervise(plan: dict[str, Any]) -> NoReturn:
    """Stay, so that all descendants of the command have ended before we do.

    Around bubblewrap too: it leaves before the kernel has ended the last process in there.
    """

    def end(*_: object) -> None:
        kill_descendants()
        os._exit(128 + signal.SIGTERM)

    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, end)
    us = os.getpid()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setpgid(0, 0)
        _end_with(us, signal.SIGKILL)
        _execute(plan)
    code = _reap_until(child)
    kill_descendants()
    os._exit(code)


def kill_descendants() -> None:
    """Kill every process below this one, those that moved to other sessions included."""
    while children := _children():
        for pid in children:
            os.kill(pid, signal.SIGKILL)  # not reaped yet: its number is its own
        for pid in children:
            os.waitpid(pid, 0)


def _children() -> list[int]:
    """Children of this process: as a subreaper it inherits every orphan below it."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def _reap_until(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _execute(plan: dict[str, Any]) -> NoReturn:
    os.chdir(plan["cwd"])
    if plan["keyctl"] is not None:  # where there are no keyrings, or too many, the filter will do
        _libc.syscall(plan["keyctl"], KEYCTL_JOIN_SESSION_KEYRING, None)
    if plan["filter_file"] is not None and plan["filter"] is not None:
        _offer(plan["filter"], plan["filter_file"])
    elif plan["filter"] is not None:
        _refuse_calls(plan["filter"])
    for number in plan["default_signals"]:
        signal.signal(number, signal.SIG_DFL)
    os.execve(plan["command"][0], plan["command"], plan["env"])


def _offer(content: bytes, number: int) -> None:
    """Let the command read ``content`` from descriptor ``number``."""
    file = os.memfd_create("filter")
    os.write(file, content)
    os.lseek(file, 0, os.SEEK_SET)
    os.dup2(file, number, inheritable=True)


def _refuse_calls(program: bytes) -> None:
    """seccomp(2), for this process and all that it starts. Needs PR_SET_NO_NEW_PRIVS."""
    instructions = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("at", ctypes.c_void_p))

    whole = Program(len(program) // 8, ctypes.addressof(instructions))
    given = ctypes.byref(whole)
    _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, given, 0, 0), "seccomp")


def _limit(limits: dict[str, int | None]) -> None:
    """Limits on each process. One on their number is set inside: see ``runner.command``."""
    for kind, value in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_CORE, 0),
    ):
        if value is not None:
            _, most = resource.getrlimit(kind)
            bounded = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(kind, (bounded, bounded))


def _mount(
    origin: str | None, target: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    def encoded(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    result = _libc.mount(
        encoded(origin), encoded(target), encoded(kind), ctypes.c_ulong(flags), encoded(options)
    )
    _check(result, f"mount {kind or origin} on {target}")


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        _check(_libc.prctl(option, value, 0, 0, 0), "prctl")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _step(name: str) -> None:
    global plan_step  # noqa: PLW0603 - one process, one plan: where an error happened
    plan_step = name


def _tell(status_fd: int, text: str) -> None:
    os.write(status_fd, text.encode("utf-8", "replace") + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
