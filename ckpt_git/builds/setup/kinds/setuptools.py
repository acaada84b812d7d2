"""Python projects that setuptools builds: a ``setup.py``, or a ``pyproject.toml`` that names it.

Its own commands are called, not pip: they need no other package, and the folder that they build in
stays the same one (setuptools' documentation, "Development Mode" and "Keywords").
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

_BACKEND = "setuptools.build_meta"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_WITH_SETUPTOOLS = frozenset({"setuptools", "wheel"})
_FROM_TAGS = frozenset({"setuptools-scm", "setuptools-git-versioning", "versioningit"})
_VERSION = "SETUPTOOLS_SCM_PRETEND_VERSION"

# A build sees no .pyc: they hold dates. Without a root setuptools would make an egg.
_INSTALL = '-q install --root=/ --prefix="$out" --no-compile --single-version-externally-managed'


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    pyproject = _pyproject(tree)
    marker = _marker(tree, pyproject)
    if marker is None:
        return None
    called = "setup.py" if marker == "setup.py" else "-c 'from setuptools import setup; setup()'"
    wanted = _wanted(pyproject)
    return Proposal(
        kind="setuptools",
        marker=marker,
        phases={
            "build": f"python3 {called} -q build",
            "install": f"python3 -W 'ignore:setup.py install' {called} {_INSTALL}",
        },
        needs=("python3",),
        uses=("cc", "gcc", "c++"),
        env={_VERSION: "0"} if _FROM_TAGS & wanted else {},
        remarks=tuple(_remarks(wanted)),
    )


def _pyproject(tree: Listing) -> Mapping[str, Any]:
    try:
        return tomllib.loads(tree.text("pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return {}


def _marker(tree: Listing, pyproject: Mapping[str, Any]) -> str | None:
    system = _table(pyproject, "build-system")
    if system.get("build-backend", _BACKEND) != _BACKEND and "backend-path" not in system:
        return None
    if "setup.py" in tree:
        return "setup.py"
    # Without a build system it is setuptools (Python Packaging User Guide, "pyproject.toml").
    declares = "project" in pyproject or "[metadata]" in tree.text("setup.cfg")
    return "pyproject.toml" if declares and "pyproject.toml" in tree else None


def _wanted(pyproject: Mapping[str, Any]) -> frozenset[str]:
    """What is to be installed before the build, by normalised name."""
    requires = _table(pyproject, "build-system").get("requires")
    found = (_NAME.match(str(each)) for each in (requires if isinstance(requires, list) else ()))
    return frozenset(re.sub("[._-]+", "-", match[0]).lower() for match in found if match)


def _remarks(wanted: frozenset[str]) -> list[str]:
    remarks = []
    if others := sorted(wanted - _WITH_SETUPTOOLS):
        remarks.append(f"a build has no network: install {', '.join(others)} for this python3")
    if _FROM_TAGS & wanted:
        remarks.append(f"a build sees no tags: {_VERSION} is the version that it gets")
    return remarks


def _table(within: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = within.get(name)
    return found if isinstance(found, dict) else {}
