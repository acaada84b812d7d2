"""One round: a repository of an odd shape with odd names, in odd surroundings, and all commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.endurance.theirs import Theirs, changes, theirs
from tests.hostile import odd
from tests.hostile.shapes import SHAPES, checked_out, filtered
from tests.support import GitRepo

CONFIG = """\
trace = false
[package.all]
build = "true"
install = 'cp -RP . "$out/all"'
"""
"""What is installed are the sources, all of them."""

_LONG = 60.0
_DEFECT = re.compile(r'this is a defect|File "[^"]*/ckpt_git/|Fatal Python error')
_CODES = frozenset({0, 1, 2, 3})
_MOVES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
"""What may move a terminal's cursor, or turn what is shown about."""

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("status", "--json"),
    ("log",),
    ("log", "--json"),
    ("path",),
    ("doctor",),
    ("why", "sub/file"),
    ("why", "--last"),
    ("build", "--explain"),
    ("build", "index"),
    ("verify", "--json"),
    ("prepare", "--json"),
    ("rebase-checkpoint", "--dry-run"),
    ("replay", "HEAD~1..HEAD"),
    ("trust",),
    ("warm",),
    ("gc",),
)


@dataclass
class Site:
    """``command`` runs ckpt; ``env`` has what the round's surroundings are."""

    folder: Path
    command: tuple[str, ...]
    env: dict[str, str]
    wrong: list[str] = field(default_factory=list)
    said: str = ""

    def ckpt(self, cwd: Path, *arguments: str, code: frozenset[int] = _CODES) -> str:
        """Run a command to its end; notes what is wrong with it, and returns what it printed."""
        began = time.monotonic()
        try:
            done = subprocess.run(
                [*self.command, *arguments], cwd=cwd, env=self.env, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=_LONG, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            self.wrong.append(f"{arguments} hangs after {time.monotonic() - began:.0f} s")
            return ""
        out, err = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
        self.said = err
        if done.returncode not in code:
            self.wrong.append(f"{arguments} ended with {done.returncode}: {out[-300:]}{err[-900:]}")
        self._look_at(arguments, out, err)
        return out

    def _look_at(self, arguments: tuple[str, ...], out: str, err: str) -> None:
        said = out + err
        if _DEFECT.search(said):
            self.wrong.append(f"{arguments} said {said[-1500:]}")
        is_ours = self.command[0] != "git" and "FORCE_COLOR" not in self.env
        if is_ours and (moves := _MOVES.search(said)):
            near = said[max(0, moves.start() - 60) : moves.end() + 20]
            self.wrong.append(f"{arguments} printed {near!r}")


def play(seed: int, number: int, folder: Path, command: tuple[str, ...]) -> tuple[str, list[str]]:
    """What was done in the round of this number, and what is wrong after it."""
    chance = Random(f"{seed}:{number}")
    room = folder / str(number)
    room.mkdir(parents=True)
    repo = GitRepo.init(
        room / "repository", object_format=chance.choice(("sha1", "sha1", "sha1", "sha256"))
    )
    variables = {}
    for drawn in chance.sample(odd.VARIABLES, chance.choice((0, 1, 3))):
        variables.update(drawn)
    site = Site(room, command, {**os.environ, **variables})
    names = _filled(chance, repo)
    conversion = filtered(chance, repo)
    repo.commit("first", {"ckpt.toml": CONFIG})
    settings = _set(chance, repo, 4)
    shape = chance.choice(sorted(SHAPES))
    _committed(chance, repo)
    told = f"{shape} | {conversion} | {settings} | {[*variables]} | {len(names)} names"
    try:
        place = SHAPES[shape](repo, room)
    except AssertionError as error:  # git itself doesn't do it with these settings
        shutil.rmtree(room)
        return f"{told} | git refuses: {str(error)[:200]}", []
    top = GitRepo(Path(os.fsdecode(_top(place))))
    tree = _tree(top, room)
    before = _theirs(top)
    _built(site, place, top, tree, fails=conversion == "fails")
    for arguments in chance.sample(COMMANDS, 6):
        site.ckpt(place, *arguments)
    site.wrong += [f"the user's: {line}" for line in changes(before, _theirs(top))]
    _hooked(site, chance, place, top)
    if (top.path / "pwned").exists() or (place / "pwned").exists():
        site.wrong.append("a name was run")
    subprocess.run(["rm", "-rf", room], check=True)
    return told, site.wrong


def _filled(chance: Random, repo: GitRepo) -> list[bytes]:
    repo.write("sub/file", "a file\n")
    repo.write("a b/c", "another\n")
    repo.link("sub/link", "file")
    names = [odd.a_name(chance) for _ in range(chance.choice((0, 5, 30)))]
    for name in names:
        try:
            repo.write(os.fsdecode(name), name + b"\n")
        except OSError:  # a file where a folder is to be, or the other way about
            continue
    repo.write("sub/.gitignore", "ignored\n")
    return names


def _set(chance: Random, repo: GitRepo, most: int) -> list[str]:
    chosen = chance.sample(odd.SETTINGS, chance.randrange(most))
    for name, value in chosen:
        repo.git("config", name, value)
    return [f"{name}={value}" for name, value in chosen]


def _committed(chance: Random, repo: GitRepo) -> None:
    """A second commit, of an odd subject, on a branch of an odd name."""
    branch = chance.choice(odd.BRANCHES)
    if chance.random() < 0.5:
        repo.git("checkout", "-q", "-b", os.fsdecode(branch), ok=(0, 128))
    repo.write("sub/file", "changed\n")
    repo.git("add", "-A", ok=(0, 128))
    message = chance.choice(odd.SUBJECTS)
    repo.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-F", "-", stdin=message)


def _top(place: Path) -> bytes:
    said = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"], cwd=place, capture_output=True, check=True
    )
    return said.stdout.removesuffix(b"\n")


def _theirs(repo: GitRepo) -> Theirs:
    """``HEAD`` may not be there yet."""
    unborn = not repo.git("rev-parse", "-q", "--verify", "HEAD", ok=(0, 1))
    if not unborn and (repo.path / ".git").is_dir():
        return theirs(repo)
    return {"status": repo.git("status", "--porcelain"), "refs": repo.git("for-each-ref")}


def _tree(repo: GitRepo, room: Path) -> str | None:
    """That of the tracked files as they are now; None where they can't be one."""
    index = repo.path / repo.git("rev-parse", "--git-path", "index")
    shutil.copy2(index, room / "tree.index")
    more = {"GIT_INDEX_FILE": str(room / "tree.index")}
    repo.git("-c", "core.splitIndex=false", "add", "-u", ".", env=more, ok=(0, 128))
    return repo.git("write-tree", env=more, ok=(0, 128)) or None


def _built(site: Site, place: Path, top: GitRepo, tree: str | None, *, fails: bool) -> None:
    """What is built are the files that git itself checks out. A filter whose program is missing
    is named: git would go on, and build something else."""
    said = site.ckpt(place, "build", "--json")
    try:
        [result] = json.loads(said)["results"]
    except (ValueError, KeyError):
        conflicts = top.git("ls-files", "-u")
        if tree is None or conflicts or (fails and "filter" in site.said):
            return
        site.wrong.append(f"build printed no result: {said[-300:]}{site.said[-300:]}")
        return
    if tree is None or result["outcome"] != "passed" or result["tree"] != tree:
        site.wrong.append(f"build: {result['outcome']} of {result['tree']}, not {tree}")
        return
    ours = _seen(Path(result["out"]) / "all")
    clean = _seen(checked_out(top, tree, site.folder))
    site.wrong += [
        f"{path!r}: {ours.get(path)} where git has {clean.get(path)}"
        for path in sorted({*ours, *clean})
        if ours.get(path) != clean.get(path)
    ]


def _seen(folder: Path) -> Mapping[str, str]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"a link to {path.readlink()}"
        elif path.is_file():
            runs = bool(path.stat().st_mode & 0o100)
            found[str(path.relative_to(folder))] = f"{runs} {path.read_bytes()!r}"
    return found


def _hooked(site: Site, chance: Random, place: Path, top: GitRepo) -> None:
    """A commit and a push with our hooks pass, and say nothing of a defect."""
    if top.git("ls-files", "-u") or "core.hooksPath" in top.git("config", "--list", "--local"):
        return
    site.ckpt(place, "install")
    if chance.random() < 0.5:
        top.write("sub/file", "again\n")
    for arguments in (("commit", "-q", "--allow-empty", "-am", "x"), ("push", "-q", *_TO)):
        site.command, ours = ("git",), site.command
        plain = site.folder / "remote.git"
        if not plain.exists():
            same = top.git("rev-parse", "--show-object-format")
            GitRepo.init(plain, bare=True, object_format=same)
        site.ckpt(place, *(word.replace("REMOTE", str(plain)) for word in arguments))
        site.command = ours
        site.ckpt(place, "watch")


_TO = ("REMOTE", "HEAD:refs/heads/pushed")
