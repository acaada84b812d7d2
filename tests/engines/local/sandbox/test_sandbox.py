"""What a build sees and can touch, for each kind of sandbox, as root and as an ordinary user.

A build writes a report of all that (``probe.py``); the tests here read it. One build for each
kind and person, so what is looked at must be thought of before: see ``LOOKED_FOR``.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engines.local.sandbox.probe import CALLS
from tests.engines.people import Person, installed, record_of
from tests.engines.project import CHECKOUT, NAME, Project, toml_string, toml_strings

KINDS = ("bubblewrap", "namespaces")
PERSONS = ("self", "other")
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
READ_ONLY = ("/", "/usr", "/usr/bin", "/etc", "/run", "/ckpt", "/proc/sys/kernel", "/dev/..")
WRITABLE = ("/build", "/build/source", "/tmp")
KERNEL_FILES = ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_ratio")
SYSTEM_FILES = ("/etc/passwd", "/usr/bin/env", "/etc/hosts")


@dataclass(frozen=True)
class Seen:
    """What a build and a fetch reported, and the host's own files that they were asked about."""

    build: dict[str, Any]
    fetch: dict[str, Any]
    secrets: list[str]
    input: Path
    kind: str


@pytest.fixture(scope="module")
def listening() -> Iterator[int]:
    """A port of 127.0.0.1 on which this host answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def probed(room: Path, ordinary_user: Person | str, listening: int) -> Callable[[str, str], Seen]:
    made: dict[tuple[str, str], Seen] = {}

    def probe(who: str, kind: str) -> Seen:
        person: Person | str = ordinary_user if who == "other" else Person(room, sys.executable)
        if isinstance(person, str):
            pytest.skip(person)
        if (who, kind) not in made:
            made[who, kind] = _probe(person, f"{who}-{kind}", kind, listening)
        return made[who, kind]

    return probe


@pytest.fixture(params=[(who, kind) for who in PERSONS for kind in KINDS], ids="-".join)
def seen(request: pytest.FixtureRequest, probed: Callable[[str, str], Seen]) -> Seen:
    return probed(*request.param)


def _probe(person: Person, name: str, kind: str, port: int) -> Seen:
    project = person.project(name, CKPT_SANDBOX=kind, LEAKED="secret")
    folder = project.repo.path.parent
    shown = folder / "input"
    shown.mkdir()
    (shown / "header.h").write_text("shown\n")
    secret = folder / "secret"
    secret.write_text("secret\n")
    secrets = [str(secret), str(project.repo.path), str(CHECKOUT), *_of_the_host()]
    looked_for = {
        "there": [*secrets, str(shown / "header.h"), "/homeless-shelter", "/build/source/.git"],
        "writable": [*READ_ONLY, *WRITABLE, str(shown), f"/ckpt/{NAME}"],
        "rewritten": [*KERNEL_FILES, *SYSTEM_FILES, str(shown / "header.h")],
        "devices": list(DEVICES),
    }
    words = [shlex.quote(json.dumps(looked_for)), str(port)]
    run = f'python3 probe.py "$out/$REPORT" {" ".join(words)}'
    _write(project, run, shown)
    with _socket_at(folder / "socket"):
        done = person.tries(project, umask=0o077, env={"TZ": "Asia/Tokyo", "LC_ALL": "C"})
    record = record_of(done)
    build = json.loads(installed(record, "build.json").read_text())
    fetch = json.loads(installed(record, "fetch.json").read_text())
    assert record.sandbox == kind
    return Seen(build, fetch, secrets, shown, kind)


def _write(project: Project, run: str, shown: Path) -> None:
    """A package that makes its report while it builds, and another while it fetches."""
    repo = project.repo
    repo.write("probe.py", (Path(__file__).parent / "probe.py").read_text())
    repo.write("folder/file", "")
    fetch = f'mkdir fetched && REPORT=fetch.json; {run} && mv "$out/fetch.json" fetched/'
    project.toml(
        f"REPORT=build.json; {run}",
        install='cp fetched/fetch.json "$out"/',
        fetch=toml_string(fetch),
        inputs=toml_strings(shown),
        env='{ GIVEN = "value" }',
    )
    repo.commit()


def _of_the_host() -> list[str]:
    """Paths that the host has and a build must not: homes, other work, sockets of services."""
    named = ["/root", "/home", "/srv", "/mnt", "/media", "/opt", "/boot", "/sys/kernel", "/var/lib"]
    named += ["/etc/shadow", "/etc/ssh", "/etc/hostname", "/var/run/docker.sock", "/.dockerenv"]
    return [path for path in named if Path(path).exists()]


class _socket_at:  # noqa: N801 - used like a function
    """A unix socket on the host that a build must not find."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._path = path

    def __enter__(self) -> None:
        self._socket.bind(str(self._path))
        self._socket.listen()

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._path.unlink()


def test_nothing_of_the_host_but_its_system_is_there(seen: Seen) -> None:
    assert [path for path in seen.secrets if seen.build["there"][path]] == []
    assert not seen.build["there"]["/build/source/.git"]
    assert set(seen.build["root"]) <= {
        *("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "nix", "gnu"),
        *("build", "ckpt", "dev", "proc", "run", "tmp", "var"),
        *("@", ".ckpt-watch"),  # what answers, and what watches
        seen.input.parts[1],
    }


def test_no_socket_of_the_host_is_there(seen: Seen) -> None:
    assert seen.build["sockets"] == []
    assert seen.fetch["sockets"] == []


def test_a_declared_input_is_there_and_cannot_be_written(seen: Seen) -> None:
    assert seen.build["there"][str(seen.input / "header.h")]
    assert seen.build["writable"][str(seen.input)] == "Read-only file system"
    assert seen.build["rewritten"][str(seen.input / "header.h")] == "Read-only file system"
    assert (seen.input / "header.h").read_text() == "shown\n"


@pytest.mark.parametrize("folder", READ_ONLY)
def test_the_system_cannot_be_written(seen: Seen, folder: str) -> None:
    assert seen.build["writable"][folder] != "done"


@pytest.mark.parametrize("path", [*KERNEL_FILES, *SYSTEM_FILES])
def test_files_of_the_system_and_settings_of_the_kernel_cannot_be_written(
    seen: Seen, path: str
) -> None:
    """A root that is only mapped to another id would still own /proc/sys."""
    assert seen.build["rewritten"][path] != "done"


@pytest.mark.parametrize("folder", [*WRITABLE, f"/ckpt/{NAME}"])
def test_what_belongs_to_the_build_can_be_written(seen: Seen, folder: str) -> None:
    assert seen.build["writable"][folder] == "done"


def test_the_network_is_there_for_fetch_alone(seen: Seen) -> None:
    assert seen.fetch["host"] == "done"
    assert seen.build["host"] != "done"
    assert seen.build["interfaces"] == ["lo"]


def test_a_build_can_talk_to_itself(seen: Seen) -> None:
    assert seen.build["loopback"] == "done"


def test_nothing_is_on_stdin_and_no_other_descriptor_is_open(seen: Seen) -> None:
    assert seen.build["stdin"] == ""
    assert seen.build["descriptors"] == ["0", "1", "2"]


def test_the_environment_is_fixed(seen: Seen) -> None:
    environment = dict(seen.build["environment"])
    assert environment.pop("LD_PRELOAD") == "/.ckpt-watch/libsee.so"
    for set_by_a_shell in ("PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"):
        environment.pop(set_by_a_shell, None)
    cores = environment.pop("NIX_BUILD_CORES")
    assert int(cores) == len(os.sched_getaffinity(0))
    assert environment.pop("SHELL") in {"/bin/bash", "/usr/bin/bash", "/bin/sh"}
    assert environment == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/homeless-shelter",
        "TMPDIR": "/tmp",
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "NIX_BUILD_TOP": "/build",
        "SOURCE_DATE_EPOCH": "315532800",
        "CCACHE_DISABLE": "1",
        "XDG_CACHE_HOME": "/build/cache",
        "CARGO_HOME": "/build/cache/cargo",
        "GOPATH": "/build/cache/go",
        "npm_config_cache": "/build/cache/npm",
        "GIVEN": "value",
        "out": f"/ckpt/{NAME}",
    }


def test_home_does_not_exist(seen: Seen) -> None:
    assert not seen.build["there"]["/homeless-shelter"]


def test_the_build_is_an_ordinary_user_without_groups(seen: Seen) -> None:
    assert seen.build["ids"] == [1000, 1000, 100, 100]
    assert set(seen.build["groups"]) <= {100, 65534}
    assert seen.build["setuid"] != "done"


def test_the_hosts_name_is_not_known(seen: Seen) -> None:
    assert seen.build["hostname"] == "localhost"


def test_only_its_own_processes_are_there(seen: Seen) -> None:
    assert os.getpid() not in seen.build["processes"] or max(seen.build["processes"]) < 100
    assert len(seen.build["processes"]) < 10


def test_the_umask_of_the_caller_changes_nothing(seen: Seen) -> None:
    assert seen.build["umask"] == 0o022
    mode = oct(stat.S_IFDIR | 0o755)
    assert seen.build["modes"] == {".": mode, "folder": mode, f"/ckpt/{NAME}": mode}


@pytest.mark.parametrize("device", DEVICES)
def test_devices_work(seen: Seen, device: str) -> None:
    assert seen.build["devices"][device] == "done"
    assert seen.build["shared memory"] == "done"


@pytest.mark.parametrize("call", sorted(CALLS))
def test_calls_that_namespaces_do_not_shut_off_are_refused(seen: Seen, call: str) -> None:
    """The caller's keys, the machine below a virtual one, a terminal, and what no build needs."""
    errors = {"vsock": errno.EAFNOSUPPORT, "TIOCSTI": errno.EPERM}
    assert seen.build["calls"][call] == os.strerror(errors.get(call, errno.ENOSYS))


def test_temporary_files_go_to_a_folder_of_the_build(seen: Seen) -> None:
    assert seen.build["temporary"] == "/tmp"


# --- the sandbox off: the probe reaches what is out of reach above ----------------------------


@pytest.fixture
def outside(probed: Callable[[str, str], Seen]) -> Seen:
    """As an ordinary user: what root tried here would be done."""
    return probed("other", "none")


def test_without_a_sandbox_the_files_of_the_host_are_there(outside: Seen) -> None:
    assert any(outside.build["there"][path] for path in outside.secrets)


def test_without_a_sandbox_an_input_can_be_written(outside: Seen) -> None:
    assert outside.build["rewritten"][str(outside.input / "header.h")] == "done"


def test_without_a_sandbox_sockets_of_the_host_answer(outside: Seen) -> None:
    assert outside.build["host"] == "done"
    assert outside.build["hostname"] == socket.gethostname()
    assert str(outside.input.parent / "socket") in outside.build["sockets"]


def test_without_a_sandbox_other_processes_are_there(outside: Seen) -> None:
    assert os.getpid() in outside.build["processes"]


def test_without_a_sandbox_the_build_is_the_user(outside: Seen) -> None:
    assert outside.build["ids"] != [1000, 1000, 100, 100]


def test_without_a_sandbox_some_calls_are_done(outside: Seen) -> None:
    shut_off = {call for call in CALLS if outside.build["calls"][call] != "done"}
    assert shut_off != set(CALLS)
