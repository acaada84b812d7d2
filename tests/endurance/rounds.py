"""One round: edits, a command with a fault in it, and then all that must hold without the fault."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.endurance.commands import PUSH, VERIFY, Command, a_command
from tests.endurance.edits import some_edits
from tests.endurance.faults import Fault, a_fault, undone
from tests.endurance.processes import kill_all, left
from tests.endurance.site import CKPT, Site
from tests.endurance.theirs import Theirs, changes, files, theirs
from tests.lying.outputs import Built, Output, differences, read

_LONG = 90.0
"""Seconds after which a command hangs."""
_SOON = 12.0
"""Seconds in which what was killed has ended, and what waited for it."""
_DEFECT = re.compile(r'this is a defect|File "[^"]*/ckpt_git/|Fatal Python error')
_CODES = {0, 1, 2, 3, 130}


@dataclass(frozen=True)
class Round:
    """What was done, and what is wrong after it."""

    number: int
    done: str
    wrong: Sequence[str]

    def __str__(self) -> str:
        return "\n".join(
            [f"round {self.number}: {self.done}", *(f"  {line}" for line in self.wrong)]
        )


def play(site: Site, seed: int, number: int) -> Round:
    """The round of this number, of which all but the moments comes of ``seed``."""
    chance = Random(f"{seed}:{number}")
    edits = some_edits(chance, site.repo, site.names)
    command = a_command(chance)
    fault = a_fault(chance, site, command)
    if chance.random() < 0.7:
        site.repo.git("add", "-A")
    target = chance.choice(("worktree", "HEAD"))
    options = chance.choice(((), (), (), ("--rebuild",)))
    done = f"{', '.join(edits)} | {command.name} | {fault.name}"
    wrong: list[str] = []
    kept = _kept(site)
    before = theirs(site.repo)
    with undone(fault, site):
        ran = _run(site, command, fault)
        done += f" ({' '.join(ran.struck.split())[:400]})" if ran.struck else ""
    now = _completed(site, command, fault, before)
    wrong += ran.wrong
    wrong += _quiet(site)
    wrong += _as_clean(site, target, options)
    wrong += _pushed(site, command, fault)
    if now is not None:
        wrong += [f"the user's: {line}" for line in changes(now, theirs(site.repo))]
        if "script/in/b" not in command.scripts[0] or "beside" in command.scripts[0]:
            wrong += [f"git's part: {line}" for line in changes(files(before), files(now))]
    if not (fault.spoils or _removes(command)):
        wrong += _still_there(site, kept)
    wrong += _clean_of_ours(site)
    return Round(number, f"{done} | {target}", wrong)


# -- the command ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    struck: str
    wrong: Sequence[str]


def _run(site: Site, command: Command, fault: Fault) -> Ran:
    """Run the command, and have the fault strike at its moment."""
    said = [site.folder / f"said-{place}" for place in range(len(command.scripts))]
    early = _strike(site, fault, ()) if not fault.moment else ""
    began = time.monotonic()
    running = [
        _start(site, fault.prefix, script, path)
        for script, path in zip(command.scripts, said, strict=True)
    ]
    struck = early
    if fault.moment:
        time.sleep(max(0.0, began + fault.moment * command.seconds - time.monotonic()))
        struck = _strike(site, fault, [process.pid for process in running])
    wrong: list[str] = []
    for process, path in zip(running, said, strict=True):
        wrong += _ended(site, process, command, fault)
        wrong += _defects(path.read_text(errors="replace"))
    if command is VERIFY and fault.name == "nothing":
        wrong += _verified(said[0].read_text(errors="replace"))
    return Ran(struck, wrong)


def _start(site: Site, prefix: str, script: str, said: Path) -> subprocess.Popen[bytes]:
    if prefix:
        (site.folder / "script").write_text(script)
        script = f"{prefix}sh {site.folder}/script"
    with said.open("wb") as file:
        return subprocess.Popen(
            ["sh", "-c", script],
            cwd=site.repo.path,
            env=site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def _strike(site: Site, fault: Fault, groups: Sequence[int]) -> str:
    return fault.strike(site, groups) if fault.strike is not None else ""


def _ended(
    site: Site, process: subprocess.Popen[bytes], command: Command, fault: Fault
) -> Iterator[str]:
    try:
        code = process.wait(_LONG)
    except subprocess.TimeoutExpired:
        told = "; ".join(map(str, left(site.folder.name, 0)))
        kill_all(site.folder.name)
        process.wait()
        yield f"hangs: {told}"
        return
    killed = fault.name.startswith("SIG") and code in {-9, -15, 128 + 9, 128 + 15}
    if not killed and not command.writes and code not in _CODES:
        yield f"ended with {code}"


def _defects(said: str) -> Iterator[str]:
    if _DEFECT.search(said):
        yield f"said: {said[-1500:]}"


def _verified(said: str) -> Iterator[str]:
    """A build with a memory and one without are the same."""
    for line in said.splitlines():
        if line.startswith("{"):
            with suppress(ValueError):
                for result in json.loads(line)["results"]:
                    if result["identical"] is False:
                        yield f"verify: {result['package']} {result['differences']}"


def _completed(site: Site, command: Command, fault: Fault, before: Theirs) -> Theirs | None:
    """What is the user's now, after git's own part, which is done again where it was killed."""
    if fault.kills or fault.name == "full disk":
        _unlock(site)
    if not command.writes:
        return before
    head = site.repo.head
    beside = site.repo.path.parent / "beside"
    if beside.exists() or "beside" in site.repo.git("worktree", "list"):
        site.repo.git("worktree", "remove", "--force", "--force", str(beside), ok=(0, 128))
        subprocess.run(["rm", "-rf", beside], check=True)
        site.repo.git("worktree", "prune")
    if command.commits and head == before["HEAD"]:
        site.repo.git("add", "-A")
        site.repo.git("commit", "-q", "--allow-empty", "-m", "x", env={"CKPT_SKIP": "1"})
    return theirs(site.repo)


def _unlock(site: Site) -> None:
    """What git leaves where it is killed."""
    for folder, _, names in os.walk(site.repo.path / ".git"):
        if not Path(folder).is_relative_to(site.state):
            for name in names:
                if name.endswith(".lock"):
                    Path(folder, name).unlink()


def _removes(command: Command) -> bool:
    return any("gc" in script for script in command.scripts)


# -- what must hold -------------------------------------------------------------------------------


def _ckpt(site: Site, *arguments: str) -> tuple[int, str, str]:
    """Code and both outputs of a command without a fault."""
    try:
        done = subprocess.run(
            [*CKPT, *arguments],
            cwd=site.repo.path,
            env=site.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONG,
            check=False,
        )
    except subprocess.TimeoutExpired:
        told = "; ".join(map(str, left(site.folder.name, 0)))
        kill_all(site.folder.name)
        return -1, "", f"{arguments} hangs: {told}"
    return done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr)


def _quiet(site: Site) -> Iterator[str]:
    """What the background has to do comes to an end, and no process is left after it."""
    code, out, err = _ckpt(site, "watch")
    if code not in {0, 1, 3}:
        yield f"watch ended with {code}: {out}{err}"
    yield from _defects(out + err)
    found = left(site.folder.name, _SOON)
    if found:
        yield f"left behind: {'; '.join(map(str, found))}"
        kill_all(site.folder.name)


def _as_clean(site: Site, target: str, options: Sequence[str]) -> Iterator[str]:
    """A build passes where a clean one does, and installs the same."""
    tree = site.plain.tree(target)
    code, out, err = _ckpt(site, "build", target, "--json", *options)
    yield from _defects(err)
    try:
        results = json.loads(out)["results"]
    except ValueError:
        yield f"build {target} ended with {code}: {out[-500:]}{err[-1500:]}"
        return
    clean = site.plain.build(tree)
    if {result["package"] for result in results} != set(clean):
        yield f"build has {[result['package'] for result in results]}"
    for result in results:
        name = result["package"]
        if result["tree"] != tree:
            yield f"{name} is built of {result['tree']}, not of {tree}"
        for line in differences(_built(result), clean[name]):
            yield f"{name} of {tree}: {line} (cached: {result['cached']}, made: {result['made']})"
    if code != int(any(result["outcome"] == "failed" for result in results)):
        yield f"build {target} ended with {code}"


def _built(result: dict[str, str]) -> Built:
    if result["outcome"] == "failed":
        log = Path(result["log"])
        said = log.read_text(errors="replace")[-600:] if log.is_file() else "no log"
        return Built("failed", {}, said)
    return Built("passed", read(Path(result["out"])))


def _pushed(site: Site, command: Command, fault: Fault) -> Iterator[str]:
    """What builds was let through, and nothing else. With a fault it may be refused."""
    if command is not PUSH:
        return
    clean = site.plain.build(site.plain.tree("HEAD"))
    passes = all(built.outcome == "passed" for built in clean.values())
    remote = site.repo.git("ls-remote", "origin", "refs/heads/pushed").split()
    went = site.repo.head in remote
    if went and not passes:
        yield "was pushed, though it doesn't build"
    if passes and not went and fault.name == "nothing":
        yield "was not pushed, though it builds"


def _clean_of_ours(site: Site) -> Iterator[str]:
    """No temporary file and no process is left, once what was killed was cleared away."""
    folders = [site.temporary, *(folder / "tmp" for folder in site.kept)]
    if _in(folders):
        code, out, err = _ckpt(site, "gc")
        yield from _defects(out + err)
        if code:
            yield f"gc ended with {code}: {out}{err}"
    found = left(site.folder.name, _SOON)
    if found:
        yield f"left behind: {'; '.join(map(str, found))}"
    for path in _in(folders):
        yield f"left behind: {path}" + (f": {path.read_text()}" if path.suffix == ".log" else "")
        subprocess.run(["rm", "-rf", path], check=True)
    log = site.state / "start.log"
    if log.is_file() and log.stat().st_size:
        yield from _defects(log.read_text(errors="replace"))


def _in(folders: Sequence[Path]) -> list[Path]:
    found = []
    for folder in folders:
        with suppress(OSError):
            found += sorted(folder.iterdir())
    return found


@dataclass(frozen=True)
class Kept:
    """What was published: records by path, and outputs with all that is in them."""

    records: frozenset[Path]
    outputs: dict[Path, Output]


def _kept(site: Site) -> Kept:
    records = frozenset(filter(_is_whole, (site.state / "records").glob("*/*.json")))
    outputs = {}
    for folder in _in([site.store / "outputs"]):
        with suppress(OSError):
            outputs[folder] = read(folder)
    return Kept(records, outputs)


def _is_whole(record: Path) -> bool:
    """One that was damaged or swapped in an earlier round is let go of when somebody reads it."""
    with suppress(OSError, ValueError, KeyError):
        if record.is_file() and not record.is_symlink():
            checksum, _, rest = record.read_bytes().partition(b",")
            digest = hashlib.sha256(rest).hexdigest().encode()
            said = json.loads(b"{" + rest)
            path = f"{said['package']}/{said['key']}-{said['recipe'][:16]}.json"
            return checksum == b'{"checksum":"' + digest + b'"' and record.match(path)
    return False


def _still_there(site: Site, before: Kept) -> Iterator[str]:
    after = _kept(site)
    for path in sorted(before.records - after.records):
        yield f"the record {path} is gone"
    for path, output in before.outputs.items():
        if path in after.outputs and after.outputs[path] != output:
            yield f"the output {path} has changed"
    gone = len([path for path in before.outputs if path not in after.outputs])
    if gone > len(before.outputs) // 2 + 4:
        yield f"{gone} of {len(before.outputs)} outputs are gone"
