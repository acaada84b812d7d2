"""What a user can see of a repository, to compare one with ckpt-git and one without."""

from __future__ import annotations

from tests.support import GitRepo


def picture(repo: GitRepo) -> dict[str, object]:
    """All that a user can see of a repository: its files, and what git says of it."""
    files = {
        str(path.relative_to(repo.path)): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(repo.path.rglob("*"))
        if path.is_file() and not path.is_relative_to(repo.path / ".git")
    }
    return {
        "files": files,
        "config": (repo.path / ".git" / "config").read_bytes(),
        "index": repo.git("ls-files", "-sv"),
        "status": repo.git("status", "--porcelain", "--branch", "--ignored"),
        "HEAD": (repo.path / ".git" / "HEAD").read_text(),
        "refs": repo.git("for-each-ref"),
        "stash": repo.git("stash", "list"),
        "folder": {path.name for path in (repo.path / ".git").iterdir()} - {"ckpt", "hooks"},
    }
