"""Turn a failed git call into a ``CkptError`` of one line.

No IO. The words looked for are git's own, in English (``ckpt_git.git.location`` asks for them).
"""

from __future__ import annotations

import os
import re

from ckpt_git.model.errors import CkptError, RepositoryError, StoreError
from ckpt_git.process import ProcessError

_CANNOT_WRITE = (
    "insufficient permission",
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "unable to write",
    "unable to create temporary file",
    "unable to create file",
)


_FAILED_FILTER = re.compile(
    r"^(?:fatal: |error: )?(.+): (?:smudge|clean) filter '?(.+?)'? failed", re.MULTILINE
)
_FAILED_PROGRAM = re.compile(r"external filter '(.+?)'|subprocess '(.+?)'")
_HUNG_UP = "the remote end hung up unexpectedly"


class MissingObjectsError(RepositoryError):
    """A tree that was once known is not in the repository any more, wholly or in part."""


def said(stderr: bytes) -> str:
    """The line of git's complaints that names the cause: the first ``error:`` or ``fatal:``.

    The last line often only says that something went wrong ("updating files failed").
    """
    lines = [line.strip() for line in os.fsdecode(stderr).splitlines() if line.strip()]
    for line in lines:
        for mark in ("error: ", "fatal: "):
            if line.startswith(mark):
                return line.removeprefix(mark)
    return lines[0] if lines else "git gave no reason"


def explained(error: ProcessError, doing: str) -> CkptError:
    """The error to raise for a failed git call; ``doing`` completes "cannot …".

    A ``StoreError`` where something couldn't be written, else a ``RepositoryError``.
    """
    reason = said(error.stderr)
    if any(words in os.fsdecode(error.stderr) for words in _CANNOT_WRITE):
        return StoreError(f"cannot {doing}: {reason}", "check free space and permissions")
    return RepositoryError(f"cannot {doing}: {reason}")


def refuse_failed_filter(stderr: bytes) -> None:
    """Raise ``RepositoryError`` where a filter of the user's failed, required or not.

    git goes on with the unfiltered content where the filter isn't required. What is built
    must not depend on whether a filter happened to work: gitattributes(5), "filter".
    """
    text = os.fsdecode(stderr)
    failed = _failed_filter(text)
    if failed is not None:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        reason = next((line for line in lines if "not found" in line), lines[0])
        raise RepositoryError(
            f"{failed} failed: {reason.removeprefix('error: ').removeprefix('fatal: ')}",
            "`git config --get-regexp ^filter` names its program: install it or give its full path",
        )


def _failed_filter(text: str) -> str | None:
    if found := _FAILED_FILTER.search(text):
        return f"git's filter {found[2]} for {found[1]}"
    if found := _FAILED_PROGRAM.search(text):
        return f"git's filter `{found[1] or found[2]}`"
    # A long-running filter that ends at once is told in the words for a lost server.
    if _HUNG_UP in text and "promisor" not in text:
        return "a filter of git's"
    return None
