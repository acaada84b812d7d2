"""Grows plans: first one, then those that the commits after it stand for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from random import Random

from tests.lying.growing import rendering
from tests.lying.growing.actions import ACTIONS
from tests.lying.growing.plan import GUARDS, TOOLS, Plan, Stage, Step
from tests.lying.growing.tools import tools
from tests.lying.tree import Entry, File, Link, entry

WORDS = ("one", "two", "foo", "alpha", "s1", "s2", "omega")
TEXTS = ("data/a", "data/b", "data/c", "data/d", "data/sub/e", "more/f", "more/g")
LATER = ("data/later", "more/later", "inc/a/value.h", "inc/b/extra.h", "tools/sort")
"""Paths that are looked for in vain, until an edit makes one."""

_GIVEN: dict[str, Entry] = {
    "README": entry("Nobody reads this.\n"),
    "src/unit.c": entry(
        '#include "value.h"\n#if __has_include("extra.h")\n#include "extra.h"\n#endif\n'
        "const char *word = W;\nint value = VALUE;\n"
    ),
    "inc/b/value.h": entry("#define VALUE 1\n"),
    "tools/gen.sh": entry('. tools/lib.sh\nfor f; do say "$f"; done\n'),
    "tools/lib.sh": entry('say() { sed s/o/0/ "$1"; }\n'),
    "tools/gen.py": entry(
        "import sys\nsys.path.insert(0, 'tools')\nimport words\n"
        "for path in sys.argv[1:]:\n    print(words.said(open(path).read()), end='')\n"
    ),
    "tools/words.py": entry("def said(text):\n    return text.replace('o', '0')\n"),
}


def text(random: Random) -> File:
    """Some lines of words; now and then none, and now and then a bad one."""
    lines = [random.choice(WORDS) for _ in range(random.randint(0, 4))]
    if random.random() < 0.04:
        lines.append("bad")
    return File("".join(f"{line}\n" for line in lines).encode(), random.random() < 0.15)


def action(random: Random) -> str:
    """The name of one that can be carried out here."""
    names = sorted(ACTIONS)
    while True:
        name = random.choice(names)
        if all(one in tools() or shutil.which(one) for one in ACTIONS[name].needs):
            return name


def step(random: Random, name: str, sources: Sequence[str], products: Sequence[str]) -> Step:
    """One that may read ``sources``, and of ``products`` whatever is made before it."""
    chosen = action(random)
    reads = _reads(random, ACTIONS[chosen].wants, sources, products)
    declared = tuple(path for path in reads if random.random() < 0.55)
    return Step(name, chosen, reads, declared, random.choice(WORDS), random.choice(GUARDS))


def plan(random: Random) -> Plan:
    sources: dict[str, Entry] = {
        path: text(random) for path in random.sample(TEXTS, random.randint(2, len(TEXTS)))
    }
    sources.setdefault("data/a", text(random))
    if random.random() < 0.3:
        sources["data/link"] = Link("a")
    configure = random.choice(sorted(rendering.CONFIGURES)) if random.random() < 0.4 else "none"
    products = [] if configure == "none" else ["config"]
    stages = []
    number = 0
    for _ in range(random.randint(1, 4)):
        steps = []
        for _ in range(random.randint(1, 4)):
            steps.append(step(random, f"s{number}", sorted(sources), products))
            products.append(steps[-1].made)
            number += 1
        stages.append(staged(random, steps))
    return Plan(
        {**sources, **_GIVEN, **tools()},
        tuple(stages),
        configure,
        random.choice(sorted(rendering.CHECKS)) if random.random() < 0.4 else "none",
        random.choice(sorted(rendering.INSTALLS)),
        random.choice(WORDS),
    )


def staged(random: Random, steps: Sequence[Step]) -> Stage:
    """Steps in a stage of some tool; in parallel only if none waits for another."""
    own = {one.made for one in steps}
    tool = random.choice(TOOLS)
    apart = all(ACTIONS[one.action].apart and not own & set(one.reads) for one in steps)
    return Stage(tool, tuple(steps), apart and tool in ("make", "ninja") and random.random() < 0.4)


def _reads(
    random: Random, wants: str, sources: Sequence[str], products: Sequence[str]
) -> tuple[str, ...]:
    if wants == "none":
        return ()
    if wants == "c":
        return ("src/unit.c",)
    if wants == "folder":
        return (random.choice(["data", "made" if products else "data", "more", "data"]),)
    found = [*sources] if wants == "tracked" else [*sources, *products, *products]
    if wants == "any":
        found += [*LATER, "data", "more"]
    return tuple(random.choice(found) for _ in range(random.randint(1, 3)))
