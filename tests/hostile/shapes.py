"""Repositories of any shape that git has. Each is made of one that is filled already, and so has
its files and its settings; what a round works in is the folder that is returned."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from tests.support import GitRepo

Shape = Callable[[GitRepo, Path], Path]


def _as_it_is(repo: GitRepo, _: Path) -> Path:
    return repo.path


def _worktree(repo: GitRepo, room: Path) -> Path:
    repo.git("worktree", "add", "-q", "-b", "beside", str(room / "beside"))
    return room / "beside"


def _cloned(*options: str) -> Shape:
    def shape(repo: GitRepo, room: Path) -> Path:
        repo.git("config", "uploadpack.allowFilter", "true")
        return repo.clone(room / "clone", *options).path

    return shape


def _shared(repo: GitRepo, room: Path) -> Path:
    repo.git("clone", "-q", "--shared", str(repo.path), str(room / "clone"))
    return room / "clone"


def _detached(repo: GitRepo, _: Path) -> Path:
    repo.git("checkout", "-q", "--detach")
    return repo.path


def _unborn(repo: GitRepo, _: Path) -> Path:
    repo.git("checkout", "-q", "--orphan", "unborn")
    return repo.path


def _sparse(*options: str) -> Shape:
    def shape(repo: GitRepo, _: Path) -> Path:
        repo.git("sparse-checkout", "init", *options)
        repo.git("sparse-checkout", "set", "sub", "a b")
        return repo.path

    return shape


def _submodule(repo: GitRepo, room: Path) -> Path:
    inner = GitRepo.init(
        room / "inner", object_format=repo.git("rev-parse", "--show-object-format")
    )
    inner.commit("inner", {"one": "1\n", "-two": "2\n"})
    repo.add_submodule("a module", inner)
    repo.git("commit", "-q", "-m", "a module")
    return repo.path


def _separate(repo: GitRepo, room: Path) -> Path:
    repo.git("init", "-q", "--separate-git-dir", str(room / "git's folder"))
    return repo.path


def _packed(repo: GitRepo, _: Path) -> Path:
    repo.git("gc", "-q", "--prune=now")
    repo.git("pack-refs", "--all")
    return repo.path


def _moved(repo: GitRepo, room: Path) -> Path:
    place = Path(os.fsdecode(os.fsencode(room) + b"/\xff\n it's $(x) "))
    shutil.move(repo.path, place)
    return place


def _below(repo: GitRepo, _: Path) -> Path:
    return repo.path / "sub"


def _linked(repo: GitRepo, room: Path) -> Path:
    (room / "link").symlink_to(repo.path)
    return room / "link"


def _nested(repo: GitRepo, _: Path) -> Path:
    GitRepo.init(repo.path / "another").commit("of its own", {"x": "x\n"})
    return repo.path


def _replaced(repo: GitRepo, _: Path) -> Path:
    repo.git("replace", "HEAD", "HEAD~1")
    return repo.path


def _grafted(repo: GitRepo, _: Path) -> Path:
    repo.git("commit-graph", "write", "--reachable")
    repo.git("notes", "add", "-m", "\x1b[31m", "HEAD")
    return repo.path


def _conflicting(repo: GitRepo, _: Path) -> Path:
    repo.git("checkout", "-q", "-b", "theirs", "HEAD~1")
    repo.commit("theirs", {"sub/file": "theirs\n"})
    repo.git("checkout", "-q", "-")
    repo.commit("ours", {"sub/file": "ours\n"})
    repo.git("merge", "theirs", ok=(1,))
    return repo.path


SHAPES: Mapping[str, Shape] = {
    "as it is": _as_it_is,
    "a worktree": _worktree,
    "a shallow clone": _cloned("--depth=1"),
    "a partial clone": _cloned("--filter=blob:none"),
    "a clone without trees": _cloned("--filter=tree:0"),
    "a clone that shares objects": _shared,
    "detached": _detached,
    "unborn": _unborn,
    "sparse": _sparse("--no-cone"),
    "sparse by folders": _sparse("--cone"),
    "with a submodule": _submodule,
    "with git's folder elsewhere": _separate,
    "packed": _packed,
    "with an odd path": _moved,
    "from a folder below": _below,
    "through a link": _linked,
    "with another one in it": _nested,
    "with a replaced commit": _replaced,
    "with notes and a graph": _grafted,
    "with a conflict": _conflicting,
}

FILTERS = ("", "", "", "upper", "fails", "lines", "ident")


def filtered(chance: Random, repo: GitRepo) -> str:
    """Have git convert some files on their way; returns how."""
    kind = chance.choice(FILTERS)
    if kind == "upper":
        repo.write("sub/.gitattributes", "* filter=upper\n")
        repo.git("config", "filter.upper.clean", "tr A-Z a-z")
        repo.git("config", "filter.upper.smudge", "tr a-z A-Z")
    elif kind == "fails":  # as one whose program isn't there, and that isn't required
        repo.write("sub/.gitattributes", "* filter=fails\n")
        repo.git("config", "filter.fails.smudge", "/nowhere/at/all %f")
    elif kind == "lines":
        repo.write(".gitattributes", "* text=auto eol=crlf\n*.bin -text\n")
    elif kind == "ident":
        repo.write(".gitattributes", "* ident export-ignore export-subst\n")
        repo.write("sub/ident", "$Id$ $Format:%H$\n")
    return kind


def checked_out(repo: GitRepo, tree: str, room: Path) -> Path:
    """What git itself writes for a tree, in an empty folder below ``room``."""
    place = room / "checkout"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    index = {"GIT_INDEX_FILE": str(room / "checkout.index"), "GIT_WORK_TREE": str(place)}
    (room / "checkout.index").unlink(missing_ok=True)
    plain = {**index, "GIT_DIR": repo.git("rev-parse", "--absolute-git-dir")}
    repo.git("-c", "core.sparseCheckout=false", "read-tree", tree, env=plain)
    repo.git("-c", "core.sparseCheckout=false", "checkout-index", "-q", "-a", "-f", env=plain)
    for line in repo.git("ls-files", "-z", "-s", env=plain).split("\0"):
        if line.startswith("160000 "):
            where, path = line.split("\t", 1)
            _module(repo.path / path, where.split()[1], place / path)
    return place


def _module(source: Path, commit: str, place: Path) -> None:
    archive = subprocess.run(
        ["git", "archive", commit], cwd=source, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x"], cwd=place, input=archive, check=True)
