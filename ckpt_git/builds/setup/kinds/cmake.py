"""Projects with a ``CMakeLists.txt`` at the top: built in a folder of their own."""

from __future__ import annotations

import re

from ckpt_git.builds.setup.kinds.outputs import NO_INSTALL, executables
from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

_INSTALL = re.compile(r"^\s*install\s*\(", re.MULTILINE | re.IGNORECASE)
_TESTS = re.compile(r"\benable_testing\s*\(|include\s*\(\s*CTest\s*\)", re.IGNORECASE)
_FETCHES = re.compile(r"\bFetchContent_Declare\s*\(", re.IGNORECASE)
_DOWNLOADS = re.compile(r"\bExternalProject_Add\s*\(", re.IGNORECASE)
_CALLS_PYTHON = re.compile(r"find_package\s*\(\s*Python", re.IGNORECASE)

# Configuring once with a network fills a folder that the builds, which have none, then use
# (cmake-modules(7), FetchContent).
_FETCH_FOLDER = " -DFETCHCONTENT_BASE_DIR=$XDG_CACHE_HOME/cmake"
_FETCHED = _FETCH_FOLDER + " -DFETCHCONTENT_FULLY_DISCONNECTED=ON"

_MOST_LISTS = 300  # files to look into: a project that installs says so in its upper ones


def propose(tree: Listing, machine: Machine) -> Proposal | None:
    if "CMakeLists.txt" not in tree:
        return None
    texts = {path: tree.text(path) for path in _lists(tree)}
    lists = "\n".join(texts.values())
    fetching = tuple(path for path, text in texts.items() if _FETCHES.search(text))
    folder = tree.free("build", "_build", "build-ckpt")
    ninja = machine.which("ninja") is not None
    generator = "Ninja" if ninja else '"Unix Makefiles"'
    installs = _INSTALL.search(lists) is not None
    return Proposal(
        kind="CMake",
        marker="CMakeLists.txt",
        phases={
            "configure": _configure(folder, generator) + (_FETCHED if fetching else ""),
            "build": f"cmake --build {folder} -j$NIX_BUILD_CORES",
            "install": f"cmake --install {folder}" if installs else executables(folder),
        },
        needs=("cmake", "ninja" if ninja else "make"),
        uses=("cc", "gcc", "c++", *(("python3",) if _CALLS_PYTHON.search(lists) else ())),
        check=f"ctest --test-dir {folder} --output-on-failure" if _TESTS.search(lists) else None,
        fetch=_configure("$TMPDIR/fetch", generator) + _FETCH_FOLDER if fetching else None,
        locks=tuple(f"/{path}" for path in fetching),
        remarks=_remarks(lists, installs=installs),
    )


def _lists(tree: Listing) -> tuple[str, ...]:
    modules = (path for path in tree.paths if path.endswith(".cmake"))
    return (*tree.named("CMakeLists.txt"), *sorted(modules))[:_MOST_LISTS]


def _configure(folder: str, generator: str) -> str:
    return (
        f"cmake -S . -B {folder} -G {generator} "
        "-DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$out"
    )


def _remarks(lists: str, *, installs: bool) -> tuple[str, ...]:
    remarks: tuple[str, ...] = () if installs else (NO_INSTALL,)
    if _DOWNLOADS.search(lists):
        remarks += (
            "it may download as it builds (ExternalProject), but only `fetch` has a network",
        )
    return remarks
