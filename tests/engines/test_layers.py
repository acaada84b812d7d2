"""Builds that start on what others left: on overlays, reflinks and copies, many on each other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ckpt_git.engines.local.workspace import flatten
from tests.engines.people import Person
from tests.engines.project import Project, python, snapshot
from tests.reflinks import reflinking
from tests.support import GitRepo

_EDITS = Path(__file__).with_name("edits.py")


@pytest.fixture(scope="session")
def cloning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | str]:
    """A folder whose file system has reflinks; a text says why there is none."""
    with reflinking(tmp_path_factory.mktemp("reflinks")) as folder:
        yield folder


@pytest.fixture(params=["overlay", "reflink", "copy"])
def layered(request: pytest.FixtureRequest, tmp_path: Path, cloning: Path | str) -> Project:
    """A project whose builds start in each of the ways there are."""
    project = Project(GitRepo.init(tmp_path / "repository"), {"CKPT_LAYERS": request.param})
    if request.param != "reflink":
        return project
    if isinstance(cloning, str):
        pytest.skip(cloning)
    return project.setting(CKPT_STORE=str(cloning / tmp_path.name))


def _edited_at_random(project: Project, steps: range, tmp_path: Path) -> None:
    """Builds that go on editing one folder: each must leave what the same edits leave elsewhere."""
    project.repo.write("edits.py", _EDITS.read_text())
    project.toml("python3 edits.py state number", install="cp -a state $out/")
    reference = tmp_path / "reference"
    for number in steps:
        project.repo.write("number", str(number))
        project.repo.git("add", "-A")
        record = project.passes() if number == steps[0] else project.from_checkpoint()
        subprocess.run(
            [sys.executable, _EDITS, reference, project.repo.path / "number"], check=True
        )
        assert snapshot(record.output / "state") == snapshot(reference), f"step {number}"


def test_what_builds_leave_adds_up(layered: Project, tmp_path: Path) -> None:
    _edited_at_random(layered, range(6), tmp_path)


@pytest.mark.parametrize("seed", [100, 200])
def test_merged_layers_show_the_same(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(flatten, "MAX_DEPTH", 3)
    project = project.setting(CKPT_LAYERS="overlay")
    _edited_at_random(project, range(seed, seed + 12), tmp_path)
    assert len(project.layer().chain) <= 3


def test_a_chain_of_sixty_builds(project: Project) -> None:
    project = project.setting(CKPT_LAYERS="overlay")
    project.toml(
        "number=$(cat number); echo $number >>numbers; mkdir -p n; "
        "echo >n/$number; rm -f n/$((number - 5))"
    )
    for number in range(60):
        project.repo.write("number", f"{number}\n")
        project.repo.git("add", "-A")
        record = project.passes()
        assert (record.checkpoint is None) == (number == 0), record.why_clean
        assert len(project.layer().chain) <= flatten.MAX_DEPTH
    assert (record.output / "numbers").read_text().split() == [str(n) for n in range(60)]
    assert sorted(path.name for path in (record.output / "n").iterdir()) == [
        str(n) for n in range(55, 60)
    ]
    assert record.depth == 59


# --- what builds leave ---------------------------------------------------------------------

# Shell commands that leave something unusual; each can be run again on what it left.
_LEFT = {
    "a socket": "rm -f left; "
    + python("import socket; socket.socket(socket.AF_UNIX).bind('left')"),
    "a pipe": "rm -f left; mkfifo left",
    "hard links": "echo 1 >left; ln -f left other",
    "a sparse file": "truncate -s 3G left",
    "a folder that nobody may write": "mkdir -p left; touch left/file; chmod 555 left",
    "names of any byte": "printf 1 >\"$(printf 'n\\nl\\377 \\001')\"; mkdir -p \"$(printf '\\t')\"",
    "a link to nowhere": "ln -sfn /nowhere left",
    "a date long ago": "touch -d @0 left",
}


def test_the_next_build_starts_on_what_a_build_left(layered: Project) -> None:
    project = layered
    left = "".join(f"(mkdir -p {n}; cd {n}; {text}); " for n, text in enumerate(_LEFT.values()))
    project.toml(f"{left} cat file >>built", install="cp built $out/")
    for content in ("1", "2", "3"):
        project.repo.write("file", content)
        project.repo.git("add", "-A")
        record = project.passes()
    assert record.checkpoint is not None, record.why_clean
    assert (record.output / "built").read_text() == "123"


def test_what_cannot_be_copied_is_no_base_and_it_is_said(other: Person) -> None:
    """root may read all; an ordinary user may not, and then the next build has to be clean."""
    for layers in ("copy", "overlay"):
        project = other.project(f"unreadable-{layers}", CKPT_LAYERS=layers)
        project.toml("rm -f left; echo 1 >left; chmod 0 left", install="")
        project.repo.commit()
        record = other.build(project, "HEAD")
        assert record.passed
        said = "the build left source/left unreadable" if layers == "copy" else None
        assert record.no_base == said
        again = other.build(project, "HEAD")
        assert again.passed
        assert (again.checkpoint is None) == (layers == "copy")


def test_a_file_in_two_places_parts_when_one_is_written(layered: Project) -> None:
    """The layer below keeps what it had, whatever is written above."""
    project = layered
    project.toml("test -e one || { echo old >one; ln one two; }; cat file >>one")
    project.repo.commit(files={"file": "1"})
    first = project.passes()
    project.repo.commit(files={"file": "2"})
    project.from_checkpoint()
    assert project.engine_damage() == [None, None]
    assert (first.output / "one").read_text() == "old\n1"


def test_files_from_the_future_are_no_base_and_it_is_said(project: Project) -> None:
    project.toml("touch -d '+1 day' left")
    record = project.passes()
    assert record.no_base == "the build left files that are dated in the future"
    assert project.passes().checkpoint is None


def test_a_renamed_folder_of_the_checkpoint(layered: Project) -> None:
    """rename(2) of a lower folder fails on an overlay; what gives up then is built clean."""
    project = layered
    project.toml(
        "mkdir -p made; cp file made/; rm -rf moved; mv made moved; "
        + python("import os; os.path.isdir('x') or os.mkdir('x'); os.rename('x', 'y')")
    )
    for content in ("1", "2"):
        project.repo.commit(files={"file": content})
        record = project.passes()
        assert (record.output / "moved" / "file").read_text() == content
        assert not (record.output / "made").exists()


# --- what a build does to its sources ------------------------------------------------------

_REPLACED = {
    "its source folder": "cd ..; rm -rf source; ln -s {outside} source",
    "a folder in it": "rm -rf folder; ln -s {outside} folder",
    "a folder above it": "rm -rf folder; ln -s {outside}/.. folder",
}


@pytest.mark.parametrize("replaced", _REPLACED)
@pytest.mark.parametrize("sandbox", ["bubblewrap", "none"])
def test_a_link_out_of_the_sources_is_not_followed(
    project: Project, tmp_path: Path, sandbox: str, replaced: str
) -> None:
    """What the next build writes and deletes lies in its own sources, wherever links lead."""
    outside = tmp_path / "folder"
    outside.mkdir()
    for name in ("changed", "deleted"):
        (outside / name).write_text("outside")
    project = project.setting(CKPT_SANDBOX=sandbox)
    # The second build is a plain one, so that it can say what it found.
    project.toml(
        f"if grep -q 1 folder/changed; then {_REPLACED[replaced].format(outside=outside)}; fi",
        install="test -L $NIX_BUILD_TOP/source || cp -RP . $out/",
    )
    project.repo.commit(files={"folder/changed": "1", "folder/deleted": "1", "changed": "1"})
    project.passes()
    project.repo.remove("folder/deleted")
    project.repo.commit(files={"folder/changed": "2", "changed": "2"})
    record = project.passes()
    assert {path.name: path.read_text() for path in outside.iterdir()} == {
        "changed": "outside",
        "deleted": "outside",
    }
    assert (record.output / "folder" / "changed").read_text() == "2"
    assert not (record.output / "folder").is_symlink()
    assert not (record.output / "folder" / "deleted").exists()


_REWRITES = {
    "content": "echo built >>tracked",
    "a counter": "echo $(($(cat number) + 1)) >number",
    "mode": "chmod +x tracked",
    "deletion": "rm tracked",
    "a folder's deletion": "rm -rf folder",
    "a folder made anew": "rm -rf folder; mkdir folder; echo x >folder/new",
    "a folder made a link": "rm -rf real; mv folder real; ln -s real folder",
    "a folder made a file": "rm -rf folder; echo >folder",
    "a file made a folder": "rm tracked; mkdir tracked",
    "a file made a link": "rm tracked; ln -s number tracked",
    "a file made a pipe": "rm tracked; mkfifo tracked",
    "a date": "touch tracked",
}


def test_sources_that_a_build_rewrites_are_the_trees_for_the_next(layered: Project) -> None:
    """The next build finds what git has, as a clean one does: each rewrite in a folder of its
    own, which is copied before it happens."""
    project = layered
    rewrites = {name.replace(" ", "-").replace("'", ""): text for name, text in _REWRITES.items()}
    each = "".join(
        f"(cd {name}; mkdir -p ../../seen; rm -rf ../../seen/{name}; cp -RP . ../../seen/{name}; "
        f"rm -rf ../../seen/{name}/new ../../seen/{name}/real; {text}); "
        for name, text in rewrites.items()
    )
    project.toml(
        f"{each} rm -rf ../seen/*/folder/new", install="cp -RP $NIX_BUILD_TOP/seen/. $out/"
    )
    tracked = ("tracked", "number", "folder/file")
    project.repo.commit(
        files={"other": "1\n", **{f"{name}/{path}": "1\n" for name in rewrites for path in tracked}}
    )
    first = project.passes()
    assert {path.name for path in first.output.iterdir()} == set(rewrites)
    for _ in range(2):
        project.repo.commit(files={"other": "2\n"})
        assert snapshot(project.from_checkpoint().output) == snapshot(first.output)
