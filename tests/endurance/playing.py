"""Some rounds in a new repository, as a test: all must hold after each of them."""

from __future__ import annotations

from tests.endurance.rounds import play
from tests.endurance.site import a_site


def assert_all_holds(seed: int, rounds: int, *, large: bool = False) -> None:
    """``pytest -s`` shows the rounds as they are played."""
    wrong = []
    with a_site(seed, large=large) as site:
        for number in range(1, rounds + 1):
            done = play(site, seed, number)
            print(done)  # noqa: T201 - pytest shows it where something is wrong
            if done.wrong:
                wrong.append(str(done))
    small = "" if large else " --small"
    again = f"python -m tests.endurance --seed {seed} --rounds {rounds}{small}"
    assert not wrong, "\n".join([again, *wrong])
