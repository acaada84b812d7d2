"""``git ckpt build [TARGET]`` without the library that reads command lines.

It is what is called all day long, and that library's import would be a tenth of a small build.
"""

from __future__ import annotations

from ckpt_git.builds import plan
from ckpt_git.cli import commands, open_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ckpt_git.builds.prefetch import Prefetched

_QUIET, _JSON, _CLEAN, _REBUILD = "quiet", "json", "clean", "rebuild"
_FLAGS = {
    "--quiet": _QUIET,
    "-q": _QUIET,
    "--json": _JSON,
    "--clean": _CLEAN,
    "--rebuild": _REBUILD,
}


def is_short(arguments: list[str]) -> bool:
    """Whether that is all that is asked for."""
    if arguments[:1] != ["build"]:
        return False
    targets = _targets(arguments)
    return len(targets) <= 1 and not any(name.startswith("-") or not name for name in targets)


def target(arguments: list[str]) -> str:
    """The TARGET that is asked for."""
    return next(iter(_targets(arguments)), "worktree")


def _targets(arguments: list[str]) -> list[str]:
    return [argument for argument in arguments[1:] if argument not in _FLAGS]


def build(arguments: list[str], begun: Prefetched) -> int:
    """``panels.build.build`` for ``arguments`` that are short; returns the exit code. ``begun``:
    what is asked of git first."""
    given = {_FLAGS[flag] for flag in arguments[1:] if flag in _FLAGS}
    options = plan.BuildOptions(clean=_CLEAN in given, rebuild=_REBUILD in given)
    quiet, as_json = _QUIET in given, _JSON in given
    name = target(arguments)
    return commands.build.build(
        open_context.open_context(begun), name, options, quiet=quiet, as_json=as_json
    )
