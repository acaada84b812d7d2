"""How values that only we read lie on disk: marshalled, compressed, with a checksum.

marshal is several times faster than JSON; a checksum keeps it from damaged data, which it
doesn't stand (its documentation in Python's library reference).
"""

from __future__ import annotations

import hashlib
import marshal
import zlib
from typing import Any

_VERSION = 4  # of marshal's format: one that all of our Pythons read
_CHECKSUM = hashlib.sha256().digest_size  # bytes


def packed(form: bytes, value: Any) -> bytes:
    """``value``, of plain types, as it lies on disk; ``form`` says what it is."""
    body = zlib.compress(marshal.dumps(value, _VERSION), 1)
    return form + hashlib.sha256(body).digest() + body


def unpacked(form: bytes, data: bytes) -> Any:
    """The value. Raises ``ValueError`` for what is of another form, or damaged."""
    body = data[len(form) + _CHECKSUM :]
    if data[: -len(body)] != form + hashlib.sha256(body).digest():
        raise ValueError(f"not {form.decode().strip()}, or damaged")
    return marshal.loads(zlib.decompress(body))  # noqa: S302 - ours, by its checksum
