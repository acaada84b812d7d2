"""The errors that we foresee: one line that says what, where, and what to do next.

Everything else is a defect and keeps its traceback. The edges (command line, hooks) turn a
``CkptError`` into its line and its exit code; nothing below them exits or prints.
"""

from __future__ import annotations


class CkptError(Exception):
    """A foreseen failure. ``what`` says what and where, ``hint`` what to do next."""

    exit_code = 2

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}; {self.hint}" if self.hint else self.what


class UsageError(CkptError):
    """A command was called in a way that cannot be carried out."""


class ConfigError(CkptError):
    """``ckpt.toml`` says something that cannot be meant; ``what`` names file and line."""


class RepositoryError(CkptError):
    """The repository cannot give what was asked of it (no commit, a missing submodule, …)."""


class MissingError(CkptError):
    """Something this machine would need is not there (a compiler, namespaces, room)."""

    exit_code = 3


class StoreError(CkptError):
    """The store or ``.git/ckpt`` cannot be written: full disk, read-only, wrong owner."""

    exit_code = 3
