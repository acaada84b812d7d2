"""Tools of other languages: Python and setuptools, Java, Go, Node, Perl."""

from __future__ import annotations

from functools import partial

from tests.lying.cases.case import Case, case, recipe
from tests.lying.tree import program

_NEWER = """\
import os, subprocess
# As distutils does: an object is made again where one of its own sources is newer.
os.makedirs("made", exist_ok=True)
def newer(sources, target):
    return not os.path.exists(target) or any(
        os.path.getmtime(source) > os.path.getmtime(target) for source in sources)
for name in ("one", "two"):
    if newer([name + ".c"], f"made/{name}.o"):
        subprocess.run(["cc", "-Iinclude", "-c", "-o", f"made/{name}.o", name + ".c"], check=True)
"""
_PICKLED = """\
import hashlib, json, os
# Goes by a digest of what it was told of, and not of what that imports.
os.makedirs("made", exist_ok=True)
known = json.load(open("known")) if os.path.exists("known") else {}
for name in sorted(os.listdir("pages")):
    text = open("pages/" + name).read()
    digest = hashlib.sha256(text.encode()).hexdigest()
    if known.get(name) != digest:
        layout = open("layout").read()
        open("made/" + name, "w").write(layout.replace("TEXT", text))
        known[name] = digest
json.dump(known, open("known", "w"))
"""
_IMPORTS = """\
import words
print(words.IT)
"""
_python = partial(case, config=recipe("python3 build.py"), needs="python3", answers=False)

PYTHON = (
    _python(
        "Python: a header of objects that go by their source's date",
        "guard",
        {
            "build.py": _NEWER,
            "include/it.h": "#define IT 1\n",
            "one.c": '#include "it.h"\nint one = IT;\n',
            "two.c": "int two = 2;\n",
        },
        {"include/it.h": "#define IT 2\n"},
        {"one.c": '#include "it.h"\nint one = 10 * IT;\n'},
        answers=True,
    ),
    _python(
        "Python: what is known by a digest of a part",
        "guard",
        {"build.py": _PICKLED, "layout": "<TEXT>\n", "pages/a": "a", "pages/b": "b"},
        {"layout": "[TEXT]\n"},
        {"pages/b": None, "pages/c": "c"},
    ),
    _python(
        "Python: a module of the same size, which two import",
        "edge",
        {
            "build.py": "import os, subprocess, sys\nos.makedirs('made', exist_ok=True)\n"
            "for name in ('one', 'two'):\n"
            "    if not os.path.exists('made/' + name):\n"
            "        with open('made/' + name, 'w') as out:\n"
            "            subprocess.run([sys.executable, name + '.py'], stdout=out, check=True)\n",
            "one.py": _IMPORTS,
            "two.py": "print('two')\n" + _IMPORTS,
            "words.py": "IT = 1\n",
        },
        {"words.py": "IT = 2\n"},
        {"words.py": "IT = 3\n"},
    ),
    _python(
        "Python: a folder's own order of names",
        "asked",
        {
            "build.py": "import os, shutil\nos.makedirs('made/parts', exist_ok=True)\n"
            "for name in sorted(os.listdir('parts')):\n"
            "    shutil.copyfile('parts/' + name, 'made/parts/' + name)\n"
            "open('made/order', 'w').write(' '.join(os.listdir('made/parts')))\n",
            "parts/c": "",
            "parts/a": "",
        },
        {"parts/b": ""},
        {"parts/a": None},
    ),
    _python(
        "Python: kinds and sizes of a folder's files",
        "asked",
        {
            "build.py": "import os\nos.makedirs('made', exist_ok=True)\n"
            "if not os.path.exists('made/it'):\n"
            "    lines = sorted(f'{e.name} {e.is_dir()} {e.stat().st_size}' for e in "
            "os.scandir('data'))\n"
            "    open('made/it', 'w').write('\\n'.join(lines))\n",
            "data/a": "a\n",
        },
        {"data/a": "aa\n"},
        {"data/a": None, "data/a/leaf": ""},
    ),
    _python(
        "Python: an archive of what lies in a folder",
        "gone",
        {
            "build.py": "import os, shutil, zipfile\nos.makedirs('tmp/p', exist_ok=True)\n"
            "os.makedirs('made', exist_ok=True)\n"
            "for name in os.listdir('p'):\n    shutil.copyfile('p/' + name, 'tmp/p/' + name)\n"
            "with zipfile.ZipFile('made/p.zip', 'w') as out:\n"
            "    for name in sorted(os.listdir('tmp/p')):\n"
            "        out.writestr(zipfile.ZipInfo(name), open('tmp/p/' + name).read())\n",
            "p/a.py": "a\n",
            "p/b.py": "b\n",
        },
        {"p/b.py": None},
    ),
)

_SETUP = """\
from setuptools import setup, Extension
import os
macros = [("IT", open("it.txt").read().strip())]
setup(name="p", version="1", packages=["p"], package_data={"p": ["data/*"]},
      ext_modules=[Extension("it", ["it.c"], define_macros=macros)])
"""
_SETUP_PLAIN = """\
from setuptools import setup
setup(name="p", version="1", packages=["p"], package_data={"p": ["data/*"]})
"""
_MODULE = """\
#include <Python.h>
static struct PyModuleDef it = {PyModuleDef_HEAD_INIT, "it", 0, IT, 0};
PyMODINIT_FUNC PyInit_it(void) { return PyModule_Create(&it); }
"""
_SETUPTOOLS = "/usr/bin/python3 /usr/lib/python3/dist-packages/setuptools"
_by_setup = partial(
    case,
    config=recipe("/usr/bin/python3 setup.py -q build", "cp -R build/lib*/. $out/"),
    answers=False,
)

BY_SETUPTOOLS = (
    _by_setup(
        "setuptools: a module and its data go",
        "gone",
        {
            "setup.py": _SETUP_PLAIN,
            "p/__init__.py": "",
            "p/old.py": "old = 1\n",
            "p/data/old": "old\n",
            "p/data/kept": "kept\n",
        },
        {"p/old.py": None, "p/data/old": None},
        {"p/old.py": "old = 2\n"},
        needs=_SETUPTOOLS,
    ),
    _by_setup(
        "setuptools: a macro's value comes from a file",
        "rule",
        {
            "setup.py": _SETUP,
            "it.txt": "1\n",
            "it.c": _MODULE,
            "p/__init__.py": "",
            "p/data/kept": "kept\n",
        },
        {"it.txt": "2\n"},
        needs=f"{_SETUPTOOLS} /usr/include/python3*/Python.h",
    ),
)

_JAVA = """\
set -e
mkdir -p made
[ -e stamp ] || touch -d 2000-01-01 stamp
sources=$(find src -newer stamp -name '*.java' | sort)
[ -z "$sources" ] || javac -cp made -sourcepath src -d made $sources
touch stamp
"""
_java = partial(case, config=recipe("sh build.sh"), needs="javac", answers=False)

JAVA = (
    _java(
        "javac: a constant is part of who uses it",
        "edge",
        {
            "build.sh": _JAVA,
            "src/Main.java": "class Main { int it() { return Words.IT; } }\n",
            "src/Words.java": "class Words { static final int IT = 1; }\n",
        },
        {"src/Words.java": "class Words { static final int IT = 2; }\n"},
    ),
    _java(
        "javac: a class goes, and who uses it doesn't compile",
        "verdict",
        {
            "build.sh": _JAVA,
            "src/Main.java": "class Main { Object it() { return new Old(); } }\n",
            "src/Old.java": "class Old { class Inner {} }\n",
        },
        {"src/Old.java": None},
        fails=(0,),
    ),
)

_go = partial(case, config=recipe("sh build.sh"), needs="go", answers=False)
_GO = """\
set -e
mkdir -p made
export GOCACHE=$PWD/.gocache GOFLAGS=-mod=mod
"""
_MOD = "module example.org/p\n\ngo 1.18\n"
_LISTS = """\
package main

import (
	"fmt"
	"os"
)

func main() {
	entries, _ := os.ReadDir("parts")
	for _, entry := range entries {
		text, _ := os.ReadFile("parts/" + entry.Name())
		fmt.Print(entry.Name(), " ", string(text))
	}
	if _, err := os.Stat("extra"); err == nil {
		fmt.Println("extra")
	}
}
"""
_CGO = """\
package main

// #cgo CFLAGS: -I${SRCDIR}/../include
// #cgo LDFLAGS: -L${SRCDIR}/../made -lit
// #include "it.h"
import "C"
import "os"

func main() { os.Exit(int(C.it()) + C.IT) }
"""

GO = (
    _go(
        "Go: a generator, which no library gets into, lists and asks",
        "asked",
        {
            "build.sh": _GO + "[ -e gen ] || go build -o gen gen.go\n"
            "[ made/it -nt gen.go ] || ./gen > made/it\n",
            "gen.go": _LISTS,
            "parts/a": "a\n",
        },
        {"parts/b": "b\n"},
        {"extra": ""},
        {"parts/a": "A\n"},
    ),
    _go(
        "Go: a library and a header of another folder",
        "edge",
        {
            "build.sh": _GO + "cc -c -o it.o it.c\nar rcs made/libit.a it.o\n"
            "cd cmd\ngo build -o ../made/it .\n",
            "it.c": "int it(void) { return 1; }\n",
            "include/it.h": "#define IT 10\nint it(void);\n",
            "cmd/go.mod": _MOD,
            "cmd/main.go": _CGO,
        },
        {"include/it.h": "#define IT 20\nint it(void);\n"},
        {"it.c": "int it(void) { return 2; }\n"},
    ),
)

_BUNDLE = """\
const fs = require("fs");
// Reads what others import, and keeps what it made by date.
fs.mkdirSync("made", { recursive: true });
const made = "made/bundle.js";
const fresh = fs.existsSync(made) && fs.statSync(made).mtimeMs >= fs.statSync("main.js").mtimeMs;
function bundled(name) {
  return fs.readFileSync(name, "utf8").replace(/require\\("(.*)"\\);/g, (_, part) => bundled(part));
}
if (!fresh) fs.writeFileSync(made, bundled("main.js"));
"""

OTHERS = (
    case(
        "Node: a part of a bundle",
        "edge",
        {
            "bundle.js": _BUNDLE,
            "main.js": 'require("./parts/a.js");\n',
            "parts/a.js": "a();\n",
        },
        {"parts/a.js": "b();\n"},
        config=recipe("node bundle.js"),
        needs="node",
        answers=False,
    ),
    case(
        "Perl: a program that does what a file says",
        "edge",
        {
            "build.sh": "mkdir -p made\n[ made/it -nt gen ] || ./gen > made/it\n",
            "gen": program('#!/usr/bin/perl\nprint do "./words.pl";\n'),
            "words.pl": '"one\\n";\n',
        },
        {"words.pl": '"two\\n";\n'},
        config=recipe("sh build.sh"),
        needs="/usr/bin/perl",
    ),
)

CASES: tuple[Case, ...] = (*PYTHON, *BY_SETUPTOOLS, *JAVA, *GO, *OTHERS)
