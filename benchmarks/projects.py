"""The real projects: where their releases come from and how each is built. Values without IO.

Every project is obtained by name through an ordinary package client. A registry's package often
carries a whole C project beside its bindings; ``folder`` says where, and only that is taken. The
versions are listed, not asked for, so that everybody measures the same changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Client = Literal["npm", "pip"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one file as people make it: a line at the end of a C ``file``.

    ``kind`` is what a table calls it. ``{n}`` in ``line`` becomes the number of the change, so
    that each is another one and the object file changes with it.
    """

    kind: str
    file: str
    line: str


@dataclass(frozen=True, slots=True)
class Project:
    """A project with successive releases, and the commands that build it.

    ``folder`` is the part of an archive that becomes the repository, below the archive's own top
    folder; paths that match ``leave_out`` (globs as ``fnmatch`` has them, which cross slashes)
    are generated files or of no use to the build. ``phases`` are commands of the local engine;
    bare builds run the same ones. ``needs`` names programs and headers, by Debian package.
    """

    name: str
    tool: str
    client: Client
    package: str
    versions: tuple[str, ...]
    folder: str
    phases: Mapping[str, str]
    edit: Edit
    needs: tuple[str, ...]
    leave_out: tuple[str, ...] = ()


# `./configure` writes config.h anew each time, and with it every object would be out of date: it
# runs when something that it reads is newer than what it wrote. It refuses options that it
# doesn't know, and the older releases know nothing of curl.
_LIBRDKAFKA_CONFIGURE = """\
if [ ! -e Makefile.config ] ||
   [ -n "$(find configure configure.self mklove src/rdkafka.h -newer Makefile.config)" ]; then
  curl=$(grep -q curl configure.self && echo --disable-curl || true)
  ./configure --prefix="$out" --disable-ssl --disable-gssapi --disable-zstd --disable-lz4-ext $curl
fi"""

LIBRDKAFKA = Project(
    name="librdkafka",
    tool="make, in the tree",
    client="npm",
    package="node-rdkafka",
    versions=(
        *("2.9.1", "2.10.1", "2.11.0", "2.12.0", "2.13.0", "2.14.6", "2.15.0", "2.16.0"),
        *("2.17.0", "2.18.0", "3.2.1", "3.3.1", "3.4.1", "3.5.0", "3.6.1"),
    ),
    folder="deps/librdkafka",
    phases={
        "configure": _LIBRDKAFKA_CONFIGURE,
        "build": "make -j$NIX_BUILD_CORES libs",
        "install": "make -C src install && make -C src-cpp install",
    },
    edit=Edit("one source file", "src/rdlist.c", "int ckpt_benchmark_{n}(void) {{ return {n}; }}"),
    needs=("gcc", "g++", "make", "python3", "zlib1g-dev"),
    leave_out=("tests/*",),
)

AWS_C = Project(
    name="aws-c",
    tool="CMake, Ninja, build folder",
    client="pip",
    package="awscrt",
    versions=(
        *("0.19.17", "0.19.18", "0.19.19", "0.20.0", "0.20.1", "0.20.2", "0.20.3", "0.20.4"),
        *("0.20.5", "0.20.6", "0.20.7", "0.20.9", "0.20.10"),
    ),
    folder="crt",
    phases={
        # Always: the libraries collect their sources with file(GLOB), and only a run of CMake
        # sees a new file.
        "configure": "cmake -G Ninja -S . -B build -DUSE_OPENSSL=ON -DCMAKE_INSTALL_PREFIX=$out",
        "build": "ninja -C build -j$NIX_BUILD_CORES",
        "install": "ninja -C build install",
    },
    edit=Edit(
        "one source file",
        "aws-c-http/source/h1_decoder.c",
        "int ckpt_benchmark_{n}(void); int ckpt_benchmark_{n}(void) {{ return {n}; }}",
    ),
    needs=("gcc", "g++", "cmake", "ninja-build", "libssl-dev"),
    leave_out=("aws-lc/*", "*/tests/*", "*/verification/*", "*/docs/*", "*/bin/*"),
)

LIBUV = Project(
    name="libuv",
    tool="autotools",
    client="pip",
    package="uvloop",
    versions=(
        *("0.6.0", "0.7.2", "0.8.0", "0.9.1", "0.10.3", "0.11.3", "0.12.2", "0.14.0"),
        *("0.15.3", "0.16.0", "0.17.0", "0.18.0", "0.20.0", "0.23.0"),
    ),
    folder="vendor/libuv",
    phases={
        # automake's own rules run configure again where what it is made from has changed.
        "configure": (
            "[ -e configure ] || sh autogen.sh\n"
            # Tests of the older releases define variables in headers, as gcc allowed up to 9.
            '[ -e Makefile ] || ./configure --prefix="$out" --disable-shared CFLAGS="-O2 -fcommon"'
        ),
        "build": "make -j$NIX_BUILD_CORES && make -j$NIX_BUILD_CORES test/run-tests",
        "install": 'make install && mkdir -p "$out/bin" && cp test/run-tests "$out/bin"',
    },
    edit=Edit("one source file", "src/inet.c", "int ckpt_benchmark_{n}(void) {{ return {n}; }}"),
    needs=("gcc", "make", "autoconf", "automake", "libtool"),
    # What autogen.sh makes; a registry's package has it from the machine that packed it.
    leave_out=(
        *("configure", "aclocal.m4", "Makefile.in", "ltmain.sh", "config.guess", "config.sub"),
        *("compile", "depcomp", "missing", "install-sh", "ar-lib", "autom4te.cache/*"),
        *("m4/libtool.m4", "m4/lt*.m4", "m4/libuv-extra-automake-flags.m4"),
    ),
)

PROJECTS: Mapping[str, Project] = {p.name: p for p in (LIBRDKAFKA, AWS_C, LIBUV)}
"""All projects by name, in the order in which they are run."""
