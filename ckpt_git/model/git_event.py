"""What git did, as it tells a hook of it: githooks(5). A frozen value, no IO.

The same value comes of what git itself gives a hook, arguments and standard input, and of the
environment that the pre-commit framework puts in their place (https://pre-commit.com,
"Supported git hooks").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ckpt_git.model.push import Push, RefUpdate

ALIAS = "ckpt"
"""What stands for all our hooks in ``SKIP``, the framework's variable; ``ckpt-HOOK`` for one."""

_TRUE = frozenset({"true", "yes", "on", "1"})  # git-config(1), "boolean"


@dataclass(frozen=True, slots=True)
class GitEvent:
    """One call of the hook ``hook``.

    ``by_framework``: the pre-commit framework called. While it runs hooks it hides what isn't
    staged, so the work tree isn't what its user sees; and of a push it tells one ref.
    ``detail`` is what says whether there is something to build: of post-merge whether it was
    squashed (``1``), of post-rewrite the command, of post-checkout whether it was to another
    commit (``1``) or of files. ``push`` is what pre-push is about, None for other hooks.
    """

    hook: str
    by_framework: bool = False
    detail: str = ""
    push: Push | None = None

    @classmethod
    def parse(
        cls,
        hook: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        stdin: Callable[[], bytes] = bytes,
    ) -> GitEvent:
        """The event that ``hook`` was called for; ``stdin`` is read for pre-push alone.

        Raises ``UsageError`` for what neither git nor the framework would give.
        """
        framework = environment.get("PRE_COMMIT") == "1"
        if hook != "pre-push":
            return cls(hook, framework, _detail(hook, arguments, environment))
        push = _framework_push(environment) if framework else Push.parse(arguments, stdin())
        return cls(hook, framework, push=push)

    def is_skipped(self, environment: Mapping[str, str], settings: Mapping[str, str]) -> bool:
        """Whether the user wants nothing to be done this time.

        ``settings`` is what git's configuration has under ``ckpt.``, ``git -c`` included. SKIP
        is honoured natively, too, where it names us.
        """
        named = {name.strip() for name in environment.get("SKIP", "").split(",")}
        return (
            environment.get("CKPT_SKIP") == "1"
            or settings.get("skip", "").lower() in _TRUE
            or not named.isdisjoint({ALIAS, f"{ALIAS}-{self.hook}"})
        )


# Where the detail is among git's arguments, and what the framework calls it.
_DETAILS = {
    "post-merge": (0, "PRE_COMMIT_IS_SQUASH_MERGE"),
    "post-rewrite": (0, "PRE_COMMIT_REWRITE_COMMAND"),
    "post-checkout": (2, "PRE_COMMIT_CHECKOUT_TYPE"),
}


def _detail(hook: str, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    place, variable = _DETAILS.get(hook, (0, ""))
    given = arguments[place] if arguments[place:] else ""
    return given or environment.get(variable, "")


def _framework_push(environment: Mapping[str, str]) -> Push:
    """The one ref that the framework tells of; none where it was called by hand, without a push.

    Where all of the history is new it gives no ids: the local ref names the commit then.
    """
    remote = environment.get("PRE_COMMIT_REMOTE_NAME")
    if remote is None:
        return Push("", "", ())
    local_ref = environment.get("PRE_COMMIT_LOCAL_BRANCH", "HEAD")
    update = RefUpdate(
        local_ref=local_ref,
        local=environment.get("PRE_COMMIT_TO_REF") or local_ref,
        remote_ref=environment.get("PRE_COMMIT_REMOTE_BRANCH", local_ref),
        remote=environment.get("PRE_COMMIT_FROM_REF") or "0" * 40,
    )
    return Push(remote, environment.get("PRE_COMMIT_REMOTE_URL", remote), (update,))
