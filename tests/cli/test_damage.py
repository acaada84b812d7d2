"""What is kept isn't as it was written: it is let go, and what is built is as a clean build has it.

Every kind of file that a real build leaves in the store and in ``.git/ckpt`` is found by walking,
and gets every kind of damage. All get it at once; CKPT_DAMAGE=each has each kind of file get it by
itself, which takes half an hour.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import COMMAND, TWO_TEXTS, TWO_TEXTS_CONFIG, Done, Project
from tests.support import eventually

CONFIG = f'{TWO_TEXTS_CONFIG}fetch = "echo x > fetched"\n'

Damage = Callable[[Path], bool]
"""Damages a file; gives whether there was anything to be damaged in such a way."""


# -- damages --------------------------------------------------------------------------------------


def _instead(make: Callable[[Path], object]) -> Damage:
    """Something else lies there."""

    def damage(path: Path) -> bool:
        path.unlink()
        make(path)
        return True

    return damage


def _holds(content: bytes) -> Damage:
    return _instead(lambda path: path.write_bytes(content))


def _full_folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("x")


def _edited(edit: Callable[[bytes], bytes]) -> Damage:
    def damage(path: Path) -> bool:
        before = b"" if path.is_symlink() else path.read_bytes()
        if not before:
            return False
        path.write_bytes(edit(before))
        return True

    return damage


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 8]) + (
        content[middle + 8 :]
    )  # fmt: skip


def _json(change: Callable[[Any], Any]) -> Damage:
    """Each value of a JSON document is another one."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: changed(one) for name, one in value.items()}
        return list(map(changed, value)) if isinstance(value, list) else change(value)

    def damage(path: Path) -> bool:
        try:
            value = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return False
        path.write_text(json.dumps(changed(value)))
        return True

    return damage


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(another: object) -> Damage:
    return _json(lambda value: another if _is_number(value) else value)


def _unreadable(path: Path) -> bool:
    if path.is_symlink():
        return False
    path.chmod(0)
    return True


DAMAGES: dict[str, Damage] = {
    "a folder": _instead(Path.mkdir),
    "a folder with a file": _instead(_full_folder),
    "a pipe": _instead(os.mkfifo),
    "a link to itself": _instead(lambda path: path.symlink_to(path.name)),
    "a link to nowhere": _instead(lambda path: path.symlink_to("/nowhere/at all")),
    "nothing": _instead(lambda _: None),
    "empty": _holds(b""),
    "half": _edited(lambda content: content[: len(content) // 2]),
    "longer": _edited(lambda content: content + b"more\0\n{]"),
    "bytes flipped": _edited(_flipped),
    "no UTF-8": _holds(b"\xff\xfe\x80abc"),
    "lists in lists": _holds(b"[" * 100_000),
    "objects in objects": _holds(b'{"a":' * 100_000),
    "a list": _holds(b"[]"),
    "an empty object": _holds(b"{}"),
    "digits": _holds(b"9" * 5000),
    "strings for numbers": _numbers("x"),
    "huge numbers": _numbers(10**400),
    "no number": _numbers(float("nan")),
    "infinite": _numbers(float("-inf")),
    "numbers for strings": _json(lambda value: 7 if isinstance(value, str) else value),
    "nulls": _json(lambda _: None),
    "unreadable": _unreadable,
}


# -- what is damaged ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Built:
    """A project that was built in all ways, and a copy of all that was kept of it."""

    project: Project
    store: Path
    copies: Path
    head: str

    @property
    def kept(self) -> tuple[Path, Path]:
        return self.project.path / ".git" / "ckpt", self.store

    def keep(self) -> None:
        for folder in self.kept:
            subprocess.run(["cp", "-a", folder, self.copies / folder.name], check=True)

    def restore(self) -> None:
        for folder in self.kept:
            eventually(partial(_is_removed, folder), "nobody writes there")
            subprocess.run(["cp", "-a", self.copies / folder.name, folder], check=True)
        self.project.repo.git("update-ref", "refs/heads/main", self.head)
        self.project.repo.write("a.txt", "four\n")

    def files(self) -> Iterator[tuple[str, Path]]:
        """All files, with the kind of each: its path without what is another one each time."""
        for folder in self.kept:
            for path in sorted(folder.rglob("*")):
                if path.is_symlink() or not path.is_dir():
                    yield _kind(f"{folder.name}/{path.relative_to(folder)}"), path

    def ckpt(self, *arguments: str, by: tuple[str, ...] = ()) -> Done:
        """Run a command; nothing of ours may come to light in it."""
        done = subprocess.run(
            [*by, *COMMAND, *arguments],
            cwd=self.project.path,
            env=self.project.environment(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        result = Done(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))
        assert result.code == 0, f"{arguments} ended with {result.code}:\n{result.said}"
        assert "Traceback" not in result.said, result.said
        return result


def _is_removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _kind(path: str) -> str:
    path = re.sub(r"/p/[^/]*\.out$", "/p/OUTPUT", path)
    path = re.sub(r"objects/../.*", "objects/ID", path)
    return re.sub(r"\d{6,}[\d.-]*", "TIME", re.sub(r"[0-9a-f]{10,}", "ID", path))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("damage")
    store, copies = folder / "store", folder / "copies"
    copies.mkdir()
    env = {"CKPT_STORE": str(store), "CKPT_PROGRAMS": ""}
    project = replace(Project.make(folder / "project", TWO_TEXTS, CONFIG), env=env)
    project.ckpt("build")
    project.ckpt("install")
    project.repo.write("a.txt", "three\n")
    project.repo.git("commit", "-q", "-a", "-m", "second", env=project.environment())
    project.ckpt("watch")
    project.ckpt("verify")
    project.repo.write("not tracked")
    project.ckpt("rebase-checkpoint")
    project.repo.write("a.txt", "four\n")
    project.ckpt("build")
    found = Built(project, store, copies, project.repo.head)
    found.keep()
    return found


# -- what comes of it -----------------------------------------------------------------------------


def _looks_right(built: Built, damage: str) -> None:
    """All commands do what they do, and the second build says nothing of it any more."""
    by: tuple[str, ...] = ()
    if damage == "unreadable" and os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv(1)")
        by = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")
    assert _gives(built, "build", "--rebuild", by=by) == ["FOUR\n", "TWO\n"]
    edit = f"edit {damage}\n"
    built.project.repo.write("a.txt", edit)
    assert _gives(built, "build", by=by) == [edit.upper(), "TWO\n"]
    assert _gives(built, "build", "HEAD", by=by) == ["THREE\n", "TWO\n"]
    json.loads(built.ckpt("status", "--json", by=by).out)
    built.ckpt("gc", by=by)
    built.ckpt("verify", by=by)
    built.ckpt("log", by=by)
    again = built.ckpt("build", "--json", by=by)
    assert [line for line in again.err.splitlines() if "not tracked" not in line] == []
    project = built.project
    said = subprocess.run(
        ["git", "commit", "-q", "--allow-empty", "-m", "x"],
        cwd=project.path,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    *told, last = said.stderr.splitlines()
    assert last == "ckpt: rebuilding in the background (git ckpt watch)"
    assert [line for line in told if "did not start" not in line] == []  # what start.log holds
    built.ckpt("watch", by=by)
    built.ckpt("cancel", by=by)


def _gives(built: Built, *arguments: str, by: tuple[str, ...]) -> list[str]:
    """What a build installs."""
    [result] = json.loads(built.ckpt(*arguments, "--json", by=by).out)["results"]
    out = Path(result["out"])
    assert sorted(path.name for path in out.iterdir()) == ["a.out", "b.out"]
    return [(out / name).read_text() for name in ("a.out", "b.out")]


def _damage(damage: str, paths: Sequence[Path]) -> bool:
    """Whether one of them could be damaged so."""
    return sum([DAMAGES[damage](path) for path in paths]) > 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_all_files_at_once(built: Built, damage: str) -> None:
    built.restore()
    assert _damage(damage, [path for _, path in built.files()])
    _looks_right(built, damage)


if os.environ.get("CKPT_DAMAGE") == "each":

    @pytest.mark.slow
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_each_kind_of_file_by_itself(built: Built, damage: str) -> None:
        for kind in sorted({kind for kind, _ in built.files()}):
            built.restore()
            if _damage(damage, [path for one, path in built.files() if one == kind]):
                _looks_right(built, damage)


def test_what_was_damaged_is_named_once(built: Built) -> None:
    built.restore()
    note = built.kept[0] / "in-force" / "p.json"
    note.write_bytes(b"[" * 100_000)
    first, second = built.ckpt("status"), built.ckpt("status")
    assert f"{note} is damaged" in first.err
    assert "damaged" not in second.said
    assert (built.kept[0] / "damaged" / "in-force-p.json").read_bytes() == b"[" * 100_000
