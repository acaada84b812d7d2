"""Hooks that were there before ours: ``$0`` tells each which hook it is, and where its own is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ckpt_git.git.hooks.install import install, uninstall
from ckpt_git.git.repository import Repository
from tests.support import GitRepo

WORD = 'echo "{} ran as ${{0##*/}}" >>"$(git rev-parse --git-common-dir)/ran"\n'
RAN = WORD.format("theirs")
DISPATCH = f"#!/bin/sh\ncase ${{0##*/}} in pre-push) {RAN};; *) exit 1 ;; esac\n"

Kind = Callable[[Path], None]


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _plain(hooks: Path) -> None:
    _script(hooks / "pre-push", DISPATCH)


def _a_relative_link(hooks: Path) -> None:
    _script(hooks / "dispatch", DISPATCH)
    (hooks / "pre-push").symlink_to("dispatch")


def _a_link_to_a_link(hooks: Path) -> None:
    _script(hooks / "lib" / "dispatch", DISPATCH)
    (hooks / "dispatch").symlink_to("lib/dispatch")
    (hooks / "pre-push").symlink_to("./dispatch")


def _a_link_out_of_the_folder(hooks: Path) -> None:
    _script(hooks.resolve().parent / "tools" / "all hooks", DISPATCH)
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-push").symlink_to("../tools/all hooks")


def _an_absolute_link(hooks: Path) -> None:
    _a_relative_link(hooks)
    (hooks / "pre-push").unlink()
    (hooks / "pre-push").symlink_to(hooks / "dispatch")


def _a_library(hooks: Path) -> None:
    _script(hooks / "_" / "husky.sh", RAN)
    _script(hooks / "pre-push", '#!/bin/sh\n. "$(dirname "$0")/_/husky.sh"\n')


def _a_hidden_library(hooks: Path) -> None:
    _script(hooks / ".lib", RAN)
    _script(hooks / "pre-push", '#!/bin/sh\n. "${0%/*}/.lib"\n')


def _a_folder_of_parts(hooks: Path) -> None:
    _script(hooks / "pre-push.d" / "10 one", "#!/bin/sh\n" + WORD.format("theirs"))
    _script(hooks / "pre-push", '#!/bin/sh\nfor p in "$0".d/*; do "$p" "$@" || exit; done\n')


def _what_its_real_path_says(hooks: Path) -> None:
    real = '#!/bin/sh\n. "$(dirname "$(readlink -f "$0")")/lib.sh"\n'
    _script(hooks / "lib.sh", RAN)
    _script(hooks / "dispatch", real)
    (hooks / "pre-push").symlink_to("dispatch")


def _the_folder_above(hooks: Path) -> None:
    _script(hooks.parent / "lib" / "it", RAN)
    _script(hooks / "pre-push", '#!/bin/sh\n. "$(cd "$(dirname "$0")/.." && pwd)/lib/it"\n')


def _a_file_above(hooks: Path) -> None:
    _script(hooks.resolve().parent / "lib" / "it", RAN)
    _script(hooks / "pre-push", '#!/bin/sh\n. "$(dirname "$0")/../lib/it"\n')


def _by_husky_of_today(hooks: Path) -> None:
    _script(hooks.parent / "pre-push", RAN)
    up = '. "$(dirname "$(dirname "$0")")/$(basename "$0")"\n'
    _script(hooks / "h", up)
    _script(hooks / "pre-push", '#!/bin/sh\n. "$(dirname "$0")/h"\n')


def _another_language(hooks: Path) -> None:
    if shutil.which("perl") is None:
        pytest.skip("needs perl")
    text = (
        'use File::Basename; exit 1 if basename($0) ne "pre-push";'
        'my $own = dirname($0)."/dispatch"; exec { $own } $own'
    )
    _script(hooks / "dispatch", "#!/bin/sh\n" + RAN)
    _script(hooks / "pre-push", f"#!/usr/bin/env perl\n{text}\n")


KINDS: list[Kind] = [
    _plain,
    _a_relative_link,
    _a_link_to_a_link,
    _a_link_out_of_the_folder,
    _an_absolute_link,
    _a_library,
    _a_hidden_library,
    _a_folder_of_parts,
    _what_its_real_path_says,
    _the_folder_above,
    _a_file_above,
    _by_husky_of_today,
    _another_language,
]


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """A repository with a remote, and no hook at all."""
    repo = GitRepo.init(tmp_path / "the répo")
    remote = GitRepo.init(tmp_path / "remote", bare=True)
    repo.git("remote", "add", "origin", str(remote.path))
    repo.commit()
    shutil.rmtree(repo.path / ".git" / "hooks", ignore_errors=True)
    return repo


def _install(repo: GitRepo, *, force: bool = False) -> str:
    return "\n".join(install(Repository.discover(repo.path), force=force))


def _uninstall(repo: GitRepo) -> str:
    return "\n".join(uninstall(Repository.discover(repo.path)))


def _ran(repo: GitRepo) -> list[str]:
    """What ran in a push, by the names that it was run by."""
    repo.git("commit", "-q", "--allow-empty", "-m", "x", env={"CKPT_SKIP": "1"})
    repo.git("push", "-q", "origin", "HEAD")
    ran = Path(repo.git("rev-parse", "--path-format=absolute", "--git-common-dir")) / "ran"
    said = ran.read_text().splitlines() if ran.exists() else []
    ran.unlink(missing_ok=True)
    return said


def _picture(hooks: Path) -> dict[str, tuple[int, str]]:
    """All that lies in the hooks folder, and what is ours beside it: modes, and contents."""
    folders = {hooks, hooks.resolve()}
    paths = [path for folder in folders for path in (*folder.rglob("*"), *folder.parent.iterdir())]
    return {
        str(path): (path.lstat().st_mode, _content(path))
        for path in paths
        if path.parent not in {folder.parent for folder in folders} or "chained" in path.name
    }


def _content(path: Path) -> str:
    if path.is_symlink():
        return str(path.readlink())
    return path.read_text() if path.is_file() else ""


@pytest.mark.parametrize("where", [".git/hooks", "my höoks", "a/link to hooks"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_finds_itself_and_what_is_its_own(repo: GitRepo, kind: Kind, where: str) -> None:
    hooks = repo.path / where
    if where != ".git/hooks":
        repo.git("config", "core.hooksPath", where)
    if where == "a/link to hooks":
        (repo.path / "elsewhere" / "höoks").mkdir(parents=True)
        hooks.parent.mkdir()
        hooks.symlink_to("../elsewhere/höoks")
    kind(hooks)
    before, ran = _picture(hooks), _ran(repo)
    assert len(ran) == 1
    _install(repo, force=True)
    assert _ran(repo) == ran
    assert "already" in _install(repo, force=True)
    assert _ran(repo) == ran
    _uninstall(repo)
    assert _picture(hooks) == before
    assert _ran(repo) == ran


@pytest.mark.parametrize("kind", KINDS)
def test_linked_work_trees_run_it_too(repo: GitRepo, kind: Kind, tmp_path: Path) -> None:
    kind(repo.path / ".git" / "hooks")
    ran = _ran(repo)
    _install(repo)
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    assert _ran(GitRepo(tmp_path / "linked")) == ran


def test_a_bare_repository_runs_it_too(repo: GitRepo, tmp_path: Path) -> None:
    bare = repo.clone(tmp_path / "bare.git", "--bare")
    _a_relative_link(bare.path / "hooks")
    _install(bare)
    bare.git("push", "-q", "origin", "HEAD:refs/heads/new")
    assert (bare.path / "ran").read_text() == "theirs ran as pre-push\n"


def test_the_name_and_the_folders_above_are_as_git_gives_them(repo: GitRepo) -> None:
    hooks = repo.path / ".git" / "hooks"
    _script(hooks / "pre-push", '#!/bin/sh\necho "$0" >.git/ran\n')
    _install(repo)
    assert _ran(repo) == [".git/hooks.ckpt-chained/pre-push"]


def test_what_comes_to_the_folder_later_is_found(repo: GitRepo) -> None:
    hooks = repo.path / ".git" / "hooks"
    _script(hooks / "pre-push", '#!/bin/sh\n. "${0%/*}/plug in" && . "${0%/*}/.hidden"\n')
    _install(repo)
    _script(hooks / "plug in", WORD.format("one"))
    _script(hooks / ".hidden", WORD.format("two"))
    assert _ran(repo) == ["one ran as pre-push", "two ran as pre-push"]
    (hooks / ".hidden").write_text(WORD.format("three"))
    assert _ran(repo)[1] == "three ran as pre-push"
    _uninstall(repo)
    assert {path.name for path in hooks.iterdir()} == {"pre-push", "plug in", ".hidden"}
    assert not list(hooks.parent.glob("*chained*"))


def test_what_a_hook_leaves_beside_itself_is_not_lost(repo: GitRepo) -> None:
    hooks = repo.path / ".git" / "hooks"
    _script(hooks / "pre-push", '#!/bin/sh\ndate >"${0%/*}/last"\n')
    _install(repo)
    _ran(repo)
    _uninstall(repo)
    assert (hooks / "last").exists()
    assert not list(hooks.parent.glob("*chained*"))


def test_what_can_not_come_back_stays_and_is_told(repo: GitRepo) -> None:
    hooks = repo.path / ".git" / "hooks"
    _script(hooks / "pre-push", '#!/bin/sh\necho new >"${0%/*}/last"\n')
    _install(repo)
    _ran(repo)
    (hooks / "last").write_text("theirs")
    assert f"{hooks}.ckpt-chained/last stays" in _uninstall(repo)
    assert (hooks / "last").read_text() == "theirs"
    assert (hooks.parent / "hooks.ckpt-chained" / "last").read_text() == "new\n"


def test_a_folder_in_the_work_tree_is_not_among_what_git_would_add_or_clean(repo: GitRepo) -> None:
    _a_relative_link(repo.path / ".githooks")
    repo.git("config", "core.hooksPath", ".githooks")
    _install(repo, force=True)
    assert "chained" not in repo.git("status", "--porcelain", "-uall")
    repo.git("clean", "-qfd", "-e", ".githooks")
    assert _ran(repo) == ["theirs ran as pre-push"]


def test_a_hook_of_ours_that_another_calls_runs_once(repo: GitRepo) -> None:
    """The pre-commit framework calls what it calls legacy beside itself."""
    hooks = repo.path / ".git" / "hooks"
    _script(
        hooks / "pre-push", f'#!/bin/sh\n{RAN}exec "$(cd "${{0%/*}}" && pwd)/pre-push.legacy"\n'
    )
    _install(repo)
    shutil.copy(hooks / "pre-push", hooks / "pre-push.legacy")
    assert _ran(repo) == ["theirs ran as pre-push"]


# -- what an earlier version of ours kept beside itself, by another name ---

OLD = """#!/bin/sh
# ckpt-git hook @DIGEST@
"${0%/*}/pre-push.ckpt-chained" "$@"
"""


def _old(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hook kept as earlier versions kept it; returns the hooks folder."""
    hooks = repo.path / ".git" / "hooks"
    _script(hooks / "pre-push.ckpt-chained", DISPATCH)
    with monkeypatch.context() as patch:
        patch.setattr("ckpt_git.git.hooks.script._template", lambda _: OLD.encode())
        _install(repo)
    # An installation of then leaves it where it was.
    shutil.move(hooks.parent / "hooks.ckpt-chained" / "pre-push", hooks / "pre-push.ckpt-chained")
    shutil.rmtree(hooks.parent / "hooks.ckpt-chained")
    return hooks


def test_install_moves_on_what_an_earlier_version_kept(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = _old(repo, monkeypatch)
    with pytest.raises(AssertionError):
        _ran(repo)
    assert "the pre-push hook that was there is now hooks.ckpt-chained/pre-push" in _install(repo)
    assert not (hooks / "pre-push.ckpt-chained").exists()
    assert _ran(repo) == ["theirs ran as pre-push"]
    _uninstall(repo)
    assert [path.name for path in hooks.iterdir()] == ["pre-push"]
    assert _ran(repo) == ["theirs ran as pre-push"]


def test_uninstall_brings_back_what_an_earlier_version_kept(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = _old(repo, monkeypatch)
    _uninstall(repo)
    assert [path.name for path in hooks.iterdir()] == ["pre-push"]
    assert _ran(repo) == ["theirs ran as pre-push"]


def test_two_different_hooks_that_are_kept_are_both_left(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = _old(repo, monkeypatch)
    _script(hooks.parent / "hooks.ckpt-chained" / "pre-push", "#!/bin/sh\nexit 0\n")
    with pytest.raises(Exception, match="two hooks are kept"):
        _install(repo)
    assert "pre-push.ckpt-chained stays" in _uninstall(repo)
    assert (hooks / "pre-push").read_text() == "#!/bin/sh\nexit 0\n"
    assert (hooks / "pre-push.ckpt-chained").read_text() == DISPATCH


class _Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("action", [_install, _uninstall])
def test_killed_anywhere_one_of_the_two_is_there_and_the_next_time_does_it(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, action: Callable[[GitRepo], str], old: bool
) -> None:
    hooks = repo.path / ".git" / "hooks"
    if old:
        _old(repo, monkeypatch)
    else:
        _script(hooks / "pre-push", DISPATCH)
        if action is _uninstall:
            _install(repo)
    for step in range(100):
        if not _ends_at(step, action, repo, monkeypatch):
            break
        assert (hooks / "pre-push").exists()
        assert DISPATCH in [path.read_text() for path in repo.path.rglob("pre-push*")]
    assert step > 3
    action(repo)
    assert _ran(repo) == ["theirs ran as pre-push"]
    _uninstall(repo)
    assert [path.name for path in hooks.iterdir()] == ["pre-push"]
    assert (hooks / "pre-push").read_text() == DISPATCH
    assert not list(hooks.parent.glob("*chained*"))


def _ends_at(
    step: int, action: Callable[[GitRepo], str], repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Whether ``action`` came to its call number ``step`` that changes folders, and ended there."""
    count = 0

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def instead(*arguments: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count > step:
                raise _Killed
            return call(*arguments, **options)

        return instead

    with monkeypatch.context() as patch:
        for name in ("link", "replace", "unlink", "symlink", "rename", "rmdir", "mkdir"):
            patch.setattr(f"os.{name}", counted(getattr(__import__("os"), name)))
        try:
            action(repo)
        except _Killed:
            return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_system_without_hard_links_will_do(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    hooks = repo.path / ".git" / "hooks"
    kind(hooks)
    before, ran = _picture(hooks), _ran(repo)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    _install(repo)
    assert _ran(repo) == ran
    _uninstall(repo)
    assert _picture(hooks) == before


def test_no_process_more_than_the_hook_itself(repo: GitRepo) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    _script(repo.path / ".git" / "hooks" / "post-commit", "#!/bin/sh\n:\n")
    _install(repo)
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=execve", ".git/hooks/post-commit"],
        cwd=repo.path,
        capture_output=True,
        text=True,
        check=True,
    )
    calls = [line for line in done.stderr.splitlines() if "execve(" in line]
    assert len(calls) == 2
