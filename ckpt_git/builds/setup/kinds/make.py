"""Projects whose Makefile is tracked: built in the source folder, by make alone."""

from __future__ import annotations

import re

from ckpt_git.builds.setup.kinds.outputs import NO_INSTALL, executables
from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

# The order in which GNU make looks for them (GNU make manual, "What Name to Give Your Makefile").
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")

_PREFIXES = ("PREFIX", "prefix", "INSTALL_PREFIX", "INSTALL_TOP")
_INCLUDE = re.compile(r"^-?s?include[ \t]+([^\s$#]+)", re.MULTILINE)
_RULE = re.compile(r"^([^\t#=:\n][^#=:\n]*):(?!=|:=)", re.MULTILINE)
_DEFAULT_GOAL = re.compile(r"^\.DEFAULT_GOAL[ \t]*[:?]?=[ \t]*(\S+)", re.MULTILINE)
_CALLS_PYTHON = re.compile(r"\bpython3?\b", re.IGNORECASE)

_COMPILED = frozenset(
    (
        *("c", "cc", "cpp", "cxx", "cu", "m", "mm", "s", "S", "asm", "f", "f90", "F90", "y", "l"),
        *("d", "rs", "go", "zig", "hs", "ml", "pas", "adb", "java", "kt", "scala", "swift"),
        *("nim", "v", "vhd", "tex"),
    )
)
# Where nothing is compiled, a Makefile beside one of these is a list of errands.
_SCRIPTED = (
    *("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "package.json", "Gemfile"),
    *("composer.json", "mkdocs.yml", "ansible.cfg"),
)


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    marker = tree.first(*MAKEFILES)
    if marker is None or (tree.first(*_SCRIPTED) and not _compiles(tree)):
        return None
    text = with_includes(tree, marker)
    rules = targets(text)
    place = _place(text) or _place_below(tree) if "install" in rules else ""
    phases = {}
    if "defconfig" in rules:  # Kbuild and its kin build nothing without a .config
        phases["configure"] = "test -e .config || make defconfig"
    phases["build"] = f"make -j$NIX_BUILD_CORES{_goal(text, rules)}{_told_early(place)}"
    phases["install"] = f"make install{place}" if place else executables(".")
    return Proposal(
        kind="make",
        marker=marker,
        phases=phases,
        needs=("make",),
        uses=("cc", "gcc", "c++", *(("python3",) if _CALLS_PYTHON.search(text) else ())),
        check=next((f"make {name}" for name in ("check", "test") if name in rules), None),
        remarks=() if place else (NO_INSTALL,),
    )


def with_includes(tree: Listing, path: str) -> str:
    """A Makefile's text, followed by that of the tracked files it includes by plain name."""
    text = tree.text(path)
    folder = path.rpartition("/")[0]
    names = (f"{folder}/{name}".lstrip("/") for name in _INCLUDE.findall(text))
    return "\n".join([text, *(tree.text(name) for name in names if name in tree)])


def targets(text: str) -> frozenset[str]:
    """The names of the targets that have a rule."""
    return frozenset(name for match in _RULE.finditer(text) for name in match[1].split())


def _goal(text: str, rules: frozenset[str]) -> str:
    """The target to name: none, unless make's own choice would only print a help text."""
    chosen = _DEFAULT_GOAL.search(text)
    named = (name for match in _RULE.finditer(text) for name in match[1].split())
    default = chosen[1] if chosen else next((n for n in named if not n.startswith(".")), "")
    if default not in {"help", "usage"}:
        return ""
    return next((f" {name}" for name in ("all", "build") if name in rules), "")


def _told_early(place: str) -> str:
    """What the build is told as well: prefixes end up in objects, staging folders must not."""
    return "" if "DESTDIR" in place else place


def _compiles(tree: Listing) -> bool:
    return any(path.rpartition(".")[2] in _COMPILED for path in tree.paths)


def _place_below(tree: Listing) -> str:
    """The same from the Makefiles one folder below, to which an ``install`` at the top passes on:

    what make is told on its command line reaches those that it calls (GNU make manual,
    "Communicating Variables to a Sub-make").
    """
    below = (path for path in tree.named(*MAKEFILES) if path.count("/") == 1)
    return _place("\n".join(tree.text(path) for path in below))


def _place(text: str) -> str:
    """What tells this Makefile to install into ``$out``; empty where nothing would.

    ``PREFIX`` and its kin say where things will be, ``DESTDIR`` only where they are put for now
    (GNU Coding Standards, "DESTDIR"), so it comes second.
    """
    if names := [name for name in _PREFIXES if _is_variable(name, text)]:
        return "".join(f" {name}=$out" for name in names)
    if _is_variable("DESTDIR", text):
        return " DESTDIR=$out"
    return "".join(f" {n}=$out/bin" for n in ("BINDIR", "bindir") if _is_variable(n, text))


def _is_variable(name: str, text: str) -> bool:
    return re.search(rf"\$[({{]{name}[)}}]", text) is not None
