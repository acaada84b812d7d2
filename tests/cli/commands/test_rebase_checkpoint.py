"""``git ckpt rebase-checkpoint``: the cheapest way, what it says, and that the old one stays."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.project import CONFIG, Project


@pytest.fixture
def commits(project: Project) -> list[str]:
    """Three commits, of which the first is built and in force; nothing moves that by itself."""
    project.repo.write("ckpt.toml", 'follow = "manual"\n' + CONFIG)
    made = [project.repo.commit("manual")]
    project.ckpt("prepare")
    for number in (1, 2):
        project.edit("src/main.c", "return", f"/* {number} */ return")
        made.append(project.repo.commit(f"edit {number}"))
    return made


def _in_force(project: Project) -> str:
    [package] = project.ckpt("status", "--json").json()["packages"]
    return str(package["checkpoint"]["commit"])


def _moved(project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = project.ckpt("rebase-checkpoint", "--json", *arguments, code=code)
    [result] = done.json()["results"]
    assert isinstance(result, dict)
    return result


def _builds(project: Project) -> int:
    return len(list((project.path / ".git/ckpt/logs").iterdir()))


def test_it_takes_the_cheapest_way(project: Project, commits: list[str]) -> None:
    first, second, third = commits
    moved = _moved(project)["moved"]
    assert (moved["how"], moved["files"]) == ("checkpointed", 1)
    assert (moved["from"]["commit"], moved["to"]["commit"]) == (first, third)
    assert _in_force(project) == third
    before = _builds(project)
    assert _moved(project)["moved"]["how"] == "nothing"
    older = _moved(project, first)
    assert (older["moved"]["how"], older["cached"]) == ("existing", True)
    assert (_in_force(project), _builds(project)) == (first, before)
    clean = _moved(project, "--clean", second)
    assert (clean["moved"]["how"], clean["moved"]["to"]["depth"]) == ("clean", 0)
    assert _in_force(project) == second


def test_it_says_what_it_does_and_what_that_saves(project: Project, commits: list[str]) -> None:
    first, _, third = (commit[:10] for commit in commits)
    planned = project.ckpt("rebase-checkpoint", "--dry-run").out
    assert planned == (
        f"hello: the checkpoint of {third} would be built from that of {first},"
        f" instead of that of {first}; builds of it start 1 file nearer\n"
    )
    assert project.ckpt("rebase-checkpoint", "-n", "--json").json()["planned"][0]["to"] == {
        "commit": commits[2],
        "tree": project.repo.tree(),
    }
    assert _in_force(project) == commits[0]
    said = project.ckpt("rebase-checkpoint").out
    assert said.startswith(f"hello: the checkpoint moved from {first} to {third}, in ")
    assert said.endswith("; builds of it start 1 file nearer\n")
    assert "is in force already" in project.ckpt("rebase-checkpoint").out


def test_to_a_merge_of_another_branch(project: Project, commits: list[str]) -> None:
    project.repo.git("switch", "-q", "-c", "side", commits[0])
    project.repo.commit("side", {"greeting.txt": "hi\n"})
    project.repo.git("switch", "-q", "main")
    project.repo.git("merge", "-q", "-m", "merge", "side")
    moved = _moved(project)["moved"]
    assert (moved["how"], moved["to"]["commit"]) == ("checkpointed", project.repo.head)


def test_a_failure_leaves_the_old_one(project: Project, commits: list[str]) -> None:
    project.edit("src/main.c", "return", "retrun")
    broken = project.repo.commit("broken")
    result = _moved(project, code=1)
    assert (result["outcome"], result["moved"]["to"]) == ("failed", None)
    assert _in_force(project) == commits[0]
    done = project.ckpt("rebase-checkpoint", code=1)
    assert f"that of {commits[0][:10]} stays" in done.out
    assert "known to fail" in project.ckpt("rebase-checkpoint", "-n", broken).out


def test_what_can_be_no_base_leaves_the_old_one(project: Project) -> None:
    project.ckpt("prepare")
    first = project.repo.head
    project.repo.commit("unseen", {"ckpt.toml": f"trace = false\n{CONFIG}"})
    result = _moved(project, code=1)
    assert (result["outcome"], result["moved"]["to"]) == ("passed", None)
    assert _in_force(project) == first
