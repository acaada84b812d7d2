"""The configure step is left out where nothing that it reads has changed, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builds.wrong_by_itself import AUTOMAKE, BY_AUTOTOOLS
from tests.cli.project import Project

_VERSIONED = {
    **AUTOMAKE,
    "configure.ac": AUTOMAKE["configure.ac"].replace("[1]", "m4_esyscmd_s([scripts/version])"),
    "main.c": "int main(void) { return sizeof VERSION; }\n",
}
"""A script that isn't among them prints the version."""


def _versioned(folder: Path, files: dict[str, str]) -> Project:
    project = Project.make(folder / "project", files, BY_AUTOTOOLS)
    (project.path / "scripts" / "version").chmod(0o755)
    project.build()
    return project


def test_autoconf_configures_again_for_what_its_files_and_scripts_name(tmp_path: Path) -> None:
    files = {
        **_VERSIONED,
        "scripts/version": "#!/bin/sh\n. scripts/common.sh\nfrom RELEASE\n",
        "scripts/common.sh": 'from() { printf %s "$(cat "$1")"; }\n',
        "RELEASE": "1\n",
        "tests/words.data": "words\n",
    }
    project = _versioned(tmp_path, files)
    assert not _configures_again(project, "tests/words.data", "other words\n")
    assert _configures_again(project, "scripts/common.sh", files["scripts/common.sh"] + "# x\n")
    assert _configures_again(project, "RELEASE", "1.2\n")


def test_autoconf_configures_again_for_what_a_script_of_its_finds(tmp_path: Path) -> None:
    files = {
        **_VERSIONED,
        "scripts/version": "#!/bin/sh\ncat parts/*.part | tr -d '\\n'\n",
        "parts/one.part": "1\n",
    }
    project = _versioned(tmp_path, files)
    assert not _configures_again(project, "main.c", files["main.c"] + "/* edited */\n")
    assert _configures_again(project, "parts/one.part", "2\n")


def test_autoconf_configures_again_for_what_automake_includes(tmp_path: Path) -> None:
    """Where the makefiles aren't to be made again by themselves."""
    files = {
        **AUTOMAKE,
        "configure.ac": AUTOMAKE["configure.ac"].replace(
            "AC_PROG_CC", "AC_PROG_CC\nAM_MAINTAINER_MODE"
        ),
        "Makefile.am": AUTOMAKE["Makefile.am"].replace(
            "AM_CPPFLAGS = -DCODE=1", "include flags.data"
        ),
        "flags.data": "AM_CPPFLAGS = -DCODE=1\n",
    }
    project = Project.make(tmp_path / "project", files, BY_AUTOTOOLS)
    project.build()
    assert _configures_again(project, "flags.data", "AM_CPPFLAGS = -DCODE=2\n")


def _configures_again(project: Project, path: str, content: str) -> bool:
    project.repo.write(path, content)
    result = project.ckpt("build", "--json").json()["results"][0]
    assert result["checkpoint"] is not None, result["why_clean"]
    return "checking for gcc" in Path(result["log"]).read_text()


@pytest.mark.parametrize(
    "command",
    [
        "NOCONFIGURE=1 ./autogen.sh && ./configure --prefix=$out",
        "export NOCONFIGURE=1; sh autogen.sh && env CFLAGS=-O1 ./configure --prefix=$out",
        "./autogen.sh\nmkdir -p made && cd made && ../configure --prefix=$out",
    ],
)
def test_steps_that_are_known_are_left_out_together(tmp_path: Path, command: str) -> None:
    assert not _again_for_a_source(tmp_path, command, "autoreconf -fi\n")


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("./autogen.sh && ./configure --prefix=$out && cat other.c >copy", "autoreconf -fi\n"),
        ('./autogen.sh && ./configure --prefix=$out COPY="$(cat other.c)"', "autoreconf -fi\n"),
        ("./autogen.sh && ./configure --prefix=$out", "autoreconf -fi\ncat *.c >copy\n"),
        ("./autogen.sh && ./configure --prefix=$out", "autoreconf -fi\ngrep -rh other . || :\n"),
    ],
)
def test_a_step_that_may_read_anything_is_run_again(
    tmp_path: Path, command: str, script: str
) -> None:
    assert _again_for_a_source(tmp_path, command, script)


def _again_for_a_source(tmp_path: Path, command: str, script: str) -> bool:
    folder = "made" if "cd made" in command else "."
    recipe = (
        f"[package.p]\nconfigure = {command!r}\n".replace(r"\n", "\n").replace("'", "'''")
        + f'build = "make -C {folder}"\ninstall = "make -C {folder} install"\n'
    )
    files = {**AUTOMAKE, "autogen.sh": f"#!/bin/sh -e\n{script}"}
    project = Project.make(tmp_path / "project", files, recipe)
    (project.path / "autogen.sh").chmod(0o755)
    project.repo.commit("executable")
    project.build()
    return _configures_again(project, "other.c", 'const char *other(void) { return "new"; }\n')


@pytest.mark.parametrize(
    ("reads", "again"),
    [("cat parts/*.h", True), ("cp -r parts made && cat made/one.h", True), ("ls parts", False)],
)
def test_a_configure_script_of_ones_own_may_read_a_whole_folder(
    tmp_path: Path, reads: str, *, again: bool
) -> None:
    files = {
        "configure": f"#!/bin/sh\necho checking for gcc\n({reads}) >all.h\n",
        "Makefile": "program: main.c all.h\n\tcc -o $@ main.c\ninstall:\n\tmkdir -p $(out)\n",
        "main.c": "int main(void) { return 0; }\n",
        "parts/one.h": "int one;\n",
    }
    commands = BY_AUTOTOOLS.replace("autoreconf -fi && ./configure", "sh ./configure")
    project = Project.make(tmp_path / "project", files, commands)
    project.build()
    assert _configures_again(project, "parts/one.h", "int other;\n") is again


@pytest.mark.parametrize(("asks", "again"), [("", False), ("cmake -P CMakeLists.txt\n", True)])
def test_cmakes_files_are_read_by_cmake(tmp_path: Path, asks: str, *, again: bool) -> None:
    files = {
        **AUTOMAKE,
        "configure.ac": AUTOMAKE["configure.ac"] + asks,
        "CMakeLists.txt": "file(STRINGS other.c TEXT)\n",
    }
    project = Project.make(tmp_path / "project", files, BY_AUTOTOOLS)
    project.build()
    assert _configures_again(project, "other.c", files["other.c"] + "int more;\n") is again
