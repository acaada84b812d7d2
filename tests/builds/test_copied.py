"""What CMake copies while configuring is copied again: nothing tells CMake to run for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.project import Project

_LISTS = """\
cmake_minimum_required(VERSION 3.20)
project(p C)
{copies}
include_directories(${{CMAKE_CURRENT_BINARY_DIR}} ${{CMAKE_CURRENT_BINARY_DIR}}/include)
add_executable(program main.c)
"""
_BY_CMAKE = """\
[package.app]
configure = "cmake -G Ninja -S . -B build"
build = "cmake --build build"
install = 'mkdir -p "$out" && cp build/program "$out/"'
"""


@pytest.mark.parametrize(
    "copies",
    [
        "file(COPY include/code.h DESTINATION ${CMAKE_CURRENT_BINARY_DIR})",
        "file(COPY include DESTINATION ${CMAKE_CURRENT_BINARY_DIR})",
        "file(COPY ${CMAKE_CURRENT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_CURRENT_BINARY_DIR})",
        (
            "file(COPY ${CMAKE_SOURCE_DIR}/ DESTINATION ${CMAKE_BINARY_DIR}/all\n"
            '  FILES_MATCHING PATTERN "*.h" PATTERN build EXCLUDE)\n'
            "include_directories(${CMAKE_BINARY_DIR}/all/include)"
        ),
        (
            "set(FOLDER ${CMAKE_SOURCE_DIR}/include)\n"
            "file(COPY ${FOLDER} DESTINATION ${CMAKE_BINARY_DIR})"
        ),
        "execute_process(COMMAND cp -r ${CMAKE_SOURCE_DIR}/include ${CMAKE_BINARY_DIR})",
        (
            "execute_process(COMMAND sh copy.sh ${CMAKE_BINARY_DIR}"
            " WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})"
        ),
        "file(INSTALL include DESTINATION ${CMAKE_CURRENT_BINARY_DIR})",
        "file(COPY_FILE include/code.h ${CMAKE_CURRENT_BINARY_DIR}/code.h)",
        (
            "file(GLOB HEADERS include/*.h)\n"
            "file(COPY ${HEADERS} DESTINATION ${CMAKE_CURRENT_BINARY_DIR})"
        ),
        (
            "file(GLOB_RECURSE HEADERS RELATIVE ${CMAKE_SOURCE_DIR} *.h)\n"
            "foreach(header ${HEADERS})\n"
            "  file(COPY ${header} DESTINATION ${CMAKE_CURRENT_BINARY_DIR})\n"
            "endforeach()"
        ),
        (
            "file(GLOB HEADERS include/*.h)\nfile(STRINGS ${HEADERS} TEXT)\n"
            "add_compile_definitions(${TEXT})\nfile(WRITE ${CMAKE_BINARY_DIR}/code.h)"
        ),
    ],
)
def test_a_header_that_is_copied_is_copied_again(tmp_path: Path, copies: str) -> None:
    strings = "STRINGS" in copies
    form = "CODE={}\n" if strings else "#define CODE {}\n"
    files = {
        "CMakeLists.txt": _LISTS.format(copies=copies),
        "copy.sh": 'cp */*.h "$1"\n',
        "include/code.h": form.format(1),
        "main.c": "#include <code.h>\nint main(void) { return CODE; }\n",
    }
    project = Project.make(tmp_path / "project", files, _BY_CMAKE)
    project.build()
    project.repo.write("include/code.h", form.format(2))
    result = project.ckpt("build", "--json").json()["results"][0]
    assert result["checkpoint"] is not None, result["why_clean"]
    assert subprocess.run([f"{result['out']}/program"], check=False).returncode == 2


@pytest.mark.parametrize(
    "lists",
    [
        "file(GLOB SOURCES main*.c)\nadd_library(whole OBJECT ${SOURCES})",
        "file(COPY data DESTINATION ${CMAKE_CURRENT_BINARY_DIR})",
        "add_library(whole OBJECT main.c test/read.c)",
    ],
)
def test_what_is_only_compiled_configures_nothing(tmp_path: Path, lists: str) -> None:
    files = {
        "CMakeLists.txt": _LISTS.format(copies=lists),
        "code.h": "",
        "data/words": "words\n",
        "test/read.c": "int read_it(void) { return 1; }\n",
        "main.c": "int main(void) { return 1; }\n",
    }
    project = Project.make(tmp_path / "project", files, _BY_CMAKE)
    project.build()
    project.repo.write("main.c", "int main(void) { return 2; }\n")
    result = project.ckpt("build", "--json").json()["results"][0]
    assert "=== configure" not in Path(result["log"]).read_text()
    assert subprocess.run([f"{result['out']}/program"], check=False).returncode == 2
