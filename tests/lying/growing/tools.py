"""Programs that a plan's tree may hold, and that no library gets into: static ones, and Go's."""

from __future__ import annotations

import functools
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.lying.tree import File

# Writes, of each path: a file in capital letters, a folder's names, or that nothing is there.
_C = r"""
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int count, char **words)
{
    FILE *out = fopen(words[1], "w");
    for (int i = 2; i < count; i++) {
        struct stat it;
        if (stat(words[i], &it) != 0) {
            fprintf(out, "no %s\n", words[i]);
        } else if (S_ISDIR(it.st_mode)) {
            struct dirent **all;
            int n = scandir(words[i], &all, 0, alphasort);
            for (int j = 0; j < n; j++)
                fprintf(out, "%s\n", all[j]->d_name);
        } else {
            FILE *in = fopen(words[i], "r");
            for (int c; (c = getc(in)) != EOF;)
                putc(toupper(c), out);
            fclose(in);
        }
    }
    return fclose(out) != 0;
}
"""
_GO = r"""
package main

import (
	"bytes"
	"fmt"
	"os"
)

func main() {
	var out bytes.Buffer
	for _, path := range os.Args[2:] {
		if text, err := os.ReadFile(path); err == nil {
			out.Write(bytes.ToUpper(text))
		} else if names, err := os.ReadDir(path); err == nil {
			for _, name := range names {
				fmt.Fprintln(&out, name.Name())
			}
		} else {
			fmt.Fprintln(&out, "no", path)
		}
	}
	if os.WriteFile(os.Args[1], out.Bytes(), 0o644) != nil {
		os.Exit(1)
	}
}
"""
_MADE = {
    "tools/static": ("tool.c", _C, "cc -static -O1 -s -o {out} {source}"),
    "tools/musl": ("tool.c", _C, "musl-gcc -static -O1 -s -o {out} {source}"),
    "tools/go": (
        "tool.go",
        _GO,
        "GOCACHE={folder} GO111MODULE=off CGO_ENABLED=0 go build -ldflags=-s -o {out} {source}",
    ),
}


@functools.cache
def tools() -> Mapping[str, File]:
    """Those that this machine can make, by path."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for path, (source, text, call) in _MADE.items():
            folder = Path(name)
            (folder / source).write_text(text)
            done = subprocess.run(
                call.format(out=folder / "out", source=folder / source, folder=folder / "cache"),
                shell=True, capture_output=True, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                content = (folder / "out").read_bytes()
                found[path] = File(content, executable=True, recipe=_recipe(path))
    return found


def _recipe(path: str) -> str:
    source, text, call = _MADE[path]
    made = call.format(out=path, source=f'"$W/{source}"', folder='"$W/cache"')
    return f'printf %s {shlex.quote(text)} > "$W/{source}"; rm ./{path}; {made}'
