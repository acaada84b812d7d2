"""A push, read from what git gives the hook."""

from __future__ import annotations

import pytest

from ckpt_git.model.errors import UsageError
from ckpt_git.model.push import Push

A, B, ZERO = "a" * 40, "b" * 40, "0" * 40


def test_every_line_is_an_update() -> None:
    lines = (
        f"refs/heads/main {A} refs/heads/main {B}\n"
        f"(delete) {ZERO} refs/heads/old {B}\n"
        f"refs/tags/v1 {A} refs/tags/v1 {ZERO}\n"
    )
    push = Push.parse(["origin", "https://example.com/x.git"], lines.encode())
    assert (push.remote, push.url) == ("origin", "https://example.com/x.git")
    assert [(u.deletes, u.creates) for u in push.updates] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    assert [u.name for u in push.updates] == ["main", "old", "refs/tags/v1"]


def test_what_was_typed_for_a_ref_may_hold_spaces() -> None:
    line = f"HEAD@{{2 days ago}} {A} refs/heads/main {B}\n"
    [update] = Push.parse(["origin", "url"], line.encode()).updates
    assert update.local_ref == "HEAD@{2 days ago}"
    assert update.local == A


def test_ids_of_any_length_are_told_from_zeros() -> None:
    line = f"refs/heads/main {'c' * 64} refs/heads/main {'0' * 64}\n"
    [update] = Push.parse(["origin", "url"], line.encode()).updates
    assert update.creates
    assert not update.deletes


def test_a_remote_without_a_name_is_its_url() -> None:
    assert Push.parse(["../other.git"], b"") == Push("../other.git", "../other.git", ())


def test_names_keep_their_bytes() -> None:
    line = b"refs/heads/\xff %s refs/heads/\xff %s\n" % (A.encode(), ZERO.encode())
    [update] = Push.parse(["origin", "url"], line).updates
    assert update.name.encode(errors="surrogateescape") == b"\xff"


@pytest.mark.parametrize(("arguments", "stdin"), [([], b""), (["origin"], b"refs/heads/main\n")])
def test_what_git_would_not_give_is_refused(arguments: list[str], stdin: bytes) -> None:
    with pytest.raises(UsageError):
        Push.parse(arguments, stdin)
