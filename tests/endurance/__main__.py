"""``python -m tests.endurance``: a repository that is edited and built at random, and in each round
something goes wrong. Tells what doesn't hold any more after it.

What a round does comes of seed and number; ``--seed S --rounds N`` plays the rounds up to it again.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time

from tests.endurance.rounds import play
from tests.endurance.site import a_site


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.endurance", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how many (50)")
    parser.add_argument("--seed", type=int, default=0, help="what all that is drawn comes of (0)")
    parser.add_argument("--small", action="store_true", help="less to build, as the tests have it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # what was mounted goes
    wrong, began = 0, time.monotonic()
    with a_site(options.seed, large=not options.small) as site:
        for number in range(1, options.rounds + 1):
            done = play(site, options.seed, number)
            wrong += bool(done.wrong)
            _say(f"{time.monotonic() - began:.0f} s, seed {options.seed}, {done}")
    _say(f"{options.rounds} rounds, {wrong} wrong")
    return 1 if wrong else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
