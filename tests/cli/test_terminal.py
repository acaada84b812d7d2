"""What is seen on a terminal: a screen is kept by the rules of ECMA-48 that the program uses."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from dataclasses import dataclass, field

import pytest

from tests.cli.project import CONFIG, Project

_PIECES = re.compile(r"\r|\n|\x1b\[K|\x1b\[[0-9;?]*[A-Za-z]|[^\r\n\x1b]+|\x1b")

_CUT_OFF = re.compile(r"(?:\x1b(?:\[[0-9;?]*)?)?\Z")


@dataclass
class Screen:
    """Lines of a terminal that is ``columns`` wide and long without end."""

    columns: int
    lines: list[str] = field(default_factory=lambda: [""])
    column: int = 0
    styles: list[str] = field(default_factory=list)
    cut_off: str = ""

    def show(self, text: str) -> None:
        # A read may end in the midst of a sequence: what there is of it waits for the rest.
        whole = self.cut_off + text
        self.cut_off = _CUT_OFF.search(whole)[0]  # type: ignore[index] # it always matches
        for piece in _PIECES.findall(whole.removesuffix(self.cut_off)):
            if piece == "\r":
                self.column = 0
            elif piece == "\n":
                self.lines.append("")
                self.column = 0
            elif piece == "\x1b[K":
                self.lines[-1] = self.lines[-1][: self.column]
            elif re.fullmatch(r"\x1b\[[0-9;]*m", piece):
                self.styles.append(piece)
            elif piece.startswith("\x1b"):
                raise AssertionError(f"{piece!r} was sent to the terminal")
            else:
                line = self.lines[-1]
                self.lines[-1] = line[: self.column] + piece + line[self.column + len(piece) :]
                self.column += len(piece)


@dataclass
class Session:
    """A command on a terminal of its own, all that it printed, and what was seen last."""

    screen: Screen
    text: str
    code: int
    moments: list[str]


def on_terminal(
    project: Project, *arguments: str, columns: int = 80, stdout: int | None = None
) -> Session:
    """Run ``git ckpt ARGUMENTS`` on a terminal; ``moments`` are its last lines over time."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # what we see is what the program sent
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    process = project.start(
        *arguments, stdin=theirs, stdout=theirs if stdout is None else stdout, stderr=theirs
    )
    os.close(theirs)
    screen, text, moments = Screen(columns), "", []
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode  # a read may cut a letter
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            chunk = decode(os.read(ours, 65536))
        except OSError:  # the other side is closed: pty(7)
            break
        screen.show(chunk)
        text += chunk
        moments.append(screen.lines[-1])
    os.close(ours)
    return Session(screen, text, process.wait(10), moments)


@pytest.fixture
def terminal(project: Project) -> Project:
    """The project; its build prints a little, then nothing for a while."""
    project.repo.write("ckpt.toml", CONFIG.replace('"make"', '"make; sleep 1; echo done"'))
    return project.with_env(TERM="xterm")


def test_the_live_line_tells_package_phase_seconds_and_the_last_line(terminal: Project) -> None:
    seen = on_terminal(terminal, "build")
    assert seen.code == 0
    live = [re.fullmatch(r"hello  build  (\d+\.\d) s  cc -o hello .*", m) for m in seen.moments]
    seconds = sorted({float(match[1]) for match in live if match})
    assert len(seconds) >= 3, "it counts on while the build says nothing"
    assert seconds[-1] >= 1.0


def test_nothing_of_it_stays(terminal: Project) -> None:
    seen = on_terminal(terminal, "build")
    lines = seen.screen.lines
    assert lines[0].startswith("cc ")
    assert lines[-1] == ""
    assert lines[-2].startswith("hello: passed, in ")
    assert "done" in lines
    assert not any(re.search(r"\d\.\d s  ", line) for line in lines[:-2])


@pytest.mark.parametrize("columns", [40, 20])
def test_the_live_line_is_never_wider_than_the_terminal(terminal: Project, columns: int) -> None:
    seen = on_terminal(terminal, "build", "--quiet", columns=columns)
    live = [moment for moment in seen.moments if moment.startswith("hello  ")]
    assert live
    assert max(map(len, live)) < columns


def test_wide_characters_count_twice(terminal: Project) -> None:
    build = "echo 建建建建建建建建建建建建建建建建建建建建; sleep .6"
    terminal.repo.write("ckpt.toml", f'[package.hello]\nbuild = "{build}"\n')
    seen = on_terminal(terminal, "build", "-q", columns=40)
    live = max((moment for moment in seen.moments if "建" in moment), key=len)
    assert len(live) + live.count("建") == 39 or len(live) + live.count("建") == 38


def test_quiet_shows_the_live_line_alone(terminal: Project) -> None:
    seen = on_terminal(terminal, "build", "--quiet")
    assert any(moment.startswith("hello  build  ") for moment in seen.moments)
    assert next(line for line in seen.screen.lines if line).startswith("hello: passed")


def test_json_goes_to_its_stream_and_the_live_line_to_the_terminal(terminal: Project) -> None:
    read, write = os.pipe()
    seen = on_terminal(terminal, "build", "--json", stdout=write)
    os.close(write)
    with os.fdopen(read) as stream:
        assert '"outcome": "passed"' in stream.read()
    assert any(moment.startswith("hello  build  ") for moment in seen.moments)
    assert "".join(seen.screen.lines) == ""


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_without_control_sequences_gets_none(terminal: Project, term: str) -> None:
    seen = on_terminal(terminal.with_env(TERM=term), "build")
    assert seen.code == 0
    assert "\x1b" not in seen.text
    assert "\r" not in seen.text
    assert "done" in seen.screen.lines


@pytest.mark.parametrize("command", [["build"], ["status"], ["log"], ["doctor"], ["-h"]])
def test_no_color_is_respected(terminal: Project, command: list[str]) -> None:
    """no-color.org; and none of them colours what it prints by itself."""
    terminal.build()
    seen = on_terminal(terminal.with_env(NO_COLOR="1"), *command)
    assert [style for style in seen.screen.styles if re.search("3[0-9]|4[0-9]|9[0-7]", style)] == []


def test_what_a_build_prints_cannot_move_the_cursor(terminal: Project) -> None:
    say = r"printf '10%%\r100%%\n\033[2J\033[31mred\033[0m\033]0;title\007\n\bback\n'"
    terminal.repo.write("Makefile", f"all:\n\t{say}\n")
    terminal.repo.write("ckpt.toml", '[package.hello]\nbuild = "make -s"\n')
    seen = on_terminal(terminal, "build")  # the screen refuses what it doesn't know
    assert seen.code == 0
    assert seen.screen.lines[0] == "100%"
    assert "red" in seen.screen.lines
    assert seen.screen.styles == []


def test_a_failure_that_has_scrolled_by_is_not_shown_again(terminal: Project) -> None:
    terminal.edit("src/main.c", "greet(n, v)", "greet(n, w)")
    seen = on_terminal(terminal, "build", columns=300)
    error = f"{terminal.path}/src/main.c:2:"
    assert sum(line.startswith(error) and "error:" in line for line in seen.screen.lines) == 1


def test_a_failure_far_above_is_shown_again_at_the_end(terminal: Project) -> None:
    terminal.edit("src/main.c", "return", "retrun")
    build = "make || { seq 100; exit 2; }"
    terminal.repo.write("ckpt.toml", f'[package.hello]\nbuild = "{build}"\n')
    seen = on_terminal(terminal, "build", columns=300)
    error = f"{terminal.path}/src/main.c:2:"
    found = [n for n, line in enumerate(seen.screen.lines) if line.startswith(error)]
    assert len(found) >= 2
    assert len(seen.screen.lines) - found[-1] < 24


def test_the_log_is_as_wide_as_the_terminal(project: Project) -> None:
    project.repo.commit("a subject that is much too long to be seen on a narrow terminal")
    project.build()
    seen = on_terminal(project.with_env(TERM="xterm"), "log", columns=60)
    assert max(map(len, seen.screen.lines)) <= 60
    assert seen.screen.lines[0].startswith("● ")


@pytest.mark.parametrize("columns", [40, 80])
def test_help_fits_the_terminal(project: Project, columns: int) -> None:
    seen = on_terminal(project.with_env(TERM="xterm"), "-h", columns=columns)
    assert max(map(len, seen.screen.lines)) <= columns
    assert any("Find out how" in line for line in seen.screen.lines)
