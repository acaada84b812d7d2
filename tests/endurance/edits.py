"""Random edits of the work tree, and what git does to it: each says what it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from tests.endurance.project import COMPILED, FREE, HEADERS, RECIPES, SOURCE, config
from tests.support import GitRepo

Edit = Callable[[Random, GitRepo, Sequence[str]], str]
"""Makes an edit in a repository with these packages."""

_NAMES = ("p", "q.txt", ".dot", "with space", "ä", "sub/x", "sub/deep/y", "d/z", "a", "d")
_SKIP = {"CKPT_SKIP": "1"}


def some_edits(chance: Random, repo: GitRepo, packages: Sequence[str]) -> list[str]:
    """One or a few of them; what they did."""
    return [
        chance.choice(EDITS)(chance, repo, packages) for _ in range(chance.choice((1, 1, 2, 4)))
    ]


def _folder(chance: Random, packages: Sequence[str], folders: Sequence[str]) -> str:
    """One of a package that is there."""
    return chance.choice([one for one in folders if one.split("/")[0] in packages])


def _files(repo: GitRepo, folder: str) -> list[Path]:
    """Files and links in a folder but the one that is never removed, by name."""
    found = []
    for here, _, names in os.walk(repo.path / folder):
        found += [Path(here, name) for name in names if name != "main.c"]
    return sorted(found)


def _a_file(chance: Random, repo: GitRepo, packages: Sequence[str]) -> Path | None:
    """Any file of a package, but for its recipe."""
    recipes = {repo.path / path for path in RECIPES} | {repo.path / "cmake/CMakeLists.txt"}
    files = _files(repo, _folder(chance, packages, (*COMPILED, *FREE, *FREE)))
    files = [file for file in files if file not in recipes]
    return chance.choice(files) if files else None


def _source(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    path = f"{_folder(chance, packages, COMPILED)}/{chance.choice(('part', 'p', 'q'))}.c"
    repo.write(path, SOURCE.format(word=f"word {chance.randrange(8)}"))
    return f"wrote {path}"


def _broken(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    path = f"{_folder(chance, packages, COMPILED)}/broken.c"
    repo.write(path, "this is no C\n")
    return f"broke {path}"


def _mended(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    """What is broken doesn't stay so for long."""
    del chance
    for folder in COMPILED:
        if folder.split("/")[0] in packages:
            repo.remove(f"{folder}/broken.c")
    for path in HEADERS:
        if path.split("/")[0] in packages and not (repo.path / path).is_file():
            repo.write(path, "#define ONE 1\n")
    return "mended"


def _header(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    path = _folder(chance, packages, HEADERS)
    repo.write(path, f"#define ONE {chance.randrange(8)}\n")
    return f"wrote {path}"


def _makefile(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    path = _folder(chance, packages, RECIPES)
    text = (repo.path / path).read_text().rstrip("\n").removesuffix("# edited").rstrip("\n")
    ends = "\n# edited\n" if chance.random() < 0.5 else "\n"
    if path == "app/Makefile":
        old, new = chance.choice((("-O0", "-O1"), ("-O1", "-O0")))
        text = text.replace(old, new)
    repo.write(path, text + ends)
    return f"edited {path}"


def _content(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    path = f"{_folder(chance, packages, FREE)}/{chance.choice(_NAMES)}"
    if _is_in_the_way(repo, path):
        return "nothing"
    content = chance.choice((b"", b"text\n", b"\0\xff", b"long\n" * 5000, chance.randbytes(9)))
    repo.write(path, content, executable=chance.random() < 0.3)
    return f"wrote {path}"


def _is_in_the_way(repo: GitRepo, path: str) -> bool:
    """Whether a file lies where a folder above ``path`` would."""
    above = [part for part in (repo.path / path).parents if part.is_relative_to(repo.path)]
    return any(part.is_symlink() or part.is_file() for part in above)


def _link(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    path = f"{_folder(chance, packages, FREE)}/{chance.choice(_NAMES)}"
    if _is_in_the_way(repo, path):
        return "nothing"
    target = chance.choice(("a", "../a", "nowhere", "/", ".", path.rsplit("/", 1)[-1]))
    repo.link(path, target)
    return f"linked {path} to {target}"


def _deleted(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    file = _a_file(chance, repo, packages)
    if file is None or (file.parent.name == "in" and len(_files(repo, "script/in")) < 2):
        return "nothing"
    file.unlink()
    return f"deleted {file.relative_to(repo.path)}"


def _renamed(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    file = _a_file(chance, repo, packages)
    if file is None:
        return "nothing"
    to = file.with_name(f"renamed{chance.randrange(3)}{file.suffix}")
    if to.is_dir() and not to.is_symlink():
        return "nothing"
    file.rename(to)
    return f"renamed {file.relative_to(repo.path)} to {to.name}"


def _mode(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    file = _a_file(chance, repo, packages)
    if file is None or file.is_symlink():
        return "nothing"
    file.chmod(file.stat().st_mode ^ 0o111)
    return f"changed the mode of {file.relative_to(repo.path)}"


def _recipe(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    word = chance.choice(("", "", "w"))
    follow = chance.choice(("builds", "builds", "auto", "manual"))
    repo.write("ckpt.toml", config(list(packages), word, follow))
    return f"recipe {word!r}, follow {follow}"


def _revert(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    """The newest commit that can be, with the hook that this calls."""
    del chance, packages
    repo.git("add", "-A")
    repo.git("commit", "-q", "--allow-empty", "-m", "before the revert", env=_SKIP)
    repo.git("revert", "--no-edit", "HEAD~0", ok=(0, 1))
    if (repo.path / ".git" / "REVERT_HEAD").exists():
        repo.git("revert", "--abort", ok=(0, 1, 128))
    return "reverted HEAD"


def _switch(chance: Random, repo: GitRepo, packages: Sequence[str]) -> str:
    del packages
    branch = chance.choice(("main", "other", "third"))
    repo.git("add", "-A")
    repo.git("commit", "-q", "--allow-empty", "-m", "before the switch", env=_SKIP)
    if repo.git("branch", "--list", branch):
        repo.git("checkout", "-q", branch)
    else:
        repo.git("checkout", "-q", "-b", branch)
    return f"switched to {branch}"


EDITS: Sequence[Edit] = (
    _source, _source, _broken, _mended, _mended, _mended, _header, _makefile, _content, _content,
    _link, _deleted, _renamed, _mode, _recipe, _revert, _switch,
)  # fmt: skip
