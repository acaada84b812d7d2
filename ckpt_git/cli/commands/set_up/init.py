"""``init``: find out how the repository builds, write ckpt.toml, and install the hooks.

Where the repository uses the pre-commit framework the hooks are that one's, unless git's own were
installed before.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ckpt_git.builds.context import Context, read_config
from ckpt_git.builds.setup.detect import detect, render, this_machine
from ckpt_git.builds.setup.kinds.values import Listing
from ckpt_git.cli.commands.set_up.trust import agree_to_what_is_here
from ckpt_git.cli.output.streams import out
from ckpt_git.git.hooks import pre_commit
from ckpt_git.git.hooks.folder import hooks_folder
from ckpt_git.git.hooks.install import install, installed, uninstall
from ckpt_git.model.config import ckpt_toml
from ckpt_git.model.errors import RepositoryError, StoreError, UsageError
from ckpt_git.model.report.display_names import CONFIG_NAME

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
        ckpt_toml.parse(ckpt_toml.decode(read_config(path) or b""), where=CONFIG_NAME)
        out(f"kept {path} as it is (--force writes it anew)")
    else:
        _write(path, _detected(context, top, checks=checks))
    if hooks and pre_commit.is_used(top) and not installed(context.repo):
        _use_framework(top, hooks_folder(context.repo))
    elif hooks:
        for line in install(context.repo):
            out(line)
    if hooks:
        agree_to_what_is_here(context)
    out(_NEXT if _is_tracked(context) else _NEXT_AND_ADD)


def _use_framework(top: Path, folder: Path) -> None:
    added = pre_commit.add_entry(top)
    out(f"{'added the hooks to' if added else 'the hooks are in'} {top / pre_commit.NAME}")
    for line in pre_commit.install(top, folder):
        out(line)
    if added:
        out(f"`git add {pre_commit.NAME}` too: pre-commit runs nothing while it isn't staged")
    out("`git ckpt install` puts in git's own hooks instead; docs/how-to/hook-managers.md compares")


def take_away(context: Context) -> None:
    """Remove git's hooks of ours; prints what it did. The framework's file is the user's."""
    for line in uninstall(context.repo):
        out(line)
    top = context.repo.top
    if top is not None and pre_commit.has_entry(top):
        out(f"{top / pre_commit.NAME} has hooks of ours, too: take its entry out by hand")


def _is_tracked(context: Context) -> bool:
    return context.repo.read(context.repo.target("index").tree, CONFIG_NAME) is not None


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
