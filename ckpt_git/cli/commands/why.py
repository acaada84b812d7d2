"""``why``: show which commands a file concerns, and why commands were executed."""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_git.builds.history.affected_commands import Answer, Reader
from ckpt_git.builds.history.executed_commands import LastBuild, Ran
from ckpt_git.cli.output.streams import out
from ckpt_git.cli.output.wording import count, name_of_tree
from ckpt_git.model.report.display_names import shown

_HOW = {
    "read": "reads it",
    "missed": "looked for it in vain",
    "listed": "lists its folder",
    "seen": "asks whether it is there",
}
_MOST = 20  # lines of each kind


def show(answers: Sequence[Answer]) -> None:
    """Print answers for people."""
    for answer in answers:
        out(f"{answer.package}: {_headline(answer)}")
        for reader in answer.readers[:_MOST]:
            out(f"  {_reader(reader)}")
        _tell_more(len(answer.readers), "command")
        if answer.rebuilt:
            out(f"  would be made again: {', '.join(map(shown, answer.rebuilt[:_MOST]))}")
            _tell_more(len(answer.rebuilt), "file")
        for blind in answer.blind[:_MOST]:
            out(f"  not seen: {blind}")
        for note in answer.notes:
            out(f"  {note}")


def _headline(answer: Answer) -> str:
    if answer.path is None or answer.checkpoint is None or answer.goes_by == "nothing":
        return "nothing is known of what reads it"
    of = f"in the checkpoint of {name_of_tree(answer.checkpoint)}"
    counted = [one for one in answer.readers if not answer.exists or one.how == "read"]
    number = len({reader.command for reader in counted})
    said = count(number, "command") if number else "no command"
    does = "reads it" if answer.exists else "would see it, were it there"
    if number > 1:
        does = does.replace("reads", "read")
    return f"{said} {does}, going by the trace {of}"


def _reader(reader: Reader) -> str:
    """One command: what it is, how the file matters to it, and what it makes."""
    by = f"{reader.step} " if reader.step else ""
    where = "" if reader.folder in {"", "."} else f" in {shown(reader.folder)}"
    made = f" -> {', '.join(map(shown, reader.outputs[:4]))}" if reader.outputs else ""
    return f"{reader.command}{where} ({by}{_HOW[reader.how]}){made}"


def _tell_more(number: int, thing: str) -> None:
    if number > _MOST:
        out(f"  … and {count(number - _MOST, f'more {thing}')}")


def show_last(builds: Sequence[LastBuild]) -> None:
    """Print for people what the newest builds ran, and why: what nobody changed comes first."""
    for build in builds:
        out(f"{build.package}: {_what_ran(build)}")
        ran = sorted(
            build.ran or (), key=lambda one: (one.changed, one.remade, one.missed_by or "")
        )
        reason = None
        for one in ran[:_MOST]:
            if _reason(one) != reason:
                reason = _reason(one)
                out(f"  {reason}")
            out(f"    {_command(one)}")
        _tell_more(len(ran), "command")
        for note in build.notes:
            out(f"  {note}")


def _what_ran(build: LastBuild) -> str:
    if build.build is None or build.ran is None:
        return "nothing is known of what its newest build ran"
    ran = count(len(build.ran), "command") if build.ran else "nothing"
    answered = f", {build.answered} answered from memory" if build.answered else ""
    return f"{ran} ran in the build of {name_of_tree(build.build)}{answered}"


def _reason(ran: Ran) -> str:
    missed = ran.missed_by or "nothing was asked from memory"
    how = ", changed in this commit" if ran.changed else ", made anew" if ran.remade else ""
    return f"{shown(missed)}{how}:"


def _command(ran: Ran) -> str:
    where = "" if ran.folder in {"", "."} else f" in {shown(ran.folder)}"
    again = f" (and will again: {ran.not_remembered})" if ran.not_remembered else ""
    return f"{ran.command}{where}{again}"
