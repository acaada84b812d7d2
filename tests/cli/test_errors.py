"""What can go wrong and was foreseen: one line, the right exit code, and nothing lost.

After each of these the next build works, and the checkpoint of before serves.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.project import COMMAND, CONFIG, ROOT, Project, processes
from tests.support import GitRepo, eventually, read_only


def assert_nothing_lost(project: Project, base: str) -> None:
    """A changed tree is built from the checkpoint of the commit ``base``."""
    project.repo.write("greeting.txt", f"after {os.urandom(4).hex()}\n")
    result = project.build()
    assert result["outcome"] == "passed"
    assert result["checkpoint"] is not None, result["why_clean"]
    assert result["checkpoint"]["commit"] == base
    text = (project.path / "greeting.txt").read_text()
    assert (Path(result["out"]) / "share/greeting.txt").read_text() == text


@pytest.fixture
def built(project: Project) -> Project:
    """The project with a checkpoint of its commit."""
    project.build()
    return project


# --- configuration -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (CONFIG + 'bild = "x"\n', 'ckpt.toml:4: unknown key "bild"; did you mean `build`?'),
        ("[package.hello]\nbuild = 7\n", "ckpt.toml:2:"),
        ("[package.hello\n", "ckpt.toml:1: not valid TOML"),
        ("", "ckpt.toml:1: no [package.NAME]"),
        ('[package.hello]\ninstall = "true"\n', "ckpt.toml:1: package `hello` has no `build`"),
    ],
)
def test_a_bad_configuration_is_named_with_its_line(built: Project, config: str, said: str) -> None:
    built.repo.write("ckpt.toml", config)
    [line] = built.ckpt("build", code=2).err.splitlines()
    assert line.startswith(f"ckpt: error: {said}")


def test_no_command_goes_on_with_a_bad_configuration(built: Project) -> None:
    base = built.repo.head
    built.repo.write("ckpt.toml", CONFIG + "bild = 1\n")
    for command in (["status"], ["verify"], ["path"], ["build", "--background"]):
        assert built.ckpt(*command, code=2).err.startswith("ckpt: error: ckpt.toml:4: ")
    assert "first" in built.ckpt("log").out, "looking back needs no configuration"
    built.repo.write("ckpt.toml", CONFIG)
    assert_nothing_lost(built, base)


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless", "long"])
def test_what_is_no_file_of_configuration_is_told_at_once(tmp_path: Path, kind: str) -> None:
    project = Project.make(tmp_path / "p", config=None)
    path = project.path / "ckpt.toml"
    make: dict[str, Callable[[], object]] = {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "endless": lambda: path.symlink_to("/dev/zero"),
        "long": lambda: path.write_bytes(b"#" * 10_000_000),
    }
    make[kind]()
    for command in ("build", "status", "init"):
        [line] = project.ckpt(command, code=2).err.splitlines()
        assert line.startswith("ckpt: error: ")
        assert "ckpt.toml" in line


def test_a_long_configuration_of_a_commit_is_refused(project: Project) -> None:
    project.repo.commit("long", {"ckpt.toml": CONFIG + "#" * 10_000_000})
    said = project.ckpt("build", "HEAD", code=2).err
    assert said.startswith("ckpt: error: ckpt.toml is longer than 256 kB; ")


def test_no_configuration(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "p", config=None)
    done = project.ckpt("build", code=2)
    assert done.err == (
        f"ckpt: error: no ckpt.toml in {project.path}; `git ckpt init` writes one\n"
    )


# --- programs that aren't there, commands that fail ----------------------------------------


@pytest.mark.parametrize(
    ("build", "missing"),
    [
        ("make CC=nosuch-cc", "nosuch-cc"),
        ("nosuch-cc -c src/main.c", "nosuch-cc"),
        ("sh -c 'nosuch-cc -c src/main.c'", "nosuch-cc"),
        ("env nosuch-cc", "nosuch-cc"),
    ],
)
def test_a_missing_compiler_is_named_and_ends_with_3(
    built: Project, build: str, missing: str
) -> None:
    base = built.repo.head
    built.repo.write("ckpt.toml", f'[package.hello]\nbuild = "{build}"\n')
    done = built.ckpt("build", "-q", code=3)
    line = done.line("ckpt: hello:", f"`{missing}` is not there")
    assert "install it, or name its folder under `inputs` in ckpt.toml" in line
    built.repo.write("ckpt.toml", CONFIG)
    assert_nothing_lost(built, base)


def test_a_program_that_was_missing_is_looked_for_again(tmp_path: Path) -> None:
    """The tree is the same and so is the recipe: only the machine has changed since."""
    tools = tmp_path / "tools/bin"
    tools.mkdir(parents=True)
    config = f'[package.it]\nbuild = "tool-of-ours"\ninputs = ["{tools}"]\n'
    project = Project.make(tmp_path / "p", {}, config)
    project.ckpt("build", code=3)
    (tools / "tool-of-ours").write_text("#!/bin/sh\necho it is there\n")
    (tools / "tool-of-ours").chmod(0o755)
    project.ckpt("build")


def test_a_missing_input_is_named(built: Project, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    built.repo.write("ckpt.toml", f'{CONFIG}inputs = ["{gone}"]\n')
    [line] = built.ckpt("build", code=3).err.splitlines()
    assert line == (
        f"ckpt: error: package hello: the input {gone} isn't there; "
        "install it, or change `inputs` in ckpt.toml"
    )


def test_a_failing_command_tells_phase_code_and_log(built: Project) -> None:
    base = built.repo.head
    built.repo.write("ckpt.toml", CONFIG.replace("make install", "echo no room; exit 7"))
    done = built.ckpt("build", "-q", code=1)
    assert "no room" in done.err.splitlines()
    line = done.line("ckpt: hello: install ended with 7; the whole log: ")
    log = Path(line.rpartition("the whole log: ")[2])
    assert "no room" in log.read_text()
    assert "hello: failed" in done.out
    built.repo.write("ckpt.toml", CONFIG)
    assert_nothing_lost(built, base)


def test_a_command_that_is_killed_is_told_so(built: Project) -> None:
    built.repo.write("ckpt.toml", '[package.hello]\nbuild = "kill -SEGV $$"\n')
    built.ckpt("build", "-q", code=1).line("ckpt: hello: build was killed by signal 11")


def test_a_build_that_hangs_is_ended_in_time(built: Project) -> None:
    base = built.repo.head
    built.repo.write("ckpt.toml", '[package.hello]\nbuild = "sleep 616161"\ntimeout = 1\n')
    done = built.ckpt("build", "-q", code=1)
    done.line("ckpt: hello: build took longer than the 1 s of its `timeout`")
    assert processes("sleep 616161") == []
    built.repo.write("ckpt.toml", CONFIG)
    assert_nothing_lost(built, base)


def test_a_failure_is_told_at_once_and_confirmed_clean(built: Project) -> None:
    built.edit("src/main.c", "greet(n, v)", "greet(n, w)")
    done = built.ckpt("build", code=1)
    said = done.err.splitlines()
    first = said.index("ckpt: hello: failed from the checkpoint: build ended with 2")
    assert said[first + 1] == "ckpt: hello: confirming with a clean build"
    error = f"{built.path}/src/main.c:2:"
    assert sum(line.startswith(error) and "error:" in line for line in said[:first]) == 1
    assert not any(line.startswith(error) for line in said[first:]), "it is still to be seen above"


def test_without_its_output_a_failure_is_shown_once_and_in_at_most_20_lines(
    built: Project,
) -> None:
    bad = "".join(f"int f{i}(void) {{ return nosuch{i}; }}\n" for i in range(40))
    built.repo.write("src/main.c", bad)
    done = built.ckpt("build", "-q", code=1)
    shown = [line for line in done.err.splitlines() if not line.startswith("ckpt:")]
    assert shown[0] == f"{built.path}/src/main.c: In function ‘f0’:"  # noqa: RUF001
    assert shown[1].startswith(f"{built.path}/src/main.c:1:")
    assert len(shown) == 20
    done.line("the whole log: ")


def test_a_known_failure_is_shown_again_with_its_reason(built: Project) -> None:
    built.edit("src/main.c", "return", "retrun")
    first = built.ckpt("build", "-q", code=1)
    again = built.ckpt("build", code=1)
    error = [line for line in first.err.splitlines() if "error:" in line]
    assert [line for line in again.err.splitlines() if "error:" in line] == error
    assert "--rebuild tries again" in again.out
    assert error[0] in built.ckpt("status").out
    assert f"    {error[0]}" in built.ckpt("log").out.splitlines()


# --- room and permissions ------------------------------------------------------------------


@contextmanager
def mounted(path: Path, options: str) -> Iterator[None]:
    """A tmpfs at ``path``."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a tmpfs")
    path = tmp_path / "disk"
    try:
        with mounted(path, "size=3m"):
            yield path
    except subprocess.CalledProcessError:
        pytest.skip("needs mount(8) to be allowed")


def test_no_room_in_the_store(tmp_path: Path, small_disk: Path) -> None:
    project = Project.make(tmp_path / "project").with_env(CKPT_STORE=str(small_disk / "store"))
    project.build()
    base = project.repo.head
    project.repo.write("big", os.urandom(4 << 20))
    project.repo.git("add", "big")
    done = project.ckpt("build", "-q", code=3)
    [line] = done.err.splitlines()
    assert line.startswith("ckpt: error: cannot write ")
    assert f"{small_disk}/store" in line
    assert "No space left on device" in line or "unable to write file" in line
    project.repo.git("rm", "-q", "--cached", "big")
    assert_nothing_lost(project, base)


def test_no_room_for_what_a_build_writes(tmp_path: Path, small_disk: Path) -> None:
    project = Project.make(tmp_path / "project").with_env(CKPT_STORE=str(small_disk / "store"))
    project.build()
    base = project.repo.head
    project.repo.write("ckpt.toml", CONFIG.replace('"make"', '"make && head -c 9M /dev/zero >big"'))
    done = project.ckpt("build", "-q", code=3)
    assert f"no room left in {small_disk}/store" in done.line("ckpt: error:")
    project.repo.write("ckpt.toml", CONFIG)
    assert_nothing_lost(project, base)


def test_no_room_in_the_repository(small_disk: Path) -> None:
    project = Project.make(small_disk / "project")
    project.build()
    base = project.repo.head
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    project.repo.write("greeting.txt", "h\n")
    done = project.ckpt("build", "-q", code=3)
    [line] = done.err.splitlines()
    assert line.startswith("ckpt: error: cannot ")
    assert "No space left on device" in line
    filler.unlink()
    assert_nothing_lost(project, base)


def test_a_read_only_store(project: Project, tmp_path: Path) -> None:
    store = tmp_path / "own-store"
    mine = project.with_env(CKPT_STORE=str(store))
    mine.build()
    base = project.repo.head
    project.repo.write("greeting.txt", "other\n")
    with read_only(store):
        done = mine.ckpt("build", "-q", code=3)
        [line] = done.err.splitlines()
        assert line.startswith(f"ckpt: error: can't write {store}")
        assert "set CKPT_STORE to a folder" in line
        assert mine.ckpt("run", "hello").out == "hello\n", "what is there is still of use"
    assert_nothing_lost(mine, base)


def test_a_read_only_repository(built: Project) -> None:
    base = built.repo.head
    built.repo.write("greeting.txt", "other\n")
    with read_only(built.path / ".git"):
        done = built.ckpt("build", "-q", code=3)
        [line] = done.err.splitlines()
        assert line.startswith("ckpt: error: cannot ")
        assert f"{built.path}/.git" in line
        assert built.ckpt("build", "HEAD", "-q").out.startswith("hello: passed, known")
        built.ckpt("status", code=None)
    assert_nothing_lost(built, base)


# --- repositories --------------------------------------------------------------------------


def test_not_a_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    nowhere = Project(GitRepo(tmp_path / "plain"))
    for command in (["build"], ["init"], ["status"], ["log"], ["path"], ["install"], ["watch"]):
        [line] = nowhere.ckpt(*command, code=2).err.splitlines()
        assert line == (
            f"ckpt: error: {nowhere.path} is not in a git repository; "
            "go to one, or make one with `git init`"
        )


def test_a_bare_repository_builds_revisions(built: Project, tmp_path: Path) -> None:
    built.repo.git("clone", "-q", "--bare", str(built.path), str(tmp_path / "bare"))
    bare = Project(GitRepo(tmp_path / "bare"))
    [line] = bare.ckpt("build", code=2).err.splitlines()
    assert line == (
        f"ckpt: error: {bare.path} is a bare repository, without worktree; name a revision to build"
    )
    assert bare.build("HEAD")["outcome"] == "passed"
    assert bare.ckpt("run", "hello").out == "hello\n"
    assert "hello" in bare.ckpt("status").out
    assert "bare repository" in bare.ckpt("init", code=2).err


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    unborn = Project(GitRepo.init(tmp_path / "unborn"))
    assert "git tracks no files" in unborn.ckpt("init", code=2).line("ckpt: error:")
    unborn.repo.write("what", "1\n")
    unborn.repo.write("ckpt.toml", '[package.it]\nbuild = "cat what"\n')
    unborn.repo.git("add", ".")
    for command in (["prepare"], ["build", "HEAD"]):
        [line] = unborn.ckpt(*command, code=2).err.splitlines()
        assert line == (
            f"ckpt: error: there is no commit or tree 'HEAD' in {unborn.path}; "
            "nothing is committed here yet: `git commit` makes a first one"
        )
    assert unborn.build()["commit"] is None
    unborn.repo.commit("first")
    assert unborn.build()["cached"]
    assert "it" in unborn.ckpt("status").out


# --- killed, interrupted, two at once ------------------------------------------------------

SLOW = CONFIG.replace('"make"', '"make && sleep 717171"')


def _slow_build(project: Project) -> subprocess.Popen[bytes]:
    """A build that hangs after it has compiled something."""
    project.repo.write("ckpt.toml", SLOW)
    process = project.start("build")
    eventually(lambda: processes("sleep 717171") != [], "the build runs")
    return process


@pytest.mark.parametrize("kind", ["bubblewrap", "namespaces", "none"])
def test_ctrl_c_ends_all_that_runs_with_130(project: Project, kind: str) -> None:
    if kind == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")
    mine = project.with_env(CKPT_SANDBOX=kind)
    mine.build()
    process = _slow_build(mine)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.decode().splitlines()[-1] == "ckpt: interrupted; what was built before is kept"
    eventually(lambda: processes("sleep 717171") == [], "nothing is left running", 5)
    project.repo.write("ckpt.toml", CONFIG)
    assert_nothing_lost(mine, project.repo.head)
    assert [r["outcome"] for r in mine.ckpt("log", "--json").json()["records"]] == ["passed"] * 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_build_leaves_nothing_that_counts(
    built: Project, number: signal.Signals, shared_store: Path
) -> None:
    base = built.repo.head
    process = _slow_build(built)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == -number
    eventually(lambda: processes("sleep 717171") == [], "nothing is left running")
    built.repo.write("ckpt.toml", CONFIG)
    assert_nothing_lost(built, base)
    assert list((shared_store / "tmp").iterdir()) == []


def test_two_builds_at_once_both_pass(built: Project) -> None:
    base = built.repo.head
    built.repo.write("ckpt.toml", CONFIG.replace('"make"', '"make; sleep 3.1717"'))
    both = [built.start("build", "--json", "--rebuild") for _ in range(2)]
    eventually(lambda: len(processes("sleep 3.1717")) == 2, "both are under way")
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    results = [json.loads(out)["results"][0] for out, _ in outputs]
    assert results[0]["tree"] == results[1]["tree"]
    assert all((Path(result["out"]) / "bin/hello").exists() for result in results)
    built.repo.write("ckpt.toml", CONFIG)
    assert_nothing_lost(built, base)


# --- streams -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["log", "log --output", "-h", "build --json --rebuild"])
def test_a_pipe_that_nobody_reads_on_is_no_error(built: Project, command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    process = built.start(*command.split(), stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"Error" not in err
    assert b"Broken" not in err


def test_a_library_that_prints_where_nobody_reads_on_is_no_defect() -> None:
    """typer prints a page of help in two pieces, and the first may be all that `head` wants."""
    script = "from ckpt_git.cli import errors\n"
    script += "raise SystemExit(errors.run_guarded(lambda: print(flush=True) or 0))"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_failure_is_no_success_because_nobody_reads_on(built: Project) -> None:
    built.edit("src/main.c", "return", "retrun")
    read, write = os.pipe()
    os.close(read)
    process = built.start("build", stdout=write, stderr=write)
    os.close(write)
    assert process.wait(60) == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(built: Project, closed: str) -> None:
    """Nothing is printed into a file that happens to get the number of a closed stream."""
    built.repo.write("greeting.txt", "other\n")
    command = " ".join(COMMAND)
    done = subprocess.run(
        ["sh", "-c", f"{command} build {closed}"],
        cwd=built.path,
        env=built.environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stdout + done.stderr
    assert built.ckpt("run", "hello").out == "other\n"
    records = built.ckpt("log", "--json").json()["records"]
    assert "passed" not in Path(records[0]["log"]).read_text()


def test_a_full_disk_behind_standard_output_is_an_error(built: Project) -> None:
    with Path("/dev/full").open("wb") as full:
        process = built.start("status", "--json", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.decode() == (
        "ckpt: error: can't write to standard output: No space left on device\n"
    )


@pytest.mark.parametrize("kind", ["namespaces", "none"])
def test_a_build_that_makes_out_itself_is_told_that_it_is_there(tmp_path: Path, kind: str) -> None:
    """As one writes it for Nix."""
    config = '[package.it]\nbuild = "true"\ninstall = "mkdir $out && cp ckpt.toml $out/"\n'
    project = Project.make(tmp_path / "it", {}, config).with_env(CKPT_SANDBOX=kind)
    done = project.ckpt("build", code=1)
    assert done.line("the whole log").startswith(
        "ckpt: it: install ended with 1: $out is there from the start, as an empty folder: "
        "write `mkdir -p $out`; "
    )
    project.repo.write("ckpt.toml", config.replace("mkdir", "mkdir -p"))
    project.ckpt("build")


# --- names ---------------------------------------------------------------------------------


def test_untracked_files_are_named_once_for_a_build(built: Project) -> None:
    config = CONFIG + '[package.other]\nbuild = "true"\n'
    built.repo.write("ckpt.toml", config)
    built.repo.write(".gitignore", "ignored\n")
    for name in ("ignored", "new file.c", "näme", "folder/in", "two\nlines"):
        built.repo.write(name)
    (built.path / os.fsdecode(b"caf\xe9")).write_text("")
    done = built.ckpt("build")
    line = done.line("not built, as git doesn't track them")
    for name in ("new file.c", "näme", "folder/", r'"two\nlines"', r'"caf\xe9"', ".gitignore"):
        assert name in line
    assert "ignored," not in line
    assert line.endswith("; `git add` those that matter")
    assert "track them" not in built.ckpt("build").err, "nothing was built, so nothing left out"
    assert "track them" not in built.ckpt("build", "HEAD", "--rebuild").err


def test_names_that_are_not_utf8_in_json(tmp_path: Path) -> None:
    config = """\
[package.it]
build = "date +%N >>$(printf 'caf\\\\351')"
install = "mkdir -p $out && cp caf* plain $out/"
"""
    project = Project.make(tmp_path / "p", {"plain": "1"}, config)
    project.build()
    project.repo.write("plain", "2")
    [verdict] = project.ckpt("verify", "--json", code=None).json()["results"]
    names = [*verdict["differences"], *verdict["unreproducible"]]
    assert [os.fsencode(name) for name in names] == [b"caf\xe9"]


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_every_locale_gets_along(built: Project, locale: str) -> None:
    mine = built.with_env(LC_ALL=locale, PYTHONUTF8="0", PYTHONIOENCODING="latin-1")
    mine.ckpt("log")
    mine.ckpt("doctor", code=None)
    mine.ckpt("-h")
