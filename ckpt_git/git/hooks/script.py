"""Make a hook's script from its template, sign it, and recognise it by the signature.

The signature is the digest of the whole in its second line, so that an edit is noticed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ckpt_git.model.errors import RepositoryError

_MARK = re.compile(rb"^# ckpt-git hook ([0-9a-f]{64})$", re.MULTILINE)
_UNSIGNED = b"# ckpt-git hook @DIGEST@"

Kind = Literal["absent", "ours", "edited", "foreign"]


def kind(hook: Path) -> Kind:
    """What is at ``hook``: nothing, a script of ours, one of ours that was edited, or another."""
    if not os.path.lexists(hook):
        return "absent"
    content = hook.read_bytes() if hook.is_file() and not hook.is_symlink() else b""
    signed = _MARK.search(content)
    if signed is None:
        return "foreign"
    unsigned = content.replace(signed[0], _UNSIGNED, 1)
    return "ours" if _digest(unsigned) == signed[1] else "edited"


def render(name: str, folder: Path, python: str) -> bytes:
    """The template with what is the hook's own filled in, signed with the digest of the whole."""
    text = _template("pre-push.sh" if name == "pre-push" else "background.sh")
    unsigned = (
        text.replace(b"@COMMON@\n", _template("common.sh"), 1)
        .replace(b"@EVENT@", name.encode())
        .replace(b"@FOLDER@", os.fsencode(shlex.quote(folder.resolve().name)), 1)
        .replace(b"@PYTHON@", os.fsencode(shlex.quote(python)), 1)
    )
    return unsigned.replace(_UNSIGNED, b"# ckpt-git hook " + _digest(unsigned), 1)


def _template(name: str) -> bytes:
    """From the package's data, or from the repository's root in a checkout of ours."""
    package = Path(__file__).parents[2]
    for folder in (package / "hooks", package.parent / "hooks"):
        with suppress(FileNotFoundError):
            return (folder / name).read_bytes()
    raise RepositoryError(
        f"the hooks' template hooks/{name} is missing from this installation",
        "install ckpt-git again",
    )


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def write(hook: Path, content: bytes) -> None:
    """Put a script at ``hook`` in one step, executable as far as the umask allows."""
    aside = hook.with_name(f".{hook.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o777)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, for its mode
        file.write(content)
    aside.replace(hook)
