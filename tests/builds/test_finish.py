"""What ends a build is imported while the build's commands run, so that nobody waits for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.project import Project

_SCRIPT = """\
import sys
from ckpt_git.builds.build import build
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions
from tests.support import eventually

def is_imported():
    module = sys.modules.get("ckpt_git.builds.finish")
    return module is not None and "__lazy__" not in vars(module)

def announce(package, event):
    if event.kind == "line" and event.text == "it runs":
        eventually(is_imported, "it is imported")  # the build's end waits for us
        print("imported")

context = Context.open()
assert not is_imported()
build(context, context.repo.target("HEAD"), BuildOptions(), announce)
"""


def test_it_is_imported_while_the_commands_run(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", {}, '[package.p]\nbuild = "echo it runs"\n')
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=project.path,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "imported\n", done.stderr
