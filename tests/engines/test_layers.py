"""Builds that start on what others left: on overlays, reflinks and copies, many on each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ckpt_git.engines.local import flatten
from tests.engines.project import Project, snapshot
from tests.support import GitRepo

_EDITS = Path(__file__).with_name("edits.py")
_IMAGE_BYTES = 512 << 20  # xfs makes none below 300 MB


@pytest.fixture(scope="session")
def reflinking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | str]:
    """A folder whose file system has reflinks; a text says why there is none."""
    folder = tmp_path_factory.mktemp("reflinks")
    (folder / "one").write_bytes(b"shared" * 4096)
    clone = ["cp", "--reflink=always", "one", "two"]
    if subprocess.run(clone, cwd=folder, check=False, capture_output=True).returncode == 0:
        yield folder
        return
    make = shutil.which("mkfs.xfs", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if os.geteuid() != 0:
        yield "needs root, to mount a file system with reflinks"
        return
    if make is None:
        yield "mkfs.xfs is missing, to make a file system with reflinks"
        return
    image, mounted = folder / "image", folder / "mounted"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    subprocess.run([make, "-q", str(image)], check=True)
    done = subprocess.run(
        ["mount", "-o", "loop", str(image), str(mounted)], check=False, capture_output=True
    )
    if done.returncode != 0:
        yield f"a loop device is missing: {done.stderr.decode().strip()}"
        return
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@pytest.fixture(params=["overlay", "reflink", "copy"])
def layered(request: pytest.FixtureRequest, tmp_path: Path, reflinking: Path | str) -> Project:
    """A project whose builds start in each of the ways there are."""
    project = Project(GitRepo.init(tmp_path / "repository"), {"CKPT_LAYERS": request.param})
    if request.param != "reflink":
        return project
    if isinstance(reflinking, str):
        pytest.skip(reflinking)
    return project.setting(CKPT_STORE=str(reflinking / tmp_path.name))


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
        "cat number >>numbers; mkdir -p n; cp number n/$(cat number); rm -f n/$(($(cat number) - 5))"
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
