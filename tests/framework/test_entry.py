"""`.pre-commit-hooks.yaml`, used as others use it: by an address and a revision."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ckpt_git.git.hooks.pre_commit import Origin, with_entry
from tests.framework.conftest import BIN, THEIRS, Managed
from tests.support import GitRepo

ROOT = Path(__file__).parents[2]
# pip is the user's own, with the index that it is set up for.
INSTALLERS_ENVIRONMENT = dict(os.environ)

KEYS = "ci:\n  skip: []  # none\n"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """A repository of ckpt-git that holds this checkout."""
    folder = tmp_path_factory.mktemp("origin")
    for name in ("ckpt_git", "hooks", "man"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    files = (".pre-commit-hooks.yaml", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE")
    for name in files:
        shutil.copy(ROOT / name, folder)
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    yield Origin(str(folder), GitRepo(folder).head)
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_plain_entry_is_all_that_it_takes(
    managed: Managed, origin: Origin, tmp_path: Path
) -> None:
    """pre-commit makes the environment with pip, from this package's own list of dependencies."""
    text = with_entry(THEIRS, origin)
    assert text is not None
    managed.repo.write(".pre-commit-config.yaml", text)
    managed.repo.git("add", ".")
    managed.repo.git("commit", "-q", "-m", "ckpt-git")
    home = {"PRE_COMMIT_HOME": str(tmp_path / "environments")}
    types = [part for event in ("post-commit", "pre-push") for part in ("-t", event)]
    command = [str(BIN / "pre-commit"), "install", "--install-hooks", *types]
    env = {**INSTALLERS_ENVIRONMENT, **home}
    subprocess.run(command, cwd=managed.repo.path, env=env, check=True, capture_output=True)
    outside = {**home, "PYTHONPATH": "", "PATH": INSTALLERS_ENVIRONMENT["PATH"]}
    managed.repo.write("in.txt", "2\n")
    said = managed.run("git", "commit", "-q", "-a", "-m", "two", env=outside).said
    assert "ckpt: rebuilding the commit alone in the background" in said
    [record] = managed.records(1)
    assert (record.outcome, record.commit) == ("passed", managed.repo.head)
    said = managed.run("git", "push", "origin", "main", env=outside).said
    assert "validating main alone" in said
    assert managed.builds() == 1
    managed.project.ckpt("build", "HEAD")
    assert managed.builds() == 1, "what the framework's environment built is known outside of it"


@pytest.mark.parametrize(
    ("before", "indent"),
    [(THEIRS, ""), ("repos:\n    - repo: meta\n      hooks: [{id: identity}]\n", "    ")],
)
@pytest.mark.parametrize("after", ["", f"\n# for CI\n{KEYS}", KEYS])
def test_an_entry_goes_to_the_end_of_the_list(before: str, indent: str, after: str) -> None:
    text = with_entry(before + after, Origin("https://example.com/x", "v1"))
    assert text is not None
    assert text.startswith(before)
    assert text.endswith(after)
    added = text.removeprefix(before).removesuffix(after).splitlines()
    assert added[1] == f'{indent}- repo: "https://example.com/x"'
    assert added[2:4] == [f'{indent}  rev: "v1"', f"{indent}  hooks:"]


@pytest.mark.parametrize("text", ["repos: []\n", "ci: {}\n", "repos:\nci:\n  skip: [x]\n- a\n", ""])
def test_a_list_in_another_form_is_left_to_a_person(text: str) -> None:
    assert with_entry(text, None) is None


def test_lines_keep_their_ends() -> None:
    text = with_entry(THEIRS.replace("\n", "\r\n"), None)
    assert text is not None
    assert text.count("\n") == text.count("\r\n")
