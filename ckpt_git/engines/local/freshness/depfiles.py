"""What compilers and ninja wrote down in a checkpoint: which files were made of which.

Depfiles are makefiles of one rule each, as ``-MD`` has compilers write them; ninja reads them and
keeps what they say in ``.ninja_deps`` (its sources, deps_log.h). They name what was read, not
what was looked for in vain.
"""

from __future__ import annotations

import os
import posixpath
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from ckpt_git.engines.local.host import BUILD_ROOT
from ckpt_git.engines.local.store.store import Store
from ckpt_git.engines.protocol import Dependents
from ckpt_git.model.trace import SOURCE, folders_of

_SUFFIXES = (".d", ".Po", ".Plo", ".dep")
_LARGEST = 1 << 20  # bytes: what is larger is no depfile
_WORD = re.compile(rb"(?:\\.|[^\s\\])+", re.DOTALL)
_NINJA = b"# ninjadeps\n"
_NINJA_VERSIONS = (3, 4)
_IS_DEPS = 1 << 31


def dependents(store: Store, checkpoint: str, path: str) -> Dependents:
    """What depends on the source file ``path``, as far as this is written down."""
    layer = store.layer(checkpoint)
    if layer is None:
        return Dependents()
    folders = [store.fs(name) for name in layer.chain]
    targets: set[str] = set()
    read = 0
    for file in store.files(layer):
        ninja = file.endswith("/.ninja_deps")
        if not (ninja or file.endswith(_SUFFIXES)):
            continue
        data = _content(folders, file)
        rules = list(_of_ninja(data) if ninja else _rules(data))
        read += bool(rules)
        for target, inputs in rules:
            base = next(filter(None, (_base(path, name, file) for name in inputs)), None)
            if base is not None:
                whole = posixpath.normpath(posixpath.join(BUILD_ROOT, base, target))
                targets.add(posixpath.relpath(whole, f"{BUILD_ROOT}/{SOURCE}"))
    return Dependents(tuple(sorted(targets)), read)


def _content(folders: Iterable[Path], path: str) -> bytes:
    for folder in folders:
        try:
            with open(folder / path, "rb") as file:
                return file.read() if os.fstat(file.fileno()).st_size <= _LARGEST * 16 else b""
        except OSError:
            continue
    return b""


def _rules(data: bytes) -> Iterator[tuple[str, list[str]]]:
    """(target, inputs) of each rule of a depfile that has inputs."""
    if len(data) > _LARGEST:
        return
    for line in data.replace(b"\\\n", b" ").splitlines():
        before, colon, after = line.partition(b": ")
        targets, inputs = _words(before), _words(after)
        if colon and inputs:
            yield from ((target, inputs) for target in targets)


def _words(text: bytes) -> list[str]:
    return [os.fsdecode(re.sub(rb"\\(.)", rb"\1", word)) for word in _WORD.findall(text)]


def _of_ninja(data: bytes) -> Iterator[tuple[str, list[str]]]:
    """The newest record of each target in ninja's log."""
    if not data.startswith(_NINJA) or len(data) < len(_NINJA) + 4:
        return
    (version,) = struct.unpack_from("=i", data, len(_NINJA))
    if version not in _NINJA_VERSIONS:
        return
    head = 2 if version == _NINJA_VERSIONS[0] else 3  # the target's number and its mtime
    at, paths, found = len(_NINJA) + 4, list[str](), dict[int, tuple[int, ...]]()
    while at + 4 <= len(data):
        (size,) = struct.unpack_from("=I", data, at)
        at, is_deps, size = at + 4, bool(size & _IS_DEPS), size & ~_IS_DEPS
        if at + size > len(data):
            break
        if is_deps:
            numbers = struct.unpack_from(f"={size // 4}I", data, at)
            found[numbers[0]] = numbers[head:]
        else:
            paths.append(os.fsdecode(data[at : at + size - 4].rstrip(b"\0")))
        at += size
    for target, inputs in found.items():
        if max((target, *inputs)) < len(paths):
            yield paths[target], [paths[number] for number in inputs]


def _base(path: str, name: str, file: str) -> str | None:
    """The folder from which ``name``, in the depfile ``file``, is the source file ``path``; None
    where it is another file. Compilers are run in the depfile's folder or in one above it."""
    if not name.endswith(posixpath.basename(path)):
        return None
    wanted = SOURCE + path
    return next(
        (
            folder
            for folder in folders_of(file)
            if posixpath.normpath(posixpath.join(BUILD_ROOT, folder, name))
            == f"{BUILD_ROOT}/{wanted}"
        ),
        None,
    )
