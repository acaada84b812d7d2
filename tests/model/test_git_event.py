"""What git did, read from what git gives a hook and from what the pre-commit framework does."""

from __future__ import annotations

import pytest

from ckpt_git.model.git_event import GitEvent
from ckpt_git.model.push import Push, RefUpdate

A, B, ZERO = "a" * 40, "b" * 40, "0" * 40
FRAMEWORK = {"PRE_COMMIT": "1"}
PUSHED = {
    **FRAMEWORK,
    "PRE_COMMIT_REMOTE_NAME": "origin",
    "PRE_COMMIT_REMOTE_URL": "https://example.com/x.git",
    "PRE_COMMIT_LOCAL_BRANCH": "refs/heads/main",
    "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/release",
}


@pytest.mark.parametrize(
    ("hook", "arguments", "variable", "detail"),
    [
        ("post-commit", [], "", ""),
        ("post-merge", ["1"], "PRE_COMMIT_IS_SQUASH_MERGE", "1"),
        ("post-rewrite", ["rebase"], "PRE_COMMIT_REWRITE_COMMAND", "rebase"),
        ("post-checkout", [A, B, "0"], "PRE_COMMIT_CHECKOUT_TYPE", "0"),
    ],
)
def test_both_ways_of_being_told_come_to_the_same(
    hook: str, arguments: list[str], variable: str, detail: str
) -> None:
    assert GitEvent.parse(hook, arguments, {}) == GitEvent(hook, detail=detail)
    told = {**FRAMEWORK, variable: detail}
    assert GitEvent.parse(hook, [], told) == GitEvent(hook, by_framework=True, detail=detail)


def test_a_push_is_read_from_standard_input() -> None:
    line = f"refs/heads/main {A} refs/heads/main {ZERO}\n".encode()
    event = GitEvent.parse("pre-push", ["origin", "url"], {}, lambda: line)
    update = RefUpdate("refs/heads/main", A, "refs/heads/main", ZERO)
    assert event == GitEvent("pre-push", push=Push("origin", "url", (update,)))


def test_the_framework_tells_of_one_ref() -> None:
    told = {**PUSHED, "PRE_COMMIT_FROM_REF": B, "PRE_COMMIT_TO_REF": A}
    push = GitEvent.parse("pre-push", [], told).push
    update = RefUpdate("refs/heads/main", A, "refs/heads/release", B)
    assert push == Push("origin", "https://example.com/x.git", (update,))


def test_where_the_framework_gives_no_ids_the_local_ref_names_the_commit() -> None:
    push = GitEvent.parse("pre-push", [], PUSHED).push
    assert push is not None
    [update] = push.updates
    assert (update.local, update.creates, update.deletes) == ("refs/heads/main", True, False)


def test_the_framework_called_by_hand_pushes_nothing() -> None:
    push = GitEvent.parse("pre-push", [], FRAMEWORK).push
    assert push is not None
    assert push.updates == ()


@pytest.mark.parametrize(
    ("environment", "settings", "skipped"),
    [
        ({}, {}, False),
        ({"CKPT_SKIP": "1"}, {}, True),
        ({"CKPT_SKIP": "0"}, {}, False),
        ({}, {"skip": "Yes"}, True),
        ({}, {"skip": "false"}, False),
        ({"SKIP": "black, ckpt"}, {}, True),
        ({"SKIP": "ckpt-post-commit,black"}, {}, True),
        ({"SKIP": "ckpt-pre-push"}, {}, False),
    ],
)
def test_it_can_be_skipped(
    environment: dict[str, str], settings: dict[str, str], skipped: bool
) -> None:
    assert GitEvent("post-commit").is_skipped(environment, settings) is skipped
