"""A file system with reflinks, for tests that need one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IMAGE_BYTES = 512 << 20  # xfs makes none below 300 MB


@contextmanager
def reflinking(folder: Path) -> Iterator[Path | str]:
    """``folder``, or one in it, whose file system has reflinks; a text says why there is none."""
    if _has_reflinks(folder):
        yield folder
        return
    if os.geteuid() != 0:
        yield f"needs root, who can mount a file system with reflinks: {folder} has none"
        return
    make = shutil.which("mkfs.xfs", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if make is None:
        yield f"{folder} has no reflinks, and there is no mkfs.xfs to make what has"
        return
    image, mounted = folder / "image", folder / "mounted"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    for command in ([make, "-q", str(image)], ["mount", "-o", "loop", str(image), str(mounted)]):
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode:
            yield f"no file system with reflinks: {done.stderr.decode().strip()}"
            return
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def _has_reflinks(folder: Path) -> bool:
    (folder / "one").write_bytes(b"shared" * 4096)
    done = subprocess.run(
        ["cp", "--reflink=always", "one", "two"], cwd=folder, check=False, capture_output=True
    )
    return done.returncode == 0
