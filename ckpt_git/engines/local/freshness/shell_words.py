"""A command line as a shell has it: POSIX, "Shell Command Language", token recognition."""

from __future__ import annotations

import re
import shlex
from itertools import groupby

_OPERATORS = frozenset("();&|\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def words(text: str) -> list[str]:
    """The words of one command, without their quotation marks."""
    try:
        return shlex.split(text)
    except ValueError:  # half a quotation: a command of several lines
        return text.split()


def tokens(text: str) -> list[str]:
    """Words, and operators by themselves; the end of a line is one."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return text.split()


def is_operator(token: str) -> bool:
    """Whether a command ends before ``token``."""
    return bool(token) and _OPERATORS.issuperset(token)


def simple_commands(text: str) -> list[list[str]]:
    """The commands that a line consists of, each without assignments before it.

    What a substitution runs is among them only where it isn't quoted.
    """
    runs = (list(group) for ends, group in groupby(tokens(text), is_operator) if not ends)
    return [command for run in runs if (command := _without_assignments(run))]


def _without_assignments(run: list[str]) -> list[str]:
    """``VAR=value … command`` less the variables."""
    first = next((n for n, word in enumerate(run) if not _ASSIGNMENT.match(word)), len(run))
    return run[first:]
