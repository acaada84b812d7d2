"""What a step does, as a shell command: it reads, asks, lists, adds, writes over, fails.

Each is right in an empty folder, and says the same each time it is run there; many are wrong
where something of an earlier build is there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from tests.lying.growing.plan import Step

_MARK = re.compile(r"\b(OUT|ALL|FIRST|WORD|NAME)\b")


@dataclass(frozen=True)
class Action:
    """``text`` is the command, with OUT, ALL, FIRST, WORD and NAME for the step's own.

    ``wants`` says what it reads: ``text`` for sources and products, ``any`` for paths that need
    not be there as well, ``tracked`` for sources alone, ``folder`` for one of their folders, ``c``
    for a source of C, ``none``. ``apart`` says that other steps of the same stage may run at the
    same time. ``needs`` are programs.
    """

    text: str
    wants: str = "text"
    apart: bool = True
    needs: tuple[str, ...] = ()


ACTIONS: Mapping[str, Action] = {
    # reads
    "join": Action("{ echo WORD; cat ALL; } > OUT"),
    "replace": Action("sed 's/o/WORD/g' FIRST > OUT"),
    "lengths": Action("awk '{ print length($0), $1 } END { print \"WORD\" }' ALL > OUT"),
    "input": Action("tr a-z A-Z < FIRST > OUT"),
    "pipe": Action("{ cat ALL | sort | uniq -c; } > OUT"),
    "said": Action('echo "$(head -n 1 FIRST) WORD" > OUT'),
    "group": Action("{ head -n 1 FIRST; cat ALL; tail -n 1 FIRST; } > OUT"),
    "descriptor": Action("exec 4> OUT; cat ALL >&4; echo WORD >&4; exec 4>&-"),
    "late": Action("( sleep 0.02; cat ALL > OUT ) & wait"),
    "renamed": Action("cat ALL > OUT.new && mv OUT.new OUT"),
    "packed": Action("gzip -nc FIRST > OUT"),
    "assembled": Action("printf '.incbin \"FIRST\"\\n' | as -o OUT -", needs=("as",)),
    "compiled": Action(
        "cc -DWORD_=1 -DW='\"WORD\"' -Iinc/a -Iinc/b -c -o OUT FIRST", "c", needs=("cc",)
    ),
    "script": Action("sh tools/gen.sh ALL > OUT"),
    "python": Action("python3 tools/gen.py ALL > OUT", apart=False, needs=("python3",)),
    "static": Action("tools/static OUT ALL", "any", needs=("tools/static",)),
    "musl": Action("tools/musl OUT ALL", "any", needs=("tools/musl",)),
    "go": Action("tools/go OUT ALL", "any", needs=("tools/go",)),
    "tools first": Action("( PATH=$PWD/tools:$PATH; sort ALL > OUT )"),
    "twice": Action("cat ALL > OUT; cat ALL >> OUT"),
    "copied on the way": Action("{ cat ALL | tee OUT.copy | sort; } > OUT"),
    "one after the other": Action("echo ALL | xargs -n 1 cat > OUT"),
    "by make": Action("printf 'it:\\n\\tcat ALL\\n' | make -s --no-print-directory -f - it > OUT"),
    "no variables": Action("/usr/bin/env -i /bin/cat ALL > OUT"),
    "locked": Action("flock NAME.lock cat ALL > OUT", needs=("flock",)),
    "by way of /proc": Action("cat /proc/self/cwd/FIRST > OUT"),
    "by way of /tmp": Action("cp FIRST /tmp/NAME; tr a-z A-Z < /tmp/NAME > OUT; rm /tmp/NAME"),
    "by way of a link": Action(
        "ln -sf NAME.real OUT.link && cat ALL > OUT.link && cp OUT.link OUT"
    ),
    "outlives": Action(
        "( ( sleep 0.05; cat ALL > NAME.late || :; mv NAME.late OUT ) & ) ; "
        "until [ -e OUT ]; do sleep 0.01; done"
    ),
    # asks
    "whatever is there": Action("cat ALL > OUT 2>/dev/null || true", "any"),
    "which are there": Action("for f in ALL; do [ -e $f ] && echo $f; done > OUT; true", "any"),
    "sizes": Action("stat -L -c %s ALL > OUT"),
    "modes": Action("stat -c '%A %n' ALL > OUT", "tracked"),
    "names": Action("ls FIRST > OUT", "folder", apart=False),
    "count": Action("{ find FIRST -type f | wc -l; } > OUT", "folder", apart=False),
    "own order": Action("find FIRST -type f > OUT", "folder", apart=False),
    "how many names": Action("stat -L -c %h ALL > OUT", apart=False),
    "whole folder": Action(
        "( cd FIRST && cat * ) > OUT 2>/dev/null || true", "folder", apart=False
    ),
    "variable": Action('echo "$MODE WORD" > OUT', "none"),
    # finds what was there
    "each": Action(
        'mkdir -p OUT.d && for f in FIRST/*; do cp "$f" OUT.d/; done; ls OUT.d > OUT',
        "folder",
        apart=False,
    ),
    "folder": Action("mkdir -p OUT.d && cp FIRST OUT.d/ && ls OUT.d > OUT"),
    "publish": Action(
        "mkdir NAME.new && cp FIRST NAME.new/it && { [ ! -d OUT.d ] || mv OUT.d NAME.old; } && "
        "mv NAME.new OUT.d && rm -rf NAME.old && : > OUT"
    ),
    "log": Action("echo WORD >> made/log; cat ALL >> made/log; : > OUT", apart=False),
    "counter": Action(
        "n=$(cat made/count 2>/dev/null || echo 0); echo $((n + 1)) > made/count; echo WORD > OUT",
        "none",
        apart=False,
    ),
    "shared": Action("{ cat ALL; echo WORD; } > made/shared; : > OUT", apart=False),
    "in place": Action("dd if=FIRST of=OUT conv=notrunc status=none"),
    "patched": Action(
        "cat ALL > OUT && printf WORD | dd of=OUT bs=1 seek=2 conv=notrunc status=none"
    ),
    "archive": Action("ar rcD OUT ALL", needs=("ar",)),
    "tar": Action("tar --mtime=@1 --owner=0 --group=0 -rf OUT ALL", needs=("tar",)),
    "newer": Action("cp -u FIRST OUT"),
    "mode stays": Action("cat ALL > OUT; if grep -q o FIRST; then chmod 750 OUT; fi"),
    "mask": Action("umask 027; cat ALL > OUT; umask 022"),
    "with what was": Action(
        "{ cat OUT.old 2>/dev/null; cat ALL; } > OUT.new; mv OUT.new OUT; cp OUT OUT.old"
    ),
    "dated": Action("cat ALL > OUT && touch -r FIRST OUT"),
    "removes": Action('rm -rf "made/$(head -n 1 FIRST).d" && : > OUT', apart=False),
    # links
    "hard link": Action("ln -f FIRST OUT", apart=False),
    "link": Action("ln -sf ../FIRST OUT"),
    "copy": Action("cp -p FIRST OUT"),
    # writes what is tracked
    "rewrites": Action("sed -i 's/one/WORD/' FIRST && cp FIRST OUT", "tracked", apart=False),
    "adds": Action("echo WORD >> FIRST; cp FIRST OUT", "tracked", apart=False),
    "goes": Action("cp FIRST OUT && rm FIRST", "tracked", apart=False),
    "touches": Action("touch FIRST; cp FIRST OUT", "tracked", apart=False),
    # fails
    "strict": Action("! grep -q bad ALL && cat ALL > OUT"),
    "leaves": Action("cat ALL > OUT; ! grep -q bad OUT"),
    "warns": Action("grep -c bad ALL > OUT || true"),
}


def command(step: Step) -> str:
    """The shell's text that carries out a step."""
    words = [shlex.quote(path) for path in step.reads] or ["/dev/null"]
    values = {
        "OUT": step.made,
        "ALL": " ".join(words),
        "FIRST": words[0],
        "WORD": step.word,
        "NAME": step.name,
    }
    return _MARK.sub(lambda mark: values[mark[0]], ACTIONS[step.action].text)
