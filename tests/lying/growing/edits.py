"""What a commit does to a plan: contents, files, modes and links, steps, rules and flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from tests.lying.growing import rendering, seeds
from tests.lying.growing.actions import ACTIONS
from tests.lying.growing.plan import GUARDS, Plan, Stage, Step
from tests.lying.growing.tools import tools
from tests.lying.tree import Entry, File, Link

Edit = Callable[[Random, Plan], Plan]


def history(random: Random) -> list[Plan]:
    """A plan, and what becomes of it in one to four commits."""
    plans = [seeds.plan(random)]
    for _ in range(random.randint(1, 4)):
        plans.append(_edited(random, plans))
    return plans


def _edited(random: Random, before: Sequence[Plan]) -> Plan:
    # Now and then all is as it was some commits ago, as after a change of branches.
    plan = random.choice(before) if random.random() < 0.15 else before[-1]
    plan = plan.with_sources({"README": File(f"After {len(before)} commits.\n".encode())})
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        plan = random.choice(EDITS)(random, plan)
    stages = (_in_order(stage) for stage in plan.stages)
    return replace(plan, stages=tuple(stages))


def _in_order(stage: Stage) -> Stage:
    """Not in parallel where an edit has made one step wait for another."""
    own = {step.made for step in stage.steps}
    apart = all(ACTIONS[one.action].apart and not own & set(one.reads) for one in stage.steps)
    return stage if apart else replace(stage, parallel=False)


def _a_source(random: Random, plan: Plan) -> str:
    return random.choice(sorted(set(plan.sources) - set(tools()) - {"src/unit.c", "README"}))


def _a_text(random: Random, plan: Plan) -> str:
    return random.choice(
        sorted(path for path in plan.sources if path.startswith(("data/", "more/")))
    )


def _content(random: Random, plan: Plan) -> Plan:
    path = _a_text(random, plan)
    return plan.with_sources({path: seeds.text(random)})


def _same_size(random: Random, plan: Plan) -> Plan:
    """Two letters change places; dates and sizes say nothing of it."""
    path = _a_source(random, plan)
    one = plan.sources[path]
    if not isinstance(one, File) or b"one" not in one.content:
        return _content(random, plan)
    return plan.with_sources({path: replace(one, content=one.content.replace(b"one", b"two"))})


def _tool(random: Random, plan: Plan) -> Plan:
    """A script, a module or a header is another one."""
    new: dict[str, tuple[str, ...]] = {
        "tools/lib.sh": ('say() { sed s/o/0/ "$1"; }\n', 'say() { sed s/a/4/ "$1"; }\n'),
        "tools/words.py": tuple(
            f"def said(text):\n    return text.replace('{letter}', '0')\n" for letter in "oae"
        ),
        "inc/b/value.h": ("#define VALUE 1\n", "#define VALUE 2\n", "#define VALUE (sizeof W)\n"),
    }
    path = random.choice(sorted(new))
    return plan.with_sources({path: File(random.choice(new[path]).encode())})


def _emptied(random: Random, plan: Plan) -> Plan:
    return plan.with_sources({_a_text(random, plan): File(b"")})


def _mode(random: Random, plan: Plan) -> Plan:
    path = _a_text(random, plan)
    one = plan.sources[path]
    if isinstance(one, Link):
        return plan
    return plan.with_sources({path: replace(one, executable=not one.executable)})


def _link(random: Random, plan: Plan) -> Plan:
    """A file becomes a link to another one of its folder, or a link leads elsewhere."""
    path = _a_text(random, plan)
    folder = path.rpartition("/")[0]
    target = random.choice(["a", "b", "c", "f", "later"])
    one: Entry = Link(target)
    return plan if path in (f"{folder}/{target}", "data/a") else plan.with_sources({path: one})


def _added(random: Random, plan: Plan) -> Plan:
    path = random.choice([*seeds.TEXTS, *seeds.LATER, "data/new", "more/new"])
    if path in plan.sources:
        return plan
    given = {
        "inc/a/value.h": File(b"#define VALUE 3\n"),
        "inc/b/extra.h": File(b"int extra;\n"),
        "tools/sort": File(b'#!/bin/sh\necho ours; exec cat "$@"\n', executable=True),
    }
    return plan.with_sources({path: given.get(path) or seeds.text(random)})


def _deleted(random: Random, plan: Plan) -> Plan:
    """With all that names it, as a person would do; or now and then forgotten there."""
    path = _a_source(random, plan)
    if path == "data/a" or path in seeds._GIVEN:
        return plan
    after = plan.with_sources({path: None})
    return after if random.random() < 0.2 else _forgotten(after, path)


def _forgotten(plan: Plan, path: str) -> Plan:
    """No step reads ``path``; one that read nothing else has something else to read."""

    def without(step: Step) -> Step:
        if path not in step.reads and path not in step.declared:
            return step
        less = step.without(path)
        return less if less.reads else replace(less, reads=("data/a",))

    return plan.with_steps(without)


def _renamed(random: Random, plan: Plan) -> Plan:
    old = _a_text(random, plan)
    new = f"{old.rpartition('/')[0]}/{random.choice(['renamed', 'A', 'z'])}"
    if new in plan.sources or old == "data/a":
        return plan

    def follow(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if path == old else path for path in paths)

    def followed(step: Step) -> Step:
        return replace(step, reads=follow(step.reads), declared=follow(step.declared))

    return plan.with_sources({old: None, new: plan.sources[old]}).with_steps(followed)


def _folder(random: Random, plan: Plan) -> Plan:
    """A folder where a file was."""
    path = _a_text(random, plan)
    if path == "data/a":
        return plan
    after = plan.with_sources({path: None, f"{path}/leaf": plan.sources[path]})
    return _forgotten(after, path)


def _steps_changed(change: Callable[[Random, Plan, Step], Step | None]) -> Edit:
    def edit(random: Random, plan: Plan) -> Plan:
        if not plan.steps:
            return plan
        chosen = random.choice(plan.steps)
        changed = change(random, plan, chosen)
        return plan.with_steps(lambda step: changed if step is chosen else step)

    return edit


def _word(random: Random, _plan: Plan, step: Step) -> Step:
    return replace(step, word=random.choice(seeds.WORDS))


def _declared(random: Random, _plan: Plan, step: Step) -> Step:
    return replace(step, declared=tuple(one for one in step.reads if random.random() < 0.5))


def _guard(random: Random, _plan: Plan, step: Step) -> Step:
    return replace(step, guard=random.choice(GUARDS))


def _anew(random: Random, plan: Plan, step: Step) -> Step:
    """The same name stands for another action."""
    made = [one.made for one in plan.steps]
    before = made[: made.index(step.made)]
    return seeds.step(random, step.name, [*_texts(plan)], before)


def _texts(plan: Plan) -> list[str]:
    return sorted(path for path in plan.sources if path.startswith(("data/", "more/")))


def _step_removed(random: Random, plan: Plan) -> Plan:
    """With all that reads its product, or now and then not."""
    if len(plan.steps) < 2:
        return plan
    gone = random.choice(plan.steps)
    after = plan.with_steps(lambda step: None if step is gone else step)
    return after if random.random() < 0.15 else _forgotten(after, gone.made)


def _step_added(random: Random, plan: Plan) -> Plan:
    taken = {step.name for step in plan.steps}
    name = next(f"s{number}" for number in range(100) if f"s{number}" not in taken)
    made = [step.made for step in plan.steps]
    new = seeds.step(random, name, _texts(plan), made)
    return replace(plan, stages=(*plan.stages, seeds.staged(random, [new])))


def _reordered(random: Random, plan: Plan) -> Plan:
    at = random.randrange(len(plan.stages))
    stage = plan.stages[at]
    steps = random.sample(stage.steps, len(stage.steps))
    return _with_stage(plan, at, replace(stage, steps=tuple(steps)))


def _stages_swapped(random: Random, plan: Plan) -> Plan:
    stages = list(plan.stages)
    at = random.randrange(len(stages))
    stages.append(stages.pop(at))
    return replace(plan, stages=tuple(stages))


def _other_tool(random: Random, plan: Plan) -> Plan:
    at = random.randrange(len(plan.stages))
    return _with_stage(plan, at, seeds.staged(random, plan.stages[at].steps))


def _with_stage(plan: Plan, at: int, stage: Stage) -> Plan:
    return replace(plan, stages=(*plan.stages[:at], stage, *plan.stages[at + 1 :]))


def _setting(random: Random, plan: Plan) -> Plan:
    which = random.choice(("mode", "install", "check", "configure"))
    if which == "mode":
        return replace(plan, mode=random.choice(seeds.WORDS))
    if which == "install":
        return replace(plan, install=random.choice(sorted(rendering.INSTALLS)))
    if which == "check":
        return replace(plan, check=random.choice(sorted(rendering.CHECKS)))
    if plan.configure == "none":
        return plan
    return replace(plan, configure=random.choice(sorted(set(rendering.CONFIGURES) - {"none"})))


def _nothing(_random: Random, plan: Plan) -> Plan:
    """Nothing that anybody reads, that is."""
    return plan


EDITS: Sequence[Edit] = (
    _content, _content, _content, _content, _same_size, _same_size, _tool, _tool, _emptied, _mode,
    _link, _added, _added, _added, _deleted, _deleted, _renamed, _folder,
    _steps_changed(_word), _steps_changed(_word), _steps_changed(_declared),
    _steps_changed(_guard), _steps_changed(_anew), _step_removed, _step_removed, _step_added,
    _reordered, _stages_swapped, _other_tool, _setting, _setting, _nothing,
)  # fmt: skip
"""As often as they stand here."""
