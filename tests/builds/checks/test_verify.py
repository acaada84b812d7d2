"""What `verify` compares, whatever happens in the store meanwhile."""

from __future__ import annotations

from pathlib import Path

from tests.cli.project import Project

_FILES = {"Makefile": "t: s\n\tcp s t\ninstall: t\n\tmkdir -p $(out) && cp t $(out)\n", "s": "0\n"}
_CONFIG = '[package.p]\nbuild = "make"\ninstall = "make install"\n'


def test_an_old_build_is_compared_although_its_output_is_cleared_up_meanwhile(
    tmp_path: Path,
) -> None:
    project = Project.make(tmp_path / "project", _FILES, _CONFIG)
    commits = []
    for number in range(4):
        commits.append(project.repo.commit(f"number {number}", {"s": f"{number}\n"}))
        # What a checkpoint lies on is kept with it: these lie on nothing.
        project.ckpt("build", "HEAD", *(["--clean"] if number > 1 else []))
    project.repo.git("config", "ckpt.storeLimit", "1")
    [result] = project.ckpt("verify", commits[1], "--json").json()["results"]
    assert result["identical"]
    assert result["checkpoint"]["commit"] == commits[0]
    assert not Path(result["out"]).exists()  # the clean build did clear up


_NUMBERS = """\
[package.p]
build = '''
sh -c '/bin/true; /bin/true; cat plain >first'
if [ -e count ]; then sh -c 'cat one >>first; echo $$ >number'; else cp plain number; fi
'''
install = "mkdir -p $out && cp number $out/"
"""
"""Told to, the build says a process' number: another one where those before it were answered."""


def test_what_was_built_on_a_wrong_checkpoint_goes_and_nothing_else(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", {"plain": "1\n"}, _NUMBERS)
    project.build()
    first = project.repo.git("rev-parse", "HEAD").strip()
    beside = project.repo.commit("beside", {"beside": "\n"})
    project.build("HEAD")
    project.repo.git("reset", "-q", "--hard", first)
    trees = [
        project.repo.commit(f"adds {path}", {path: "1\n"}) for path in ("one", "count", "more")
    ]
    depths = [project.build(tree)["checkpoint"]["depth"] for tree in trees]
    assert depths == [0, 1, 2]
    project.ckpt("verify", "HEAD", code=1)
    assert project.build(beside)["cached"]
    assert [project.build(tree)["cached"] for tree in trees[:2]] == [False, False]
