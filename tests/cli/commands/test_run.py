"""``path`` and ``run``: the newest output, at the path that is compiled into it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.project import COMMAND, Project, processes

KINDS = ["bubblewrap", "namespaces", "none"]


@pytest.fixture(params=KINDS)
def built(request: pytest.FixtureRequest, project: Project) -> Project:
    """The project, built in each kind of sandbox that this machine has."""
    kind: str = request.param
    _needs(kind)
    forced = project.with_env(CKPT_SANDBOX=kind)
    result = forced.build()
    assert result["sandbox"] == kind
    return forced


def _needs(kind: str) -> None:
    if kind == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")


def test_a_program_finds_its_data_below_its_prefix(built: Project) -> None:
    assert built.ckpt("run", "--", "hello").out == "hello\n"


def test_arguments_and_exit_code_are_passed_through(built: Project) -> None:
    arguments = ["--help", "-p", "two words", "", "$HOME", "--"]
    done = built.ckpt("run", "hello", *arguments, code=len(arguments))
    assert done.out == "hello\n" + "".join(f"[{argument}]\n" for argument in arguments)


def test_standard_input_is_passed_through(built: Project) -> None:
    done = built.ckpt("run", "--", "hello", stdin=b"one\ntwo\n")
    assert done.out == "hello\nstdin: one\nstdin: two\n"


def test_it_runs_in_the_users_folder_with_the_users_environment(built: Project) -> None:
    below = built.path / "src"
    done = built.with_env(OWN="mine").ckpt("run", "--", "sh", "-c", "pwd; echo $OWN", cwd=below)
    assert done.out == f"{below}\nmine\n"


def test_a_program_may_write_where_its_user_may(built: Project, tmp_path: Path) -> None:
    file = tmp_path / "written"
    built.ckpt("run", "--", "sh", "-c", f"echo it >{file}")
    assert file.read_text() == "it\n"


def test_a_program_cannot_change_the_output(built: Project) -> None:
    """Without namespaces it can; then what it changed is noticed, and built again."""
    out = Path(built.ckpt("path").out.strip())
    script = "cd $(dirname $(command -v hello)) && echo bad >new"
    built.ckpt("run", "--", "sh", "-c", script, code=None)
    if (built.env or {})["CKPT_SANDBOX"] == "none":
        assert not built.build()["cached"]
    else:
        assert not (out / "bin/new").exists()


def test_the_output_last_built_is_the_one_that_runs(project: Project) -> None:
    """Also where a record answered: what one has just asked for is what one wants to run."""
    project.build()
    first = project.ckpt("path").out
    project.edit("greeting.txt", "hello", "good day")
    project.build()
    assert project.ckpt("run", "hello").out == "good day\n"
    project.edit("greeting.txt", "good day", "hello")
    assert project.build()["cached"]
    assert project.ckpt("path").out == first
    assert project.ckpt("run", "hello").out == "hello\n"


def test_a_failed_build_leaves_the_older_output(project: Project) -> None:
    project.build()
    project.edit("src/main.c", "return", "retrun")
    project.build(code=1)
    assert project.ckpt("run", "hello").out == "hello\n"


def test_nothing_built_yet(project: Project) -> None:
    for command in (["path"], ["run", "hello"]):
        done = project.ckpt(*command, code=2)
        assert done.err == (
            "ckpt: error: there is no output of hello yet; `git ckpt build` makes one\n"
        )


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("nosuch", 127, "there is no program `nosuch` in "),
        ("./nothere", 127, "there is no program `./nothere`"),
        ("./interpreted", 127, "can't run ./interpreted: its interpreter /nothere/sh isn't there"),
        ("./plain", 126, "can't run ./plain: plain isn't executable (`chmod +x` makes it)"),
        ("./src", 126, "can't run ./src: src is a folder"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_ends_as_with_env(
    built: Project, program: str, code: int, said: str
) -> None:
    built.repo.write("plain")
    built.repo.write("interpreted", "#!/nothere/sh -e\n", executable=True)
    env = subprocess.run(["env", program], cwd=built.path, capture_output=True, check=False)
    assert env.returncode == code
    done = built.ckpt("run", "--", program, code=code)
    [line] = done.err.splitlines()
    assert line.startswith(f"ckpt: error: {said}")


def test_a_file_that_only_a_shell_can_read_is_run_by_one(built: Project) -> None:
    built.repo.write("lines", "echo it: $1\n", executable=True)
    assert built.ckpt("run", "--", "./lines", "is").out == "it: is\n"


TELLS = "trap 'echo got it; exit 7' INT TERM; echo ready; while :; do sleep .05; done"


def _ready(project: Project, script: str) -> subprocess.Popen[bytes]:
    """``git ckpt run`` with a shell in it that has come so far that it said so."""
    command = project.start("run", "--", "sh", "-c", script)
    assert command.stdout is not None
    assert command.stdout.readline() == b"ready\n"
    return command


def test_ctrl_c_is_the_programs_and_so_is_the_exit_code(built: Project) -> None:
    command = _ready(built, TELLS)
    os.killpg(command.pid, signal.SIGINT)
    assert command.communicate(timeout=30) == (b"got it\n", b"")
    assert command.returncode == 7


def test_a_program_that_ctrl_c_ends_leaves_nothing_running(built: Project) -> None:
    command = _ready(built, "echo ready; exec sleep 515151")
    os.killpg(command.pid, signal.SIGINT)
    assert command.communicate(timeout=30) == (b"", b"")
    assert command.returncode in {128 + signal.SIGINT, -signal.SIGINT}
    assert processes("sleep 515151") == []


def test_a_program_below_ours_gets_what_asks_it_to_end(project: Project) -> None:
    forced = project.with_env(CKPT_SANDBOX="namespaces")
    forced.build()
    command = _ready(forced, TELLS)
    command.terminate()
    assert command.communicate(timeout=30) == (b"got it\n", b"")
    assert command.returncode == 7


def test_a_program_starts_as_from_a_shell(built: Project) -> None:
    """With the user's umask and limits, and with the signals that Python ignores for itself."""
    script = "umask; ulimit -a; grep SigIgn /proc/self/status"
    in_shell = subprocess.run(["sh", "-c", f"umask 027; {script}"], capture_output=True, check=True)
    command = " ".join(map(shlex.quote, (*COMMAND, "run", "--", "sh", "-c", script)))
    done = subprocess.run(
        ["sh", "-c", f"umask 027; {command}"],
        cwd=built.path,
        env=built.environment(),
        capture_output=True,
        check=True,
    )
    assert done.stdout == in_shell.stdout


def test_a_program_is_named_by_its_path_in_the_output(built: Project) -> None:
    installed = built.ckpt("run", "--", "sh", "-c", "command -v hello").out.strip()
    assert built.ckpt("run", "--", installed).out == "hello\n"
    assert "no program" in built.ckpt("run", "--", f"{installed}s", code=127).err


def test_a_folder_that_is_gone_is_one_line(project: Project, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", tmp_path / "gone", *COMMAND, "run", "hello"],
        env=project.environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (b"ckpt: error: the current folder is gone; `cd` to one that is there\n")


def test_an_output_that_is_gone_is_built_again(project: Project) -> None:
    out = Path(project.build()["out"])
    shutil.rmtree(out.parent)
    assert "there is no output" in project.ckpt("path", code=2).err
    again = project.build()
    assert not again["cached"]
    assert project.ckpt("run", "hello").out == "hello\n"


def test_of_several_packages_the_one_with_the_program_runs(tmp_path: Path) -> None:
    config, files = "", {}
    for name in ("one", "two"):
        install = f"install -D {name} $out/bin/{name}"
        config += f'[package.{name}]\nbuild = "true"\ninstall = "{install}"\n'
        files[name] = f"#!/bin/sh\necho {name}\n"
    project = Project.make(tmp_path / "p", files, config)
    project.ckpt("build")
    assert project.ckpt("run", "two").out == "two\n"
    assert project.ckpt("run", "-p", "one", "one").out == "one\n"
    assert "choose one with --package: one, two" in project.ckpt("run", "three", code=2).err
    assert "choose one with --package: one, two" in project.ckpt("path", code=2).err
    assert project.ckpt("path", "--package", "two").out.rstrip().endswith("/two")


@pytest.mark.parametrize("kind", KINDS)
def test_a_build_has_the_same_signals_whoever_starts_it(tmp_path: Path, kind: str) -> None:
    """``yes | head -1`` ends without a word by SIGPIPE, which Python ignores for itself."""
    config = '[package.it]\nbuild = "grep SigIgn /proc/self/status >it"\n'
    config += 'install = "install -D it $out/it"\n'
    _needs(kind)
    project = Project.make(tmp_path / "p", {}, config).with_env(CKPT_SANDBOX=kind)
    assert (Path(project.build()["out"]) / "it").read_text() == f"SigIgn:\t{0:016x}\n"
