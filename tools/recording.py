"""``python -m tools.recording`` plays a script in a temporary folder, and draws it.

The picture is docs/recording.svg. Every command is really run, and every line below it is what it
printed. Two things are changed: the temporary folder's path becomes ``~``, and of a refused push
only the first lines are shown. A test plays it again and compares, less seconds and ids.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET  # of our own file

from ckpt_git.demo.project import ONE_SOURCE, apply_change, write_project

ROOT = Path(__file__).parents[1]
RECORDING = ROOT / "docs" / "recording.svg"

_DATE = "2026-01-01T00:00:00Z"
_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "You" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "you@example.com" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": _DATE for who in ("AUTHOR", "COMMITTER")},
}
_SHOWN_LINES = 5  # of what a command prints

_COLUMNS, _LINE, _CHARACTER, _MARGIN = 96, 19, 8.0, 16
_SECONDS = {"command": 1.6, "line": 0.25}  # until the next one appears
_COLOURS = {"command": "#e6edf3", "line": "#9da7b3", "good": "#7ee787", "bad": "#ff7b72"}


@dataclass(frozen=True, slots=True)
class Step:
    """A command, as it is shown, and the lines that it printed."""

    command: str
    printed: tuple[str, ...]


def play() -> list[Step]:
    """Run the script. Raises ``CalledProcessError`` where a command can't be prepared."""
    with TemporaryDirectory(prefix="ckpt-recording-") as name:
        home = Path(name).resolve()
        stage = _Stage(home, home / "tally")
        stage.prepare()
        return list(_script(stage))


def _script(stage: _Stage) -> Iterator[Step]:
    yield stage.run("git commit -qm 'Build with ckpt-git'")
    yield stage.run("git ckpt build --quiet HEAD    # wait for the first build, a clean one")
    apply_change(stage.folder, ONE_SOURCE)
    yield stage.run(f"git commit -qam '{ONE_SOURCE.subject}'")
    stage.run("git ckpt build --quiet HEAD")
    yield stage.run("git ckpt log --graph           # seconds, files compiled, whose memory")
    yield stage.run("git ckpt verify --quiet        # is it what a clean build gives?")
    path = stage.folder / ONE_SOURCE.paths[0]
    path.write_text(path.read_text().replace("static ", "sttaic ", 1))
    yield stage.run("git commit -qam 'Hurry'")
    stage.run("git ckpt build --quiet HEAD")  # else the push may wait for it, and say so
    yield stage.run("git push -q origin main")


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where the script plays: a home folder, and in it the demo's project."""

    home: Path
    folder: Path

    def prepare(self) -> None:
        write_project(self.folder)
        (self.home / "bin").mkdir()
        program = self.home / "bin" / "git-ckpt"
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m ckpt_git "$@"\n'
        )
        program.chmod(0o755)
        for command in (
            "git init -q -b main",
            "git init -q --bare ../remote.git",
            "git remote add origin ../remote.git",
            "git add --all",
            "git commit -qm 'A summary of a column of numbers'",
            "git ckpt init",
            "git add ckpt.toml",
            "git ckpt doctor",  # has the watcher compiled, which a wheel brings
        ):
            self._call(command).check_returncode()

    def run(self, command: str) -> Step:
        """Run a command, whose end may be any, and take what it printed."""
        printed = self._call(command).stdout.replace(str(self.home), "~").splitlines()
        lines = printed[:_SHOWN_LINES] + ["…"] * (len(printed) > _SHOWN_LINES)
        return Step(command, tuple(lines))

    def _call(self, command: str) -> subprocess.CompletedProcess[str]:
        ours = {name: os.environ[name] for name in ("CKPT_PROGRAMS",) if name in os.environ}
        path = f"{self.home / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env={**_ENVIRONMENT, **ours, "PATH": path, "HOME": str(self.home), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


# --- the picture -------------------------------------------------------------------------------


def drawn(steps: list[Step]) -> str:
    """What was run as an SVG in which line after line appears. Who wants no motion sees the end."""
    rows = [row for step in steps for row in _rows(step)]
    width = int(2 * _MARGIN + _COLUMNS * _CHARACTER)
    height = 2 * _MARGIN + len(rows) * _LINE
    lines, at = [], 0.5
    for number, (kind, text) in enumerate(rows):
        y = _MARGIN + (number + 0.75) * _LINE
        lines.append(
            f'<text x="{_MARGIN}" y="{y:g}" fill="{_COLOURS[kind]}" xml:space="preserve"'
            f' style="animation-delay:{at:.2f}s">{escape(text)}</text>'
        )
        at += _SECONDS["command" if kind == "command" else "line"]
    return _PICTURE.format(width=width, height=height, lines="\n".join(lines))


def _rows(step: Step) -> Iterator[tuple[str, str]]:
    yield "command", f"$ {step.command}"
    for line in step.printed:
        kind = "line"
        if "identical" in line or re.search(r"passed, (in|known)", line):
            kind = "good"
        elif "refused" in line or "error:" in line:
            kind = "bad"
        yield kind, _cut(line)


def _cut(line: str) -> str:
    return line if len(line) <= _COLUMNS else line[: _COLUMNS - 1] + "…"


_PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" aria-label="git ckpt in a terminal">
<!-- Made by `make recording` from a real run. -->
<style>
text {{ font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
@media (prefers-reduced-motion: no-preference) {{
text {{ animation: appear 0.1s backwards; }}
@keyframes appear {{ from {{ opacity: 0; }} }}
}}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>
{lines}
</svg>
"""


def lines_of(picture: str) -> list[str]:
    """The lines that a picture shows, less what is another thing in each run."""
    texts = ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    return [_plain(text.text or "") for text in texts]


def _plain(line: str) -> str:
    line = re.sub(r"\b[0-9a-f]{10}\b", "ID", line)
    line = re.sub(r"\d+(\.\d+)? s\b", "N s", line)
    words = line.split()
    return " ".join(words[:-1] if line.endswith("…") else words)  # it was cut anywhere


def main() -> None:
    """Play the script, and draw it."""
    RECORDING.write_text(drawn(play()))


if __name__ == "__main__":
    main()
