"""Shell lines that bring what was built into ``$out`` where a project has no install of its own."""

from __future__ import annotations

NO_INSTALL = "no install rule was found: install copies the programs that the build made"


def executables(folder: str) -> str:
    """Copies the programs below ``folder`` into ``$out/bin``.

    A program is a file with an executable bit that begins as ELF files do: scripts, object
    files and shared libraries beside them aren't what ``git ckpt run`` is asked for.
    """
    elf = '[ "$(head -c 4 "$f" | tail -c 3)" = ELF ]'
    return (
        'mkdir -p "$out/bin" && '
        f"find {folder} -name CMakeFiles -prune -o -type f -perm -u+x ! -name '*.so*' ! -name '*.o'"
        f' -exec sh -c \'for f; do if {elf}; then cp -p "$f" "$out/bin/"; fi; done\' sh {{}} +'
    )
