"""Commits and their builds as a shell script: what to run where a test has found a difference."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence

from tests.lying.tree import Entry, File, Link, Tree

_HEAD = """\
#!/bin/sh
# {what}
# Exit code 0 where the build from the checkpoint is as the clean one. git-ckpt is on PATH.
set -eu
: "${{W:=$(mktemp -d)}}"; echo "in $W"
export HOME="$W" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 CKPT_SKIP=1
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com
git init -q -b main "$W/r"; git init -q -b main "$W/double"
echo "$W/r/.git/objects" > "$W/double/.git/objects/info/alternates"
write() {{ mkdir -p "$(dirname "./$1")"; rm -rf "./$1"; printf "$2" > "./$1"; }}
out() {{
    python3 -c 'import json, sys
result = json.load(sys.stdin)["results"][0]
print(result["out"] or result["outcome"])'
}}
ours() {{ CKPT_STORE="$W/store" git ckpt build HEAD --json | out; }}
clean() {{
    git -C "$W/double" update-ref refs/heads/main "$(git rev-parse HEAD)"
    (cd "$W/double" && CKPT_STORE="$W/double-store" git ckpt build HEAD --clean --json | out)
}}
commit() {{ git add -A; git commit -q --allow-empty -m "$1"; }}
same() {{
    a=$(ours) || true; b=$(clean) || true
    [ "$a" = "$b" ] || diff -r --no-dereference "$a" "$b" ||
        {{ echo "commit $1: ours is $a, clean is $b"; exit 1; }}
    # Modes, links and hard links, which diff doesn't look at.
    [ ! -d "$a" ] || [ "$(seen "$a")" = "$(seen "$b")" ] || {{ seen "$a"; seen "$b"; exit 1; }}
}}
seen() {{ (cd "$1" && find . -printf '%P %M %n %l\\n' | sort); }}
cd "$W/r"
"""


def script(trees: Sequence[Tree], what: str) -> str:
    """A script that commits and builds ``trees`` one after the other, and compares. Where the
    first has no ckpt.toml, ``init`` writes it."""
    lines = [_HEAD.format(what=" ".join(what.split()))]
    before: Tree = {}
    for number, tree in enumerate(trees):
        lines += [f"\n# commit {number}", *_written(before, tree)]
        if not number and "ckpt.toml" not in tree:
            lines.append("git add -A; git ckpt init > /dev/null")
        lines.append(f"commit {number}")
        lines.append(f"same {number}" if number else "ours > /dev/null || true")
        before = tree
    return "\n".join([*lines, "echo same", ""])


def _written(before: Tree, after: Tree) -> Iterator[str]:
    for path in before:
        if path not in after:
            yield f"rm -rf {_quoted(f'./{path}')}"
    for path, entry in after.items():
        if before.get(path) != entry:
            yield from _entry(path, entry)


def _entry(path: str, entry: Entry) -> Iterator[str]:
    place = _quoted(f"./{path}")
    if isinstance(entry, Link):
        yield f"write {_quoted(path)} ''; ln -sf {_quoted(entry.target)} {place}"
        return
    yield f"write {_quoted(path)} {_format(entry)}"
    if entry.recipe:
        yield entry.recipe
    if entry.executable:
        yield f"chmod +x {place}"


def _format(entry: File) -> str:
    """As printf's first argument."""
    if entry.recipe:
        return "''"
    text = entry.content.decode("latin-1").replace("\\", "\\\\").replace("%", "%%")
    text = text.replace("\n", "\\n").replace("\t", "\\t")
    return shlex.quote("".join(c if " " <= c <= "~" else f"\\{ord(c):03o}" for c in text))


def _quoted(path: str) -> str:
    """A word of the shell; odd bytes by way of printf."""
    raw = os.fsencode(path)
    if all(0x20 <= byte < 0x7F for byte in raw):
        return shlex.quote(path)
    return f'"$(printf {_format(File(raw))})"'
