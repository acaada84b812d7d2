"""Deep chains made shallow: all layers but the lowest become one, which holds no copy.

Every build lies on the one before, and each layer costs a look-up for every name that isn't
there; mount(2) takes a page of them at most. Merged are the changes alone: the lowest layer is
a whole build and stays as it is. Files are shared by hard links, so merging takes no room and
about ten microseconds a file.

What a layer says with a device 0/0 (gone) and with ``user.overlay.opaque`` (a folder that was
made anew) is in the kernel's page on overlayfs, "whiteouts and opaque directories".
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ckpt_git.engines.files import writing
from ckpt_git.engines.local.store import seal
from ckpt_git.engines.local.store.store import Layer, Store
from ckpt_git.model.derivation import digest

MAX_DEPTH = 40
"""Layers that one overlay has at most."""


def shallow(store: Store, layer: Layer) -> Layer:
    """``layer``, or where it lies on too many others, one of the same content on the lowest.

    The new one is kept in the store for the next build that starts here.
    """
    return layer if len(layer.chain) < MAX_DEPTH else flattened(store, layer)


def flattened(store: Store, layer: Layer) -> Layer:
    """One layer of the same content as ``layer``, which lies on others, on the lowest of them."""
    *above, lowest = layer.chain
    flat_id = "m" + digest(list(layer.chain))[:10]
    found = store.layer(flat_id)
    if found is not None and store.missing(flat_id) is None:
        return found
    store.drop_layer(flat_id)
    with store.workspace() as work, writing(work):
        merge([store.fs(name) for name in above], store.fs(lowest), work / "fs")
        flat = replace(layer, id=flat_id, lowers=(lowest,))
        manifest = store.manifest(layer.id)
        with suppress(FileExistsError):  # another build has done the same meanwhile
            store.publish_layer(work, flat, seal.take(work / "fs"), manifest)
    store.make_durable(flat_id)
    return flat


def merge(layers: list[Path], lowest: Path, target: Path) -> None:
    """Make ``target`` one layer that shows, on ``lowest``, what ``layers`` (topmost first) show."""
    _merge([os.fspath(layer) for layer in layers], os.fspath(lowest), os.fspath(target))


def _merge(folders: list[str], lowest: str | None, target: str) -> None:
    """Merge one folder. ``lowest`` is what lies below it; None where it hides that."""
    os.mkdir(target)
    if lowest is not None and not is_folder(lowest):
        lowest = None
    for name, paths in _entries(folders).items():
        below = None if lowest is None else os.path.join(lowest, name)
        found, hides = _seen(paths)
        new = os.path.join(target, name)
        if is_folder(found[0]):
            _merge(found, None if hides else below, new)
            if hides and below is not None and os.path.lexists(below):
                os.setxattr(new, seal.OPAQUE, b"y")
        elif not is_gone(os.lstat(found[0])) or (below is not None and os.path.lexists(below)):
            _link(found[0], new)
    _copy_attributes(folders[0], target)


def _entries(folders: list[str]) -> dict[str, list[str]]:
    """Each name in ``folders`` with the paths that it has there, topmost first."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for name in os.listdir(folder):
            found.setdefault(name, []).append(os.path.join(folder, name))
    return found


def _seen(paths: list[str]) -> tuple[list[str], bool]:
    """What of ``paths`` is to be seen: one file or mark, or folders that show through each
    other; and whether those hide what lies still lower."""
    folders: list[str] = []
    for path in paths:
        if not is_folder(path):
            return folders or [path], True
        folders.append(path)
        if seal.is_opaque(path):
            return folders, True
    return folders, False


def is_gone(info: os.stat_result) -> bool:
    """Whether a layer's entry says that what lies below it is deleted."""
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def is_folder(path: str | Path) -> bool:
    """Whether a folder lies there itself, not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _link(origin: str, target: str) -> None:
    try:
        os.link(origin, target, follow_symlinks=False)
    except OSError:  # a file can have only so many names
        if is_gone(os.lstat(origin)):
            os.mknod(target, stat.S_IFCHR)
        else:
            import shutil  # noqa: PLC0415 - hardly any build copies

            shutil.copy2(origin, target, follow_symlinks=False)


def _copy_attributes(origin: str, target: str) -> None:
    """Mode and date of a folder; not its marks, which hold for one layer."""
    info = os.lstat(origin)
    os.chmod(target, stat.S_IMODE(info.st_mode))
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
