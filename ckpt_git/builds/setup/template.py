"""The text of a ``ckpt.toml`` for proposals: what ``init`` writes, for people to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ckpt_git.builds.setup.kinds.values import Proposal
from ckpt_git.model.derivation import PHASES

_HEAD = """\
# How `git ckpt` builds this repository. Commands run in a sandbox, in a copy of the tracked files:
# without network (only `fetch` has one), home folder or .git, and with $out, an empty folder, to
# install into.
# Change what isn't right; `git ckpt build` tries it out.
"""

_NIX_HEAD = """\
# How `git ckpt` builds this repository: with Nix, the derivation that is named here, with the
# tracked files as its `src`.
# Change what isn't right; `git ckpt build` tries it out.
"""

_TAIL = """\

# A package may also have, for example:
#   ignore    = ["docs/**", "*.md"]  # changes that need no build
#   timeout   = "1h"                 # then a build is ended; also memory = "8G", processes = 500
#   inputs    = ["~/sdk/foo"]        # folders outside the system's own that the build may read
#   env       = { CFLAGS = "-O2" }
"""

_NIX_TAIL = """\

# A package may also have, for example:
#   attr      = "hello"              # which of a file's derivations
#   source    = "src"                # the folder that becomes `src`; false: the recipe's own stays
#   ignore    = ["docs/**", "*.md"]  # changes that need no build
#   timeout   = "1h"                 # then a build is ended
"""

_WIDTH = max(map(len, PHASES))


def ckpt_toml(proposals: Iterable[Proposal], *, checks: bool) -> str:
    """All of the file; ``checks`` says whether the checks are switched on."""
    chosen = tuple(proposals)
    head, tail = (_NIX_HEAD, _NIX_TAIL) if all(p.nix for p in chosen) else (_HEAD, _TAIL)
    return head + "".join("\n" + _package(p, checks=checks) for p in chosen) + tail


def _package(proposal: Proposal, *, checks: bool) -> str:
    lines = [f"[package.{_key(proposal.name)}]"]
    lines += [f"# {text}" for text in (proposal.reason, *proposal.remarks) if text]
    return "\n".join([*lines, *_pairs(proposal, checks=checks)]) + "\n"


def _pairs(proposal: Proposal, *, checks: bool) -> Iterator[str]:
    if proposal.source != ".":
        yield _pair("source", _string(proposal.source))
    for key, value in proposal.nix.items():
        yield _pair(key, _string(value))
    if proposal.fetch:
        yield _pair("fetch", _string(proposal.fetch))
        if proposal.locks:
            yield _pair("locks", _array(proposal.locks))
    yield from _phases(proposal, checks=checks)
    if proposal.inputs:
        yield _pair("inputs", _array(proposal.inputs))
    if proposal.env:
        pairs = ", ".join(f"{_key(k)} = {_string(v)}" for k, v in proposal.env.items())
        yield _pair("env", f"{{ {pairs} }}")


def _phases(proposal: Proposal, *, checks: bool) -> Iterator[str]:
    for phase in PHASES:
        if phase == "check" and proposal.check:
            yield ("" if checks else "# ") + _pair("check", _string(proposal.check))
        elif phase in proposal.phases:
            yield _pair(phase, _string(proposal.phases[phase]))


def _pair(key: str, value: str) -> str:
    return f"{key.ljust(_WIDTH)} = {value}"


def _array(items: Iterable[str]) -> str:
    return f"[{', '.join(_string(item) for item in items)}]"


def _key(name: str) -> str:
    """A key, bare where it can be: a dot in a bare one would make two of it (TOML 1.0, Keys)."""
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if plain else _string(name)


def _string(text: str) -> str:
    """The form of TOML string that needs the least escaping, since people read commands."""
    printable = text.isprintable()
    if printable and not {'"', "\\"} & set(text):
        return f'"{text}"'
    if printable and "'" not in text:
        return f"'{text}'"
    if printable and "'''" not in text and not text.endswith("'"):
        return f"'''{text}'''"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
