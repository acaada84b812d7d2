"""The form of a memory's file: the structs of memory.h, and the numbers in them."""

from __future__ import annotations

from operator import itemgetter
from struct import Struct
from typing import Any

MAGIC = b"ckptmem5"
ORDER = 0x01020304

ANSWERS, VARIES, INCOMPLETE = 1, 2, 4
"""A command's flags."""


class Form:
    """A struct of memory.h: its fields in their order, each with the code that ``struct`` has for
    it. Where fields lie in it must be as the compiler has it: tests ask one."""

    def __init__(self, fields: str) -> None:
        pairs = [field.split(":") for field in fields.split()]
        self.offsets = {name: 0 for name, _ in pairs}
        codes = "="
        for name, code in pairs:
            self.offsets[name] = Struct(codes).size
            codes += code
        self._names = [name for name, code in pairs if not code.endswith("x")]
        self.struct = Struct(codes)
        self.size = self.struct.size

    def picking(self, *names: str) -> itemgetter[Any]:
        """A function that picks these fields from an unpacked struct."""
        return itemgetter(*map(self._names.index, names))

    def column(self, items: memoryview, name: str) -> memoryview:
        """One field, of four bytes, of all items."""
        return items.cast("I")[self.offsets[name] // 4 :: self.size // 4]


HEADER = Form(
    "magic:8s digest:16s order:I entries:I rows:I observations:I windows:I effects:I prints:I"
    " texts:I"
)
ENTRY = Form(
    "key:16s result:16s program:I folder:I arguments:I arguments_size:I reason:I below:I row:I"
    " observed:I effect:I effects:I print:I prints:I flags:I code:I nanoseconds:Q input_end:q"
)
OBSERVATION = Form(
    "path:I mask:B kind:B mode:H size:Q digest:16s is_nofollow:B date:B is_dated:B unused:5x"
    " names:Q mtime:q made:q outer:I inner:I"
)
WINDOW = Form("low:q high:q")
EFFECT = Form(
    "path:I target:I kind:B is_in_place:B is_further_name:B date:B mode:H has_names:B"
    " is_database:B size:Q mtime:q digest:16s"
)
PRINT = Form("text:I length:I descriptor:I")
NUMBER = 4  # bytes of one, in a row and among the keys
