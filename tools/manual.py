"""The man page, in mdoc(7), of the same texts as the reference. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from typer.core import TyperArgument, TyperCommand, TyperOption

from tools import words

_SHARED = {"package", "as_json", "help"}

_HEAD = r"""
.\" Made by `make reference` from the code and tools/words.toml: change those.
.Dd November 30, 2026
.Dt GIT-CKPT 1
.Os
.Sh NAME
.Nm git-ckpt
.Nd rebuild every commit, with what earlier builds remember
.Sh SYNOPSIS
.Nm git ckpt
.Ar command
.Op Ar option ...
.Op Ar argument ...
.Sh DESCRIPTION
.Nm
builds what git holds: a commit, the index or the tracked files of the work tree.
Each build starts in an empty folder, in a sandbox, and is watched.
It leaves a
.Em checkpoint :
the memory of what each command read and made.
A later build runs only the commands whose inputs changed.
It answers the others from memory.
If nothing can be answered, the build is clean and says why.
.Pp
.Nm git ckpt init
sets a repository up.
From then on each commit is rebuilt in the background.
.Pp
.Ar TARGET
is
.Cm worktree
(the default: the tracked files as they are now),
.Cm index ,
or any revision.
"""

_OPTIONS = r"""
.Sh OPTIONS
Every command that acts on packages takes
.Fl -package Ar NAME ;
without it, it acts on all.
Commands that report take
.Fl -json
and then print one JSON document.
.Fl -help
describes a command and its options.
.Pp
.Cm hook
is what the git hooks call, and what another hook manager calls.
Its
.Fl h
says how.
"""

_CONFIGURATION = r"""
.Sh CONFIGURATION
.Pa ckpt.toml
at the repository's root has a table
.Bq Li package. Ns Ar NAME
for each thing that is built.
A build reads the file of the tree that it builds, and the work tree's where that tree has none.
"""

_TABLES = {
    "top": "Keys at the top",
    "package": "The table of a package",
    "nix": "The table nix of a package",
    "push": "The table push",
}

_PUSHING = r"""
.Sh PUSHING
The pre-push hook validates the tree of each branch and tag that is pushed: from its record, by
waiting for a build that runs, or by a build.
A clean build confirms a failure, and the hook refuses the push.
.Ql git push --no-verify
and
.Ql CKPT_SKIP=1 git push
push all the same.
Git doesn't tell a hook of
.Ql git push --dry-run :
the hook validates that, too.
"""

_FILES = r"""
.Sh FILES
.Bl -tag -width indent
.It Pa ckpt.toml
What is built, and how.
.It Pa .git/ckpt/
Records, logs, the queue of background builds, and snapshots of work trees.
Linked worktrees share it.
.It Pa ~/.cache/ckpt-git/
The store: checkpoints and outputs of all repositories.
.El
"""

_EXAMPLES = r"""
.Sh EXAMPLES
Set up, commit, and see what came of it:
.Bd -literal -offset indent
git ckpt init
git commit -am 'Fix the parser'
git ckpt status
.Ed
.Pp
Build the work tree now, and say which checkpoint is used:
.Pp
.Dl git ckpt build --explain
.Pp
Compare with a clean build:
.Pp
.Dl git ckpt verify HEAD
.Sh SEE ALSO
.Xr bwrap 1 ,
.Xr git 1 ,
.Xr githooks 5
"""


def page(
    commands: Mapping[str, Sequence[TyperCommand]], configuration: Mapping[str, Mapping[str, str]]
) -> str:
    """The whole page."""
    parts = [_HEAD, "\n.Sh COMMANDS\n"]
    for title, some in commands.items():
        parts.append(f".Ss {title}\n.Bl -tag -width indent\n")
        parts += map(_command, some)
        parts.append(".El\n")
    parts += [_OPTIONS, _CONFIGURATION]
    for name, title in _TABLES.items():
        parts.append(f".Ss {title}\n" + _list(".It Cm", configuration[name]))
    parts += [_PUSHING, ".Sh THE BUILD'S SURROUNDINGS\n", _list(".It", words.SURROUNDINGS)]
    parts.append("There is no\n.Pa .git ,\nno home folder, no network and no standard input.\n")
    parts += [".Sh ENVIRONMENT\n", _list(".It Ev", words.VARIABLES)]
    parts += [".Sh GIT CONFIGURATION\n", _list(".It Cm", words.SETTINGS), _FILES]
    codes = {str(code): says for code, says in words.EXIT_CODES.items()}
    parts += [".Sh EXIT STATUS\n", _list(".It", codes), _EXAMPLES]
    return re.sub(r"\n{2,}", "\n", "".join(parts)).lstrip("\n")


def help_of(command: TyperCommand) -> list[str]:
    """What the command says of itself, as paragraphs."""
    return [" ".join(part.split()) for part in str(command.help).split("\n\n")]


def said_of(command: TyperCommand) -> list[str]:
    """The same, and what the reference adds."""
    return [*help_of(command), *filter(None, [words.COMMANDS[str(command.name)]])]


def options_of(command: TyperCommand) -> Iterator[tuple[str, str]]:
    """The options that are the command's own, with what they do."""
    for option in command.params:
        if isinstance(option, TyperOption) and option.name not in _SHARED:
            names = ", ".join((*option.opts, *option.secondary_opts))
            value = "" if option.is_flag else f" {(option.metavar or 'N').upper()}"
            yield names + value, str(option.help)


def _command(command: TyperCommand) -> str:
    arguments = [
        str(p.metavar or p.name).upper() for p in command.params if isinstance(p, TyperArgument)
    ]
    text = f".It Cm {' Ar '.join([str(command.name), *map(_escaped, arguments)])}\n"
    said = said_of(command)
    text += ".Pp\n".join(map(_text, said))
    own = dict(options_of(command))
    if not own:
        return text
    rows = "".join(f".It Fl {_flags(names)}\n{_text(says)}" for names, says in own.items())
    return text + f".Pp\n.Bl -tag -width indent -compact\n{rows}.El\n"


def _flags(names: str) -> str:
    """``--number, -n N`` as arguments of Fl: each name without its first dash."""
    name, *value = names.split(" N")
    flags = " , Fl ".join(part.strip().removeprefix("-") for part in name.split(","))
    return flags + (" Ar N" if value else "")


def _list(item: str, texts: Mapping[str, str]) -> str:
    rows = "".join(f"{item} {_escaped(name)}\n{_text(says)}" for name, says in texts.items())
    return f".Bl -tag -width indent\n{rows}.El\n"


def _text(markdown: str) -> str:
    """A paragraph, a sentence a line; code is bold, and a link is its text."""
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", markdown)
    escaped = re.sub(r"`([^`]+)`", r"\\fB\1\\fP", plain.replace("\\", "\\e"))
    lines = re.split(r"(?<=[.:]) (?=[A-Z\\])", escaped)
    return "".join(f"{_safe(line)}\n" for line in lines)


def _safe(line: str) -> str:
    return rf"\&{line}" if line.startswith((".", "'")) else line.replace("--", r"\-\-")


def _escaped(name: str) -> str:
    return name.replace("--", r"\-\-").replace("…", "...")
