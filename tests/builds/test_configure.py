"""The configure step is left out where nothing that it reads has changed, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from tests.builds.wrong_by_itself import AUTOMAKE, BY_AUTOTOOLS
from tests.cli.project import Project


def test_autoconf_configures_again_for_what_its_files_and_scripts_name(tmp_path: Path) -> None:
    files = {
        **AUTOMAKE,
        "configure.ac": AUTOMAKE["configure.ac"].replace("[1]", "m4_esyscmd_s([scripts/version])"),
        "main.c": "int main(void) { return sizeof VERSION; }\n",
        "scripts/version": "#!/bin/sh\n. scripts/common.sh\nfrom RELEASE\n",
        "scripts/common.sh": 'from() { printf %s "$(cat "$1")"; }\n',
        "RELEASE": "1\n",
        "tests/words.data": "words\n",
    }
    project = Project.make(tmp_path / "project", files, BY_AUTOTOOLS)
    (project.path / "scripts" / "version").chmod(0o755)
    project.build()
    assert not _configures_again(project, "tests/words.data", "other words\n")
    assert _configures_again(project, "scripts/common.sh", files["scripts/common.sh"] + "# x\n")
    assert _configures_again(project, "RELEASE", "1.2\n")


def _configures_again(project: Project, path: str, content: str) -> bool:
    project.repo.write(path, content)
    result = project.ckpt("build", "--json").json()["results"][0]
    assert result["checkpoint"] is not None, result["why_clean"]
    return "checking for gcc" in Path(result["log"]).read_text()
