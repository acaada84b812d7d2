"""What follows from what was seen."""

from __future__ import annotations

from ckpt_git.watch.commands import ABSENT, CONTENT, EXISTS, STAT
from ckpt_git.watch.concern import Account, Place
from ckpt_git.watch.memory_form import VARIES
from tests.watch.memories import SOURCE, Made, Ran, Saw, listed, memory, missed

MAIN, OBJECT, PROGRAM = (f"{SOURCE}/{name}" for name in ("a.c", "a.o", "program"))
OUT = "/ckpt/it"


def _account(*commands: Ran) -> Account:
    return Account(memory(Ran("sh -c make", below=commands)), Place(SOURCE, OUT))


def _found(account: Account, path: str) -> list[tuple[str, str]]:
    return [
        (account.memory.command(one.number).arguments[0], one.kind)
        for one in account.concerned(path)
    ]


def _make(*below: Ran) -> Ran:
    return Ran("make", below=below)


LINK = Ran("ld a.o", [Saw(OBJECT, content="o")], [Made(PROGRAM)])


def test_a_file_is_read_by_the_innermost_command_and_what_it_makes_is_the_outer_ones() -> None:
    account = _account(
        _make(
            Ran(
                "cc -c a.c",
                [Saw(MAIN)],
                [Made(OBJECT, content="o")],
                below=[
                    Ran("cc1 a.c", [Saw(MAIN)], [Made("/tmp/1.s")]),
                    Ran("as", [Saw("/tmp/1.s")]),
                ],
            ),
            LINK,
        )
    )
    assert _found(account, MAIN) == [("cc1", "read")]
    [reader] = account.concerned(MAIN)
    assert account.command_of(reader.number) == 2
    assert account.outputs(reader.number) == [OBJECT]
    assert account.rebuilt([reader]) == [OBJECT, PROGRAM]


def test_to_ask_for_a_file_is_less_than_to_read_it() -> None:
    account = _account(
        _make(
            Ran("test -e a.c", [Saw(MAIN, EXISTS)], [Made(f"{SOURCE}/there")]),
            Ran("test -nt a.c", [Saw(MAIN, STAT)], [Made(f"{SOURCE}/newer")]),
            Ran("cat a.c", [Saw(MAIN, STAT | CONTENT)], [Made(f"{SOURCE}/copy")]),
        )
    )
    found = account.concerned(MAIN)
    assert [one.kind for one in found] == ["read", "seen", "seen"]
    assert account.rebuilt(found) == [f"{SOURCE}/copy", f"{SOURCE}/newer"]


def test_what_comes_to_be_concerns_who_looked_for_it_or_listed_its_folder() -> None:
    account = _account(
        Ran("one", [missed(MAIN)]),
        Ran("two", [listed(SOURCE)]),
        Ran("three", [missed(f"{SOURCE}/d")]),
    )
    found = account.concerned_if_added(MAIN, [SOURCE])
    assert [(one.number, one.kind) for one in found] == [(1, "missed"), (2, "listed")]
    found = account.concerned_if_added(f"{SOURCE}/d/e/f", [SOURCE])
    assert [(one.number, one.kind) for one in found] == [(3, "missed"), (2, "listed")]


def test_another_version_of_a_file_is_not_followed() -> None:
    account = _account(
        _make(
            Ran("configure", [Saw(PROGRAM, content="that of the source")], [Made(f"{SOURCE}/log")]),
            Ran("cc", [Saw(MAIN)], [Made(OBJECT, content="o")]),
            LINK,
        )
    )
    assert account.rebuilt(account.concerned(MAIN)) == [OBJECT, PROGRAM]


def test_what_is_gone_in_the_end_is_not_told() -> None:
    account = _account(
        _make(
            Ran("cc", [Saw(MAIN)], [Made(f"{SOURCE}/a.s"), Made(OBJECT, content="o")]),
            Ran("rm a.s", [], [Made(f"{SOURCE}/a.s", ABSENT)]),
            Ran("cp", [Saw(OBJECT, content="o")], [Made(f"{OUT}/a.o")]),
        )
    )
    assert account.rebuilt(account.concerned(MAIN)) == sorted([OBJECT, f"{OUT}/a.o"])
    assert account.place.shown(f"{OUT}/a.o") == "$out/a.o"
    assert account.place.shown(OBJECT) == "a.o"


def test_what_can_not_be_answered_made_what_its_parts_made() -> None:
    parts = [Ran("cc", [Saw(MAIN)], [Made(OBJECT)]), Ran("date", [], [Made(PROGRAM)])]
    for flags in (0, VARIES):
        outer = Ran("sh", [Saw(MAIN)], below=parts, reason="it failed", flags=flags)
        account = _account(Ran("make", below=[outer]))
        assert account.outputs(2) == [OBJECT, PROGRAM]
