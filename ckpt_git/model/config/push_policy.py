"""What ``[push]`` in ``ckpt.toml`` says: which pushes are validated, and how. Frozen values, no IO.

It is read from the tree that is pushed. Patterns are those of fnmatch(3) without flags, as
``git branch --list`` has them: ``*`` stands for anything, slashes too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, cast

from ckpt_git.model.config import values
from ckpt_git.model.config.values import FaultError

if TYPE_CHECKING:
    from ckpt_git.model.push import Push, RefUpdate

Commits = Literal["tips", "all"]
Require = Literal["checkpointed", "traced", "verified"]
OnError = Literal["refuse", "allow"]

PUSH_KEYS = ("only", "remotes", "commits", "require", "on_error")

_BRANCHES, _TAGS = "refs/heads/", "refs/tags/"
_SOURCES = (_BRANCHES, _TAGS, "refs/for/")
"""Refs that hold what is built. Gerrit takes branches below ``refs/for``."""


@dataclass(frozen=True, slots=True)
class PushPolicy:
    """``only`` and ``remotes`` are patterns; None stands for all that could be meant."""

    only: tuple[str, ...] | None = None
    remotes: tuple[str, ...] | None = None
    commits: Commits = "tips"
    require: Require = "checkpointed"
    on_error: OnError = "refuse"

    def covers(self, push: Push, update: RefUpdate) -> bool:
        """Whether ``update`` is to be validated.

        ``only`` is about the ref at the remote: a branch by its short name, a tag as ``tags/NAME``,
        any other in full. Without it, branches and tags are meant.
        """
        if self.remotes is not None and not any(
            fnmatchcase(name, pattern) for name in (push.remote, push.url)
            for pattern in self.remotes
        ):  # fmt: skip
            return False
        ref = update.remote_ref
        if self.only is None:
            return ref.startswith(_SOURCES)
        short = ref.removeprefix(_BRANCHES)
        if ref.startswith(_TAGS):
            short = ref.removeprefix("refs/")
        return any(fnmatchcase(short, pattern) for pattern in self.only)


def parse_policy(table: Mapping[str, Any]) -> PushPolicy:
    """The values of the table ``[push]``, whose keys are known ones. Raises ``FaultError``."""
    return PushPolicy(
        only=_patterns("only", table),
        remotes=_patterns("remotes", table),
        commits=cast(Commits, _one_of("commits", table, "tips", "all")),
        require=cast(Require, _one_of("require", table, "checkpointed", "traced", "verified")),
        on_error=cast(OnError, _one_of("on_error", table, "refuse", "allow")),
    )


def policy_of_broken(text: str) -> PushPolicy:
    """What ``[push]`` of a ``ckpt.toml`` says that can't be read as a whole: what it means as far
    as that is clear, else the default."""
    try:
        return parse_policy(values.table(("push",), tomllib.loads(text).get("push", {})))
    except (FaultError, ValueError, RecursionError):
        return PushPolicy()


def _patterns(key: str, table: Mapping[str, Any]) -> tuple[str, ...] | None:
    return values.patterns(("push", key), table[key]) if key in table else None


def _one_of(key: str, table: Mapping[str, Any], default: str, *others: str) -> str:
    return values.one_of(("push", key), table.get(key, default), (default, *others))
