"""A release has one version in all places, and isn't made of what isn't committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import GitRepo
from tools.release import tag


@pytest.fixture
def checkout(tmp_path: Path) -> GitRepo:
    repo = GitRepo.init(tmp_path / "checkout")
    changes = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- All of it.\n"
    repo.commit("start", {"CHANGELOG.md": changes, "ckpt_git/__init__.py": '__version__ = "0.1"\n'})
    return repo


def test_a_release_is_a_commit_and_a_tag(checkout: GitRepo) -> None:
    tag(checkout.path, "1.2.3", "2026-12-01")
    assert (checkout.path / "ckpt_git/__init__.py").read_text() == '__version__ = "1.2.3"\n'
    changes = (checkout.path / "CHANGELOG.md").read_text()
    assert "## [Unreleased]\n\n## [1.2.3] - 2026-12-01\n\n### Added\n\n- All" in changes
    assert checkout.git("rev-parse", "v1.2.3^{commit}") == checkout.head
    assert checkout.git("status", "--porcelain") == ""
    with pytest.raises(ValueError, match="nothing that is unreleased"):
        tag(checkout.path, "1.2.4", "2026-12-02")


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.2.3-x"])
def test_what_is_no_version_is_refused(checkout: GitRepo, version: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        tag(checkout.path, version, "2026-12-01")


def test_changes_that_are_not_committed_are_refused(checkout: GitRepo) -> None:
    checkout.write("new.txt", "")
    with pytest.raises(ValueError, match="has changes"):
        tag(checkout.path, "1.2.3", "2026-12-01")
