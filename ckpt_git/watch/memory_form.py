"""The form of a memory's file, as far as the store has to know it: ``memory.h``."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("=8s16s7I4x")  # magic, digest, order, six counts
_MAGIC = b"ckptmem1"
_ENTRY, _ROW, _OBSERVATION = 96, 4, 40  # bytes; an entry's number comes with each
_EFFECT = struct.Struct("=8xB23x16s")  # kind and digest of each effect
_FILE = 2  # KIND_FILE of watch.h


def named_objects(memory: bytes) -> set[str]:
    """The digests, in hex, of all contents that a memory names. Raises ``ValueError`` where it is
    none."""
    try:
        magic, _, _, entries, rows, observations, effects, _, _ = _HEADER.unpack_from(memory)
    except struct.error as error:
        raise ValueError("no memory") from error
    begin = _HEADER.size + entries * (_ENTRY + _ROW) + rows * _ROW + observations * _OBSERVATION
    end = begin + effects * _EFFECT.size
    if magic != _MAGIC or end > len(memory):
        raise ValueError("no memory")
    found = _EFFECT.iter_unpack(memory[begin:end])
    return {digest.hex() for kind, digest in found if kind == _FILE}
