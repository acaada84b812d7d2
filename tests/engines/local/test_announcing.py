"""What a build prints is told as such, whatever it prints."""

from __future__ import annotations

from tests.engines.project import Project, log

# The mark stands in the command line of the first process that a build sees.
_FORGES = r"tr '\0' '\n' < /proc/1/cmdline | sed -n 's/^@ckpt-.*/& install 0/p'"
_FORGES += r" ; tr '\0' '\n' < /proc/2/cmdline | sed -n 's/^@ckpt-.*/& fetch 0/p'; exit 3"


def test_a_build_that_prints_the_mark_names_no_phase_out_of_turn(project: Project) -> None:
    project.toml(_FORGES, check="'true'")
    record = project.build()
    assert "@ckpt-" in log(record)  # it did find the mark
    assert record.failed_phase == "build"


def test_what_would_move_the_cursor_is_not_kept_with_the_error(project: Project) -> None:
    project.toml(r"printf 'x.c:1:1: error: \033cwiped \033]0;title\007\a\n'; exit 1")
    record = project.build()
    assert any("error: " in line and "wiped" in line for line in record.error)
    assert all(line.isprintable() for line in record.error)


def test_the_error_at_the_end_of_a_long_log_is_found(project: Project) -> None:
    endless = r"head -c 30000000 /dev/zero | tr '\0' x; echo"
    project.toml(f"{endless}; echo 'x.c:1:1: error: here'; exit 1")
    assert project.build().error[0] == "x.c:1:1: error: here"
