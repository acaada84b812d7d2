"""A plan as the files of a commit: makefiles, Ninja's files, scripts, and ckpt.toml."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from tests.lying.growing.actions import command
from tests.lying.growing.plan import Plan, Stage, Step
from tests.lying.tree import Tree, Written, tree

CONFIGURES = {
    "none": "",
    "once": "[ -e config ] || cat data/a > config",
    "lists": "ls data > config",
    "rewrites": "sed -i 's/o/0/' data/a && cp data/a config",
}
"""What ``configure`` does. Where it isn't ``none``, steps may read ``config``."""

CHECKS = {
    "none": "",
    "bad": "! grep -rqs bad made",
    "once": "[ -e made/.checked ] || { ! grep -rqs bad made && : > made/.checked; }",
    "data": "! grep -qs bad data/a",
    "count": "[ $(ls made | wc -l) != 7 ]",
}
INSTALLS = {
    "all": "cp -a made/. $out/",
    "plain": "cp -R made/. $out/",
    "glob": "mkdir -p $out/share && cp -R made/* $out/share/",
    "once": "[ -e made/.installed ] || { cp -a made/. $out/; : > made/.installed; }",
    "tar": "tar -C made -cf - . | tar -C $out -xf -",
    "one file": "cat $(find made -type f) > $out/one",
    "listed": "while read -r name; do cp -R made/$name $out/; done < installed",
}

_SHELL = """\
# Carries out its steps one after the other, each where something says so.
set -e
mkdir -p made tmp
export MODE={mode}
newer() {{
    made=$1; shift
    [ -e "$made" ] || return 1
    for f; do [ "$f" -nt "$made" ] && return 1; done
    return 0
}}
same() {{
    name=$1; shift
    sum=$(cat "$@" 2>/dev/null | cksum)
    [ "$sum" = "$(cat "tmp/$name.sum" 2>/dev/null)" ] && return 0
    echo "$sum" > "tmp/$name.sum"
    return 1
}}
"""
_PYTHON = """\
# Carries out its steps in the manner of distutils; some of them itself.
import hashlib, os, subprocess
os.makedirs("made", exist_ok=True)
os.makedirs("tmp", exist_ok=True)
os.environ["MODE"] = {mode!r}

def date(path):
    return os.stat(path).st_mtime_ns

def skipped(guard, made, name, declared):
    there = os.path.exists(made)
    if guard == "newer":
        return there and all(os.path.exists(d) and date(d) <= date(made) for d in declared)
    if guard == "exists":
        return there
    if guard == "filled":
        return there and os.path.getsize(made) > 0
    if guard == "always":
        return False
    told = ""
    if guard == "digest":
        parts = [open(d, "rb").read() for d in declared if os.path.isfile(d)]
        told = hashlib.sha256(b"".join(parts)).hexdigest()
    stamp = "tmp/" + name + ".stamp"
    if os.path.exists(stamp) and open(stamp).read() == told:
        return True
    open(stamp, "w").write(told)
    return False

def join(made, reads, word):
    with open(made, "wb") as out:
        out.write(word.encode() + b"\\n")
        for path in reads:
            out.write(open(path, "rb").read())

def there(made, reads, word):
    open(made, "w").write("".join(path + "\\n" for path in reads if os.path.exists(path)))

def sizes(made, reads, word):
    open(made, "w").write("".join(f"{{os.path.getsize(path)}}\\n" for path in reads))

def order(made, reads, word):
    open(made, "w").write("".join(name + "\\n" for name in os.listdir(reads[0])))

"""
_ITSELF = {"join": "join", "which are there": "there", "sizes": "sizes", "own order": "order"}


def rendered(plan: Plan) -> Tree:
    """All that is committed for a plan."""
    files: dict[str, Written] = dict(plan.sources)
    calls = []
    for number, stage in enumerate(plan.stages):
        name, call, text = _stage(plan, number, stage)
        files[name] = text
        calls.append(call)
    files["installed"] = "".join(f"{step.name}\n" for step in plan.steps)
    files["ckpt.toml"] = _recipe(plan, " && ".join(calls) or "mkdir -p made")
    return tree(files)


def _recipe(plan: Plan, build: str) -> str:
    phases = {
        "configure": CONFIGURES[plan.configure],
        "build": build,
        "check": CHECKS[plan.check],
        "install": INSTALLS[plan.install],
    }
    lines = [f"{name} = {json.dumps(phase)}" for name, phase in phases.items() if phase]
    return "\n".join(["[package.p]", "timeout = 60", *lines, ""])


def _stage(plan: Plan, number: int, stage: Stage) -> tuple[str, str, str]:
    """The file's name, the command that has it carried out, and its text."""
    jobs = 2 if stage.parallel else 1
    if stage.tool == "make":
        name = f"stage{number}.mk"
        return name, f"make -f {name} -j{jobs}", "".join(_makefile(plan, stage))
    if stage.tool == "ninja":
        name = f"stage{number}.ninja"
        call = f"MODE={plan.mode} ninja -f {name} -j{jobs}"
        return name, call, "".join(_ninja(number, stage))
    if stage.tool == "sh":
        name = f"stage{number}.sh"
        lines = (_guarded(step) for step in stage.steps)
        return name, f"sh {name}", _SHELL.format(mode=plan.mode) + "".join(lines)
    name = f"stage{number}.py"
    lines = (_python(step) for step in stage.steps)
    return name, f"python3 {name}", _PYTHON.format(mode=plan.mode) + "".join(lines)


def _makefile(plan: Plan, stage: Stage) -> Iterator[str]:
    yield f"export MODE = {plan.mode}\n"
    yield f"all: {' '.join(step.made for step in stage.steps)}\n"
    for step in stage.steps:
        forced = " FORCE" if step.guard == "always" else ""
        yield f"{step.made}: {' '.join(step.declared)}{forced}\n"
        yield f"\t@mkdir -p made\n\t{command(step).replace('$', '$$')}\n"
    yield "FORCE:\n"


def _ninja(number: int, stage: Stage) -> Iterator[str]:
    yield f"builddir = tmp/ninja{number}\nbuild always: phony\n"
    for step in stage.steps:
        run, after = command(step), ""
        declared = list(step.declared)
        if step.guard == "stamp":  # what is declared is said by a depfile
            run += f" && echo '{step.made}: {' '.join(declared)}' > {step.made}.deps"
            after = f"  depfile = {step.made}.deps\n  deps = gcc\n"
            declared = []
        if step.guard == "digest":  # … and is asked for the date alone, if nothing changed in it
            after = "  restat = 1\n"
        if step.guard == "always":
            declared.append("always")
        yield f"rule {step.name}\n  command = mkdir -p made && {run.replace('$', '$$')}\n{after}"
        yield f"build {step.made}: {step.name} {' '.join(declared)}\n"


def _guarded(step: Step) -> str:
    declared = " ".join(map(shlex.quote, step.declared))
    unless = {
        "newer": f"newer {step.made} {declared}",
        "exists": f"[ -e {step.made} ]",
        "filled": f"[ -s {step.made} ]",
        "stamp": f"[ -e tmp/{step.name} ]",
        "digest": f"same {step.name} {declared or '/dev/null'}",
        "always": "false",
    }[step.guard]
    return f"{unless} || {{ {command(step)}; : > tmp/{step.name}; }}\n"


def _python(step: Step) -> str:
    told = (step.guard, step.made, step.name, step.declared)
    unless = f"if not skipped{told!r}:\n"
    if step.action in _ITSELF:
        return f"{unless}    {_ITSELF[step.action]}{(step.made, step.reads, step.word)!r}\n"
    return f"{unless}    subprocess.run(['sh', '-c', {command(step)!r}], check=True)\n"
