"""Builds that lie, each a commit or a few on a checkpoint: ours is what a clean build gives.

One of each kind is always built, and all of them where ``CKPT_LYING=N`` asks for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lying.cases import CASES, FEW
from tests.lying.cases.case import KINDS, Case
from tests.lying.company import package, together
from tests.lying.outputs import Built, differences, read
from tests.lying.script import script
from tests.lying.site import (
    LONG,
    Comparison,
    Site,
    assert_answered,
    assert_right_or_refused,
)
from tests.lying.tree import write
from tests.support import GitRepo

pytestmark = pytest.mark.slow
asked_for = pytest.mark.skipif(not LONG, reason="CKPT_LYING=N asks for it")

SIZE = 30
"""So many cases are built together."""


class Builds:
    """The builds of some cases' commits. One for which ``init`` writes the recipe is alone."""

    def __init__(self, cases: Sequence[Case], site: Site) -> None:
        self._cases, self._site = cases, site
        alone = cases[0].config is None
        base, *trees = cases[0].trees if alone else together([case.trees for case in cases])
        self._base = site.base(base)
        self._packages = site.commits(trees)
        self._names = list(self._base) if alone else [package(at) for at in range(len(cases))]
        self._again: dict[int, Mapping[str, Built]] = {}

    def base(self, case: Case) -> Built:
        return self._base[self._name(case)]

    def compared(self, case: Case) -> list[Comparison]:
        return [packages[self._name(case)] for packages in self._packages[: len(case.edits)]]

    def clean_again(self, case: Case, number: int) -> Built:
        """Of the commit that edit ``number`` made."""
        if number not in self._again:
            self._again[number] = self._site.clean(number + 1)
        return self._again[number][self._name(case)]

    def _name(self, case: Case) -> str:
        return self._names[self._cases.index(case)]


@pytest.fixture(scope="module")
def builds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], Builds]]:
    """Builds a case when it is first asked for, with others of those that were selected."""
    known: dict[Case, Builds | str] = {}
    specs = (getattr(item, "callspec", None) for item in request.session.items)
    params = [spec.params.get("case") for spec in specs if spec is not None]
    selected = {case for case in params if isinstance(case, Case)}
    asked = [case for case in CASES if case in selected and (LONG or case in FEW)]
    companies = _companies([case for case in asked if not case.missing()])
    with ExitStack() as stack:

        def build(case: Case) -> Builds:
            if case not in known:
                [company] = (cases for cases in companies if case in cases)
                folder = tmp_path_factory.mktemp("lying")
                site = stack.enter_context(Site.at(folder, init=case.config is None))
                known.update(dict.fromkeys(company, _built(company, site)))
            if isinstance(told := known[case], str):
                pytest.fail(told, pytrace=False)
            return told

        yield build


def _built(cases: Sequence[Case], site: Site) -> Builds | str:
    """What went wrong, where none of them could be built: it would again for each of them."""
    try:
        return Builds(cases, site)
    except (AssertionError, subprocess.TimeoutExpired) as wrong:
        return f"{', '.join(case.name for case in cases)}: {wrong}"


def _companies(cases: Sequence[Case]) -> list[Sequence[Case]]:
    others = [case for case in cases if case.config is not None]
    companies: list[Sequence[Case]] = [[case] for case in cases if case.config is None]
    companies += [others[at : at + SIZE] for at in range(0, len(others), SIZE)]
    return companies


def _named(case: Case) -> str:
    return case.name


def _marked(case: Case) -> object:
    return pytest.param(case, id=case.name, marks=[] if case in FEW else [asked_for])


@pytest.mark.parametrize("case", [_marked(case) for case in CASES])
def test_comes_to_what_a_clean_build_comes_to(case: Case, builds: Callable[[Case], Builds]) -> None:
    _skip_without(case)
    built = builds(case)
    base = built.base(case)
    assert base.outcome == "passed", base.said
    for number, one in enumerate(built.compared(case)):
        if one.differences:
            again = differences(one.clean, built.clean_again(case, number))
            assert not again, f"no two clean builds are the same: {again}"
            told = [f"after edit {number + 1}:", *one.differences, script(case.trees, case.name)]
            pytest.fail("\n".join(told), pytrace=False)
        expected = "failed" if number in case.fails else "passed"
        assert one.clean.outcome == expected, one.clean.said
        assert_right_or_refused(one.result)
        if case.answers and number not in case.fails:
            assert_answered(one.result)


@asked_for
@pytest.mark.parametrize("case", [case for case in CASES if case.bare], ids=_named)
def test_the_tool_alone_is_wrong(case: Case, tmp_path: Path) -> None:
    """Else the case would show nothing."""
    _skip_without(case)
    used, wrong = tmp_path / "used", False
    assert _bare(case, used, 0, tmp_path / "out").outcome == "passed"
    for number in range(1, len(case.trees)):
        ours = _bare(case, used, number, tmp_path / "out")
        wrong |= ours != _bare(case, tmp_path / f"clean-{number}", number, tmp_path / "out")
    assert wrong


def test_each_kind_has_cases_and_each_case_a_name() -> None:
    assert {case.kind for case in CASES} == set(KINDS)
    assert {case.kind for case in FEW} == set(KINDS)
    assert len({case.name for case in CASES}) == len(CASES)


def _bare(case: Case, folder: Path, number: int, out: Path) -> Built:
    """What the commands come to in a work tree, on what they left there for the commit before."""
    before = case.trees[number - 1] if folder.exists() else {}
    write(GitRepo.init(folder), before, case.trees[number])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    package = tomllib.loads((folder / "ckpt.toml").read_text())["package"]["p"]
    env = {**os.environ, "out": str(out), "SOURCE_DATE_EPOCH": "1", **package.get("env", {})}
    for phase in ("configure", "build", "check", "install"):
        command = ["sh", "-ec", package.get(phase, ":")]
        done = subprocess.run(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            return Built("failed", {})
    return Built("passed", read(out))


def _skip_without(case: Case) -> None:
    if missing := case.missing():
        pytest.skip(f"{case.name} needs {', '.join(missing)}")
