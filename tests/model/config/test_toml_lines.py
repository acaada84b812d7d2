"""Keys are found on the lines where they stand, whatever the text puts in the way."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_git.model.config.toml_lines import key_lines

TRAPS = r'''# build = "in a comment"
title = "build = 1 # no comment [package.x]"   # build = 2
many = """
build = 3
[package.fake]
an escaped \""" and two quotes at the end"""""
raw = \'\'\'
check = 4 """
it\'s\'\'\'\'\'

[package.a]    # [package.b]
"build" = \'x # y\'
'check'.inner . "dep\u0074h" = 1
array = [
  "install = 5", # check = 6
  [ { install = 7 },
  ],
]
env = { A = "}", "B C" = [ "," ], D.E = 1979-05-27 07:32:00Z }
empty = ""
last = 1.5e3
[[package.list]]
one = 1
[[package.list]]
two = 2
'''.replace(r"\'", "'")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("many",), 3),
        (("raw",), 7),
        (("package",), 11),
        (("package", "a"), 11),
        (("package", "a", "build"), 12),
        (("package", "a", "check"), 13),
        (("package", "a", "check", "inner", "depth"), 13),
        (("package", "a", "array"), 14),
        (("package", "a", "env"), 19),
        (("package", "a", "env", "B C"), 19),
        (("package", "a", "env", "D", "E"), 19),
        (("package", "a", "empty"), 20),
        (("package", "a", "last"), 21),
        (("package", "list"), 22),
        (("package", "list", "one"), 23),
        (("package", "list", "two"), 25),
    ],
)
def test_strings_comments_and_inline_tables_do_not_mislead(
    path: tuple[str, ...], line: int
) -> None:
    assert key_lines(TRAPS)[path] == line


def test_nothing_is_found_that_is_not_there() -> None:
    tomllib.loads(TRAPS)
    lines = key_lines(TRAPS)
    assert ("package", "fake") not in lines
    assert ("package", "b") not in lines
    assert ("build",) not in lines


def test_windows_line_ends() -> None:
    assert key_lines("a = 1\r\n\r\n[b]\r\nc = 2\r\n")["b", "c"] == 4


texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.one_of(st.integers(), st.booleans(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=6))
def test_each_key_of_any_document_is_found_on_its_line(document: dict[str, object]) -> None:
    text = "".join(f"{_basic(key)} = {_value(value)}\n" for key, value in document.items())
    assert tomllib.loads(text) == document
    lines = key_lines(text)
    assert [lines[(key,)] for key in document] == list(range(1, len(document) + 1))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _basic(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_basic(k)} = {_value(v)}" for k, v in value.items()) + "}"
    return str(value)


def _basic(text: str) -> str:
    return (
        '"'
        + "".join(
            f"\\U{ord(c):08x}" if c in '"\\' or ord(c) < 32 or ord(c) == 127 else c for c in text
        )
        + '"'
    )
