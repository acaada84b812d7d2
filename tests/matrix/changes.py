"""Every kind of change that git can hold, each as a function that makes it in a work tree.

They touch different files of ``samples.py``, so that all can be made at once too. ``kind`` groups
those that can stand together in one commit without another kind beside them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from tests.matrix.samples import HOSTILE_NAMES, constructor
from tests.support import GitRepo


@dataclass(frozen=True)
class Change:
    """One change. ``kind`` is one of ``KINDS``."""

    name: str
    kind: str
    make: Callable[[GitRepo], object]


KINDS = ("edited", "added", "deleted", "modes and types")


def text_edit(tree: GitRepo) -> None:
    """The change that others are mixed with: it must be compiled, and nothing else need be."""
    tree.write("src/main.c", "extern const int flag; int main(void) { return flag + 10; }\n")


def _edit_header(tree: GitRepo) -> None:
    tree.write("include/one.h", "#define ONE 100\n")


def _without_newline(tree: GitRepo) -> None:
    tree.write("data/other", "another file\r\nwith no end of line")


def _edit_hostile(tree: GitRepo) -> None:
    for name in HOSTILE_NAMES[::3]:
        tree.write(f"data/names/{name}", "edited\n")


def _delete_hostile(tree: GitRepo) -> None:
    for name in HOSTILE_NAMES[1::3]:
        tree.remove(f"data/names/{name}")


def _add_hostile(tree: GitRepo) -> None:
    for name in HOSTILE_NAMES:
        tree.write(f"data/more names/{name}", "new\n")
        folder = name[:200]
        tree.write(f"data/folders/{folder}/{folder}", "new, below a folder of that name\n")


def _rename(tree: GitRepo, old: str, new: str) -> None:
    (tree.path / new).parent.mkdir(parents=True, exist_ok=True)
    (tree.path / old).rename(tree.path / new)


def _mode(tree: GitRepo, path: str, *, executable: bool) -> None:
    (tree.path / path).chmod(0o755 if executable else 0o644)


def _folder_for_file(tree: GitRepo) -> None:
    tree.remove("data/run")
    tree.write("data/run/deep/leaf", "a folder where a file was\n")


def _file_for_folder(tree: GitRepo) -> None:
    tree.remove("data/folder")
    tree.write("data/folder", "a file where a folder was\n")


def _link_for_folder(tree: GitRepo) -> None:
    tree.remove("data/folder")
    tree.link("data/folder", "names")


def _folder_for_link(tree: GitRepo) -> None:
    tree.remove("data/folder-link")
    tree.write("data/folder-link/leaf", "a folder where a link to one was\n")


def _case(tree: GitRepo) -> None:
    _rename(tree, "data/README", "data/readme")


def _binary(tree: GitRepo) -> None:
    tree.write("data/blob.bin", b"\x00\xff\n\x00" * 300 + os.fsencode("\udc80"))


CHANGES = (
    Change("text", "edited", text_edit),
    Change("header", "edited", _edit_header),
    Change("binary", "edited", _binary),
    Change("no final newline", "edited", _without_newline),
    Change("emptied source", "edited", lambda t: t.write("src/emptied.c", "")),
    Change("emptied file", "edited", lambda t: t.write("data/file", "")),
    Change("dotfile at the top", "edited", lambda t: t.write(".top", "edited\n")),
    Change("dotfile at depth", "edited", lambda t: t.write(".dots/.deep/.file", "edited\n")),
    Change("hostile names edited", "edited", _edit_hostile),
    Change("new source", "added", lambda t: t.write("src/new.c", constructor("new", "7"))),
    Change(
        "new source in new folders",
        "added",
        lambda t: t.write("src/a/b/new.c", constructor("deep", "8")),
    ),
    Change("new empty file", "added", lambda t: t.write("data/empty")),
    Change("new executable", "added", lambda t: t.write("data/new-run", "x", executable=True)),
    Change("new dotfile at the top", "added", lambda t: t.write(".new", "new\n")),
    Change("new dotfile at depth", "added", lambda t: t.write(".d/.e/.f", "new\n")),
    Change("new link", "added", lambda t: t.link("data/new-link", "other")),
    Change("new link to a folder", "added", lambda t: t.link("new-link", "data/names")),
    Change("new dangling link", "added", lambda t: t.link("data/dangling", "/no/such file\n")),
    Change("hostile names added", "added", _add_hostile),
    Change("deleted source", "deleted", lambda t: t.remove("src/gone.c")),
    Change("deleted folder", "deleted", lambda t: t.remove("src/alone")),
    Change("deleted dotfiles", "deleted", lambda t: t.remove(".dots")),
    Change("deleted link", "deleted", lambda t: t.remove("data/link")),
    Change("hostile names deleted", "deleted", _delete_hostile),
    Change("mode set", "modes and types", lambda t: _mode(t, "tools/flag", executable=True)),
    Change("mode cleared", "modes and types", lambda t: _mode(t, "data/run", executable=False)),
    Change("link retargeted", "modes and types", lambda t: t.link("data/link", "other")),
    Change("file for link", "modes and types", lambda t: t.write("data/link", "a file\n")),
    Change("link for file", "modes and types", lambda t: t.link("data/other", "file")),
    Change("folder for file", "modes and types", _folder_for_file),
    Change("file for folder", "modes and types", _file_for_folder),
    Change("link for folder", "modes and types", _link_for_folder),
    Change("folder for link", "modes and types", _folder_for_link),
    Change(
        "renamed source",
        "modes and types",
        lambda t: _rename(t, "src/old-name.c", "src/new-name.c"),
    ),
    Change(
        "moved source", "modes and types", lambda t: _rename(t, "src/old-name.c", "src/m/moved.c")
    ),
    Change("case of a name", "modes and types", _case),
)
"""All changes. Where two of one kind touch the same path, the later one of the batch holds."""


def made_of_kind(kind: str) -> Callable[[GitRepo], None]:
    """All changes of one kind in one commit, those that exclude each other left out."""
    excluded = {"file for link", "mode cleared", "link for folder", "moved source"}
    chosen = [c for c in CHANGES if c.kind == kind and c.name not in excluded]

    def make(tree: GitRepo) -> None:
        for change in chosen:
            change.make(tree)

    return make


def made_at_once(tree: GitRepo) -> None:
    """As many of all changes as can stand in one commit."""
    excluded = {"deleted link", "file for link", "mode cleared", "link for file"}
    excluded |= {"link for folder", "renamed source", "emptied file"}
    for change in CHANGES:
        if change.name not in excluded:
            change.make(tree)
