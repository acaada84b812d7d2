"""Configuring is answered from memory where nothing that it read has changed, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.builds.wrong_by_itself import AUTOMAKE
from tests.engines.project import Project, toml_string
from tests.support import GitRepo

_OWN = {
    "configure": """\
#!/bin/sh
echo "NUMBER = $(cat number)" >settings.mk
ls parts >>listed
if [ -e local.conf ]; then echo "LOCAL = 1" >>settings.mk; fi
""",
    "number": "1\n",
    "parts/one.c": "int one;\n",
    "main.c": "int main(void) { return 0; }\n",
    "Makefile": "include settings.mk\nall: program\nprogram: main.c\n\tcc -DN=$(NUMBER) -o $@ $<\n",
}
_AUTOMAKE = {
    **AUTOMAKE,
    "configure.ac": AUTOMAKE["configure.ac"].replace("[1]", "m4_esyscmd_s([sh ./version])"),
    "version": "cat RELEASE\n",
    "RELEASE": "1\n",
    "beside": "words\n",
}
"""A script prints the version."""


def _project(folder: Path, files: Mapping[str, str], configure: str) -> Project:
    project = Project(GitRepo.init(folder / "repository"))
    project.toml("make", install="cp program $out/", configure=toml_string(configure))
    project.repo.commit("all of it", files)
    project.passes()
    return project


def _configures_again(project: Project, script: str, path: str, text: str | None) -> bool:
    """Whether ``script`` is run when ``path`` is edited. What comes of it is as clean."""
    if text is None:
        project.repo.remove(path)
    else:
        project.repo.write(path, text)
    project.repo.git("add", "-A")
    record = project.as_clean()
    [made] = [one for one in project.checkpoints() if one.id == record.left]
    report = project.report(made)
    assert report is not None
    return any(script in step.arguments for step in report.steps)


@pytest.mark.parametrize(
    ("path", "text", "again"),
    [
        ("main.c", "int main(void) { return 1; }\n", False),
        ("parts/one.c", "int other;\n", False),
        ("beside.c", "int beside;\n", False),
        ("number", "2\n", True),
        ("parts/two.c", "int two;\n", True),
        ("parts/one.c", None, True),
        ("local.conf", "\n", True),
        ("configure", _OWN["configure"].replace("NUMBER = ", "NUMBER = 1"), True),
    ],
)
def test_a_script_of_ones_own(tmp_path: Path, path: str, text: str | None, *, again: bool) -> None:
    project = _project(tmp_path, _OWN, "sh ./configure")
    assert _configures_again(project, "./configure", path, text) is again


@pytest.mark.slow
def test_autoconf(tmp_path: Path) -> None:
    """It runs hundreds of commands; those of a ``configure`` that changed are run again."""
    project = _project(tmp_path, _AUTOMAKE, "autoreconf -fi && ./configure --prefix=$out")
    for path, text, again in (
        ("main.c", "int main(void) { return sizeof VERSION; }\n", False),
        ("beside", "other words\n", False),
        ("RELEASE", "1.2\n", True),
    ):
        project.repo.write(path, text)
        ran = project.as_clean().ran
        assert ran is not None
        assert (ran > 50) is again, path
