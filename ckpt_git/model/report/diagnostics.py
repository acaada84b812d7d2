"""Find the few lines of a build's log that say why it failed.

Pure. A log is what a build printed, with a line ``=== PHASE`` where each phase began.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ckpt_git.model.derivation import PHASES
from ckpt_git.model.report.display_names import printable
from ckpt_git.model.report.relocation import Relocation

SHOWN_LINES = 20

# Not every line that begins so: `go test -v` prints "=== RUN".
_MARKS = frozenset(f"=== {phase}" for phase in ("fetch", *PHASES))

# In the order in which they are believed: a compiler's own word, then what only may be the cause.
_ERRORS = (
    re.compile(
        r"(?i:^|[\s:])(?:(?i:(?:fatal|internal compiler|syntax) error|error)(?:\[\w+\])?:(?:\s|$)"
        r"|error TS\d+:|ERROR: |CMake Error)"
        r"|: undefined reference to |: multiple definition of |: cannot find -l"
        r"|: \*\*\* (?!\[|Waiting)|\bpanicked at |^Traceback \(|[Aa]ssertion .*failed"
        r"|^(?:FAIL:|FAILED|not ok) |^--- FAIL: |^npm (?:ERR!|error) "
    ),
    re.compile(r"^\S[^:]*:\d+:\d+: (?!warning|note|remark)"),
    re.compile(
        r"command not found$|: not found$|No such file or directory$|Permission denied$"
        r"|No space left on device|(?i:\berror\b)|^FAILED: |Killed$|Segmentation fault"
    ),
)
# What a message begins with, above the line that says "error".
_LEAD = re.compile(r"^In file included from |^ +from \S|^\S[^:]*: (?:In|At) |: in function [`‘']")  # noqa: RUF001
# make, ninja and Nix on what they gave up: of use only where nobody said more.
_AFTERWARDS = re.compile(
    r"^\w*make(?:\[\d+\])?: (?:\*\*\* \[|\*\*\* Waiting|Target .* not remade|Leaving|Entering)"
    r"|^ninja: build stopped|^ninja: (?:Leaving|Entering)|^collect2: "
    r"|^error: (?:builder for|build of|Cannot build|\d+ dependenc)"
)


def error_lines(log: str, relocation: Relocation) -> Sequence[str]:
    """The lines of a failed build's log that show why, at most ``SHOWN_LINES``.

    From the first error of the phase that failed on, with what the compiler shows around it;
    where nothing looks like one, the phase's end.
    """
    told = [printable(relocation.line(line)) for line in log.splitlines()]
    marks = [number for number, line in enumerate(told) if line in _MARKS]
    told = told[marks[-1] + 1 :] if marks else told
    first = _first_error(told)
    if first is None:
        return _trimmed(told[-SHOWN_LINES:])
    message = [line for line in told[first:] if not _AFTERWARDS.match(line)]
    return _trimmed((message or told[first:])[:SHOWN_LINES])


def headline(lines: Sequence[str]) -> str | None:
    """The one line of a message that says what is wrong; None where there is no message.

    CMake puts the place on a line of its own, which ends in a colon, and what is wrong below it.
    """
    said = [line.strip() for line in lines if line.strip()]
    for kind in _ERRORS:
        for number, line in enumerate(said):
            if kind.search(line):
                return " ".join(said[number : number + 2]) if line.endswith(":") else line
    return said[0] if said else None


def advice(lines: Sequence[str], out: str | None) -> str | None:
    """What to do about a failure that comes from how builds are run here; None for all others.

    ``out`` is ``$out`` where the sandbox mounts it, None where a build makes it, as in Nix.
    """
    if out is None:
        return None
    there = re.compile(rf"{re.escape(out)}\W*: File exists$")
    if any(there.search(line) for line in lines):
        return "$out is there from the start, as an empty folder: write `mkdir -p $out`"
    return None


def _first_error(lines: Sequence[str]) -> int | None:
    """The number of the line where the first error's message begins."""
    for kind in _ERRORS:
        for number, line in enumerate(lines):
            if kind.search(line) and not _AFTERWARDS.match(line):
                while number and _LEAD.search(lines[number - 1]):
                    number -= 1  # noqa: PLW2901 - to where the message begins
                return number
    return None


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
