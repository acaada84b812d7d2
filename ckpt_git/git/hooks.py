"""Put our hooks where git looks for hooks, and take them away again without a trace.

Touches the hooks folder only. A hook that is there is kept beside ours and still runs; one that
others share (a global folder) or that is part of the project (a tracked folder) is left to the
user's decision. Ours are known by a digest in their second line, so that an edit is noticed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Protocol

from ckpt_git.model.errors import RepositoryError
from ckpt_git.process import run

HOOKS = ("post-commit",)
"""The hooks that we install; each has a template of its name in ``hooks/``."""

CHAINED = ".ckpt-chained"
"""What the name of a hook that was there before ours ends in; ours runs it first."""

_LEGACY = ".legacy"  # where the pre-commit framework keeps the hook that it found, and runs it
_MARK = re.compile(rb"^# ckpt-git hook ([0-9a-f]{64})$", re.MULTILINE)
_UNSIGNED = b"# ckpt-git hook @DIGEST@"

_Kind = Literal["absent", "ours", "edited", "foreign"]


class Place(Protocol):
    """Where a repository lies (``ckpt_git.git.repository``); the paths are absolute."""

    @property
    def top(self) -> Path | None: ...
    @property
    def git_dir(self) -> Path: ...
    @property
    def common_dir(self) -> Path: ...
    @property
    def state(self) -> Path: ...


def install(repo: Place, python: str = sys.executable, *, force: bool = False) -> list[str]:
    """Install our hooks, to be run by the interpreter ``python``; returns what was done, in lines.

    Doing it again updates what is ours and nothing else. ``force`` writes to a folder that
    others share, and over a hook of ours that was edited. Raises ``RepositoryError``.
    """
    folder = hooks_folder(repo)
    refusal = None if force else _refusal(repo, folder)
    if refusal is not None:
        raise refusal
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        repo.state.mkdir(exist_ok=True)  # where the hook leaves word if Python doesn't start
        return [_install(folder / name, _render(name, python), force=force) for name in HOOKS]


def uninstall(repo: Place) -> list[str]:
    """Remove our hooks and bring back those that were there; returns what was done, in lines.

    Also looks into the repository's own hooks folder where ``core.hooksPath`` was set since.
    Raises ``RepositoryError``.
    """
    done = []
    for folder in dict.fromkeys((hooks_folder(repo), repo.common_dir / "hooks")):
        with _writing(folder):
            done += [line for name in HOOKS if (line := _uninstall(folder / name)) is not None]
    return done or ["no hook of ours is installed"]


def hooks_folder(repo: Place) -> Path:
    """The folder in which git looks for hooks, which need not exist: git-config(1), core.hooksPath.

    A relative path is one from where hooks run, the work tree's root. Raises
    ``RepositoryError`` where hooks are switched off (``/dev/null``).
    """
    said = _git(repo, "rev-parse", "--git-path", "hooks")
    folder = Path(os.path.normpath(_root(repo) / said))
    if folder.exists() and not folder.is_dir():
        raise RepositoryError(
            f"core.hooksPath is {folder}, so git runs no hooks here",
            "`git config --unset core.hooksPath` switches them on",
        )
    return folder


# -- one hook -------------------------------------------------------------------------------------


def _install(hook: Path, content: bytes, *, force: bool) -> str:
    place = _where(hook)
    kind = _kind(place)
    if kind == "edited" and not force:
        return f"{place} is ours but was edited, so it stays as it is; --force writes it anew"
    if kind == "foreign":
        return _chain(place, content)
    if kind == "ours" and place.read_bytes() == content and os.access(place, os.X_OK):
        return f"{place} is installed already"
    _write(place, content)
    return f"{'installed' if kind == 'absent' else 'updated'} {place}"


def _chain(hook: Path, content: bytes) -> str:
    """Write ours in place of a hook of others. At no moment is there neither."""
    chained = _beside(hook, CHAINED)
    if os.path.lexists(chained):
        raise RepositoryError(
            f"{hook} was replaced by another tool, and {chained.name} still keeps the one before",
            f"remove the one you don't need and run `git ckpt install` again: ls -l {hook}*",
        )
    try:
        os.link(hook, chained, follow_symlinks=False)
    except OSError:  # a file system without hard links
        hook.rename(chained)
    _write(hook, content)
    return f"installed {hook}; the hook that was there is now {chained.name} and runs first"


def _uninstall(hook: Path) -> str | None:
    place = _where(hook)
    kind = _kind(place)
    chained = _beside(hook, CHAINED)
    if kind == "edited":
        return f"{place} is ours but was edited, so it stays; remove it by hand"
    if kind == "foreign":
        left = os.path.lexists(chained)
        return f"{chained} stays: {hook.name} is not ours any more" if left else None
    if os.path.lexists(chained):
        chained.replace(place)
        return f"removed {place}; the hook that was there before is back"
    if kind == "absent":
        return None
    place.unlink()
    return f"removed {place}"


def _where(hook: Path) -> Path:
    """Where our hook is, or is to be: the pre-commit framework may have moved it aside."""
    legacy = _beside(hook, _LEGACY)
    moved = _kind(hook) == "foreign" and _kind(legacy) in {"ours", "edited"}
    return legacy if moved else hook


def _kind(hook: Path) -> _Kind:
    if not os.path.lexists(hook):
        return "absent"
    content = hook.read_bytes() if hook.is_file() and not hook.is_symlink() else b""
    signed = _MARK.search(content)
    if signed is None:
        return "foreign"
    unsigned = content.replace(signed[0], _UNSIGNED, 1)
    return "ours" if _digest(unsigned) == signed[1] else "edited"


def _beside(hook: Path, ending: str) -> Path:
    return hook.with_name(hook.name + ending)


# -- our text -------------------------------------------------------------------------------------


def _render(name: str, python: str) -> bytes:
    """The template with its interpreter filled in, signed with the digest of the whole."""
    quoted = os.fsencode(shlex.quote(python))
    unsigned = _template(name).replace(b"@PYTHON@", quoted, 1)
    return unsigned.replace(_UNSIGNED, b"# ckpt-git hook " + _digest(unsigned), 1)


def _template(name: str) -> bytes:
    """From the package's data, or from the repository's root in a checkout of ours."""
    package = Path(__file__).parent.parent
    for folder in (package / "hooks", package.parent / "hooks"):
        with suppress(FileNotFoundError):
            return (folder / name).read_bytes()
    raise RepositoryError(
        f"the hook's template hooks/{name} is missing from this installation",
        "install ckpt-git again",
    )


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RepositoryError(
            f"cannot write hooks to {folder}: {error.strerror}", "make the folder writable"
        ) from error


def _write(hook: Path, content: bytes) -> None:
    aside = hook.with_name(f".{hook.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o777)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, for its mode
        file.write(content)
    aside.replace(hook)


# -- whose folder ---------------------------------------------------------------------------------


def _refusal(repo: Place, folder: Path) -> RepositoryError | None:
    """Why ``folder`` isn't ours to write to unasked, or None."""
    folder = folder.resolve()
    if _is_within(folder, repo.common_dir) or _is_within(folder, repo.git_dir):
        return None
    if repo.top is None or not _is_within(folder, repo.top):
        shared = not _chosen_here(repo)
        return _refused(folder, "serves other repositories too") if shared else None
    if ".husky" in folder.parts:
        return _refused(folder, "is husky's")
    tracked = _git(repo, "ls-files", "--", str(folder)) != ""
    return _refused(folder, "is part of the project") if tracked else None


def _chosen_here(repo: Place) -> bool:
    """Whether this repository's own configuration names the hooks folder."""
    said = _git(repo, "config", "--show-scope", "--get", "core.hooksPath", ok=(0, 1))
    return said.partition("\t")[0] in {"local", "worktree"}


def _refused(folder: Path, why: str) -> RepositoryError:
    return RepositoryError(
        f"git's hooks folder here is {folder}, which {why}",
        "call `git ckpt hook post-commit` from the hook there, or `git ckpt install --force`",
    )


def _is_within(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder.resolve())


def _root(repo: Place) -> Path:
    return repo.git_dir if repo.top is None else repo.top


def _git(repo: Place, *arguments: str, ok: Sequence[int] = (0,)) -> str:
    env = {"GIT_DIR": str(repo.git_dir)}
    if repo.top is not None:
        env["GIT_WORK_TREE"] = str(repo.top)
    done = run(["git", *arguments], cwd=_root(repo), env=env, ok=ok)
    return os.fsdecode(done.stdout).removesuffix("\n")
