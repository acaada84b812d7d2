"""``init``: what the repository is built with, written down, and the hooks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ckpt_git.builds.context import CONFIG_NAME, Context
from ckpt_git.builds.detect import detect, render, this_machine
from ckpt_git.builds.kinds.values import Listing
from ckpt_git.cli.streams import out
from ckpt_git.cli.trusting import agree_to_what_is_here
from ckpt_git.git.hooks import install
from ckpt_git.model.config import Config, decode
from ckpt_git.model.errors import ConfigError, RepositoryError, StoreError, UsageError

_NEXT = """
Next: `git ckpt build` tries it out and makes the first checkpoint. From then on, just commit."""
_NEXT_AND_ADD = """
Next: `git ckpt build` tries it out and makes the first checkpoint.
`git add ckpt.toml` and commit it, so that every clone builds the same; from then on, just
commit."""


def initialise(context: Context, *, hooks: bool, force: bool, checks: bool) -> None:
    """Write ``ckpt.toml`` where there is none, and install the hooks; prints what it did.

    Raises ``ConfigError`` where no way to build is found, and writes nothing then.
    """
    top = context.repo.top
    if top is None:
        raise RepositoryError(
            f"{context.repo.git_dir} is a bare repository", "run this in a clone with a work tree"
        )
    path = top / CONFIG_NAME
    if path.exists() and not force:
        Config.parse(decode(_read(path)), where=CONFIG_NAME)
        out(f"kept {path} as it is (--force writes it anew)")
    else:
        _write(path, _detected(context, top, checks=checks))
    if hooks:
        for line in install(context.repo):
            out(line)
        agree_to_what_is_here(context)
    out(_NEXT if _is_tracked(context) else _NEXT_AND_ADD)


def _is_tracked(context: Context) -> bool:
    return context.repo.read(context.repo.target("index").tree, CONFIG_NAME) is not None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error


def _detected(context: Context, top: Path, *, checks: bool) -> str:
    tree = context.repo.target("worktree").tree
    paths = frozenset(context.repo.tracked(tree))
    if not paths:
        raise UsageError(f"git tracks no files in {top}", "`git add` the sources first")
    listing = Listing(top.name, paths, partial(context.repo.read, tree))
    return render(detect(listing, this_machine()), checks=checks)


def _write(path: Path, text: str) -> None:
    try:
        aside = path.with_suffix(".toml.new")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        raise StoreError(f"can't write {path}: {error.strerror}") from error
    out(f"wrote {path}:\n")
    for line in text.splitlines():
        out(f"    {line}" if line else "")
    out("")
