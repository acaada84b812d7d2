"""What is proposed for a repository, and that it is what builds it: commands are really run."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_git.builds.setup.detect import (
    Detection,
    Listing,
    Machine,
    Proposal,
    detect,
    render,
    this_machine,
)
from ckpt_git.model.config import ckpt_toml
from ckpt_git.model.config.packages import Package
from ckpt_git.model.derivation import Source
from ckpt_git.model.errors import ConfigError

Files = Mapping[str, str]

HOME = Path("/nobody's/home")
HELLO_C = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
HELLO_GO = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n'
HELLO_RS = 'fn main() { println!("hello"); }\n'
SETUP_PY = "from setuptools import setup\nsetup()\n"
BY_PYPROJECT = "python3 -c 'from setuptools import setup; setup()'"
GO_MOD = "module example.com/hello\n\ngo 1.18\n"
CARGO = '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2021"\n'


def listing(files: Files, name: str = "hello") -> Listing:
    contents = {path: text.encode() for path, text in files.items()}
    return Listing(name, frozenset(contents), contents.get)


def machine(*without: str) -> Machine:
    """A machine that has every tool in ``/usr/bin``, less those named."""
    return Machine(HOME, lambda tool: None if tool in without else Path("/usr/bin", tool))


def proposed(files: Files, *, without: tuple[str, ...] = ()) -> Proposal:
    (proposal,) = detect(listing(files), machine(*without)).proposals
    return proposal


def written(detection: Detection, *, checks: bool = False) -> Mapping[str, Package]:
    """The packages that the rendered file has, as the rest of the program reads it."""
    return ckpt_toml.parse(render(detection, checks=checks)).packages


class TestNix:
    @pytest.mark.parametrize(
        ("files", "named"),
        [
            ({"flake.nix": "{ outputs = _: { packages.x = 1; }; }"}, {"flake": "."}),
            ({"flake.nix": "{ outputs = f: f.each (system: { packages = rec { a = 1; }; }); }"},
             {"flake": "."}),
            ({"flake.nix": "{ outputs = _: {\n  packages = for (pkgs: [ pkgs.hello ]);\n}; }"},
             {"flake": "."}),
            ({"flake.nix": "{ outputs = _: { packages.x = 1; s = mk { packages = [ ]; }; }; }"},
             {"flake": "."}),
            ({"flake.nix": "{ outputs = _: { defaultPackage.x86_64-linux = 1; }; }"},
             {"flake": "."}),
            ({"default.nix": "with import <nixpkgs> { }; stdenv.mkDerivation { }"},
             {"file": "default.nix"}),
            ({"default.nix": "{ pkgs ? import <nixpkgs> { } }: pkgs.callPackage ./a.nix { }"},
             {"file": "default.nix"}),
            ({"default.nix": "# for { a }: b\n{ stdenv, cmake }:\nstdenv.mkDerivation { }"},
             {"expr": "(import <nixpkgs> { }).callPackage ./default.nix { }"}),
        ],
    )  # fmt: skip
    def test_what_is_packaged_is_built_as_its_package_says(
        self, files: Files, named: Files
    ) -> None:
        proposal = proposed({**files, "Makefile": "all:\n"})
        assert (proposal.kind, proposal.nix, proposal.phases) == ("Nix", named, {})
        assert "(also: Makefile)" in proposal.reason
        (package,) = written(detect(listing(files), machine())).values()
        assert package.engine == "nix"

    @pytest.mark.parametrize(
        "files",
        [
            {"flake.nix": "{ outputs = _: { devShells.x = 1; }; }"},
            {"flake.nix": "{ outputs = _: { devShells.x = mkShell { packages = [ cmake ]; }; }; }"},
            {"flake.nix": "{ outputs = _: { devShells.x = mkShell {\n  packages =\n"
             "    with pkgs; [ cmake ]; }; }; }"},
            {"flake.nix": "{ outputs = _: { devShells.x = mkShell { packages = (with pkgs; [ a ])"
             " ++ [ b ]; }; }; }"},
            {"flake.nix": "{ outputs = i: { devShells.x = mkShell { buildInputs = "
             "[ i.other.packages.x.default ]; }; }; }"},
            {"flake.nix": "{ outputs = _: {\n  # packages = { };\n  devShells.x = 1; }; }"},
            {"default.nix": "self: super: { }"},
            {"shell.nix": "with import <nixpkgs> { }; mkShell { }"},
        ],
    )  # fmt: skip
    def test_what_packages_nothing_is_built_with_commands(self, files: Files) -> None:
        proposal = proposed({**files, "Makefile": "all:\n"})
        assert proposal.kind == "make"
        told = [r.split()[0] for r in proposal.remarks if "packages nothing" in r]
        assert told == [name for name in files if name != "default.nix"]

    def test_without_nix_it_is_built_with_commands(self) -> None:
        files = {"default.nix": "with import <nixpkgs> { }; stdenv.mkDerivation { }"}
        proposal = proposed({**files, "Makefile": "all:\n"}, without=("nix-build",))
        assert proposal.kind == "make"
        assert "(also: default.nix)" in proposal.reason


class TestKinds:
    @pytest.mark.parametrize(
        ("files", "kind", "build"),
        [
            ({"Makefile": "all:\n"}, "make", "make -j$NIX_BUILD_CORES"),
            ({"GNUmakefile": "all:\n"}, "make", "make -j$NIX_BUILD_CORES"),
            ({"configure": "# --prefix\n"}, "autotools", "make -j$NIX_BUILD_CORES"),
            ({"configure.ac": ""}, "autotools", "make -j$NIX_BUILD_CORES"),
            ({"CMakeLists.txt": ""}, "CMake", "cmake --build build -j$NIX_BUILD_CORES"),
            ({"meson.build": ""}, "Meson", "ninja -C build -j$NIX_BUILD_CORES"),
            ({"Cargo.toml": CARGO}, "cargo", "cargo build --release --offline"),
            ({"Cargo.toml": "", "Cargo.lock": ""}, "cargo", "cargo build --release --frozen"),
            ({"go.mod": GO_MOD, "a.go": "package a\n"}, "go", "go build ./..."),
            ({"go.mod": GO_MOD, "main.go": HELLO_GO}, "go", "go build -o bin/ ./..."),
            ({"package.json": '{"scripts": {"build": "tsc"}}'}, "npm", "npm run build"),
            ({"setup.py": SETUP_PY}, "setuptools", "python3 setup.py -q build"),
            (
                {"pyproject.toml": '[project]\nname = "a"\n'},
                "setuptools",
                f"{BY_PYPROJECT} -q build",
            ),
            (
                {"pyproject.toml": "[tool.x]\n", "setup.cfg": "[metadata]\nname = a\n"},
                "setuptools",
                f"{BY_PYPROJECT} -q build",
            ),
            (
                {"setup.py": SETUP_PY, "Makefile": "test:\n", "a.c": ""},
                "setuptools",
                "python3 setup.py -q build",
            ),
            (
                {"setup.py": SETUP_PY, "CMakeLists.txt": ""},
                "CMake",
                "cmake --build build -j$NIX_BUILD_CORES",
            ),
            ({"build.sh": "make\n"}, "a script", "sh build.sh"),
            ({"build.sh": "#!/usr/bin/env bash\nmake\n"}, "a script", "bash build.sh"),
            ({"build.sh": "#!/bin/bash -e\nmake\n"}, "a script", "bash build.sh"),
            ({"build.sh": "", "Makefile": "all:\n"}, "make", "make -j$NIX_BUILD_CORES"),
        ],
    )
    def test_each_is_known_by_its_files(self, files: Files, kind: str, build: str) -> None:
        proposal = proposed(files)
        assert (proposal.kind, proposal.phases["build"]) == (kind, build)

    def test_several_at_once_are_decided_and_named(self) -> None:
        files = {"CMakeLists.txt": "", "configure": "prefix", "Makefile": ""}
        assert proposed(files).reason == (
            "CMake, for there is CMakeLists.txt (also: configure, Makefile)"
        )

    def test_one_whose_tools_are_there_goes_first(self) -> None:
        files = {"meson.build": "", "CMakeLists.txt": "", "Makefile": ""}
        assert proposed(files).kind == "Meson"
        assert proposed(files, without=("meson",)).kind == "CMake"
        assert proposed(files, without=("meson", "cmake")).kind == "make"

    def test_missing_tools_are_named_where_nothing_else_would_do(self) -> None:
        proposal = proposed({"meson.build": ""}, without=("meson",))
        assert "meson isn't installed here" in proposal.remarks

    @pytest.mark.parametrize(
        "files",
        [
            {},
            {"README.md": "make", "src/notes.txt": ""},
            {"package.json": '{"scripts": {"lint": "eslint"}}'},
            {"package.json": "no JSON"},
            {"package.json": '["scripts"]'},
            {"pyproject.toml": "[tool.ruff]\n"},
            {"pyproject.toml": "[project"},
            {"pyproject.toml": '[build-system]\nbuild-backend = "flit_core"\n[project]\n'},
            {"package.json": '{"scripts": ["build"]}'},
            {"configure": "just a name\n"},
            {"pyproject.toml": "", "Makefile": "test:\n\tpytest\n", "a.py": ""},
            {"one/Makefile": "", "two/Makefile": ""},
            {"tests/Makefile": "", "docs/Makefile": ""},
        ],
    )
    def test_nothing_recognised_says_what_was_looked_for(self, files: Files) -> None:
        with pytest.raises(ConfigError) as caught:
            detect(listing(files), machine())
        assert caught.value.exit_code == 2
        assert "meson.build" in str(caught.value)
        assert "[package.NAME]" in str(caught.value)
        assert "\n" not in str(caught.value)


class TestMake:
    @pytest.mark.parametrize(
        ("rules", "arguments"),
        [
            ("install:\n\tcp a $(PREFIX)/bin\n", " PREFIX=$out"),
            ("prefix = /usr\ninstall:\n\tcp a ${prefix}/bin\n", " prefix=$out"),
            ("install: a\n\tcp a $(DESTDIR)$(PREFIX)/bin\n", " PREFIX=$out"),
            ("all install:\n\tcp a $(DESTDIR)/usr/bin\n", " DESTDIR=$out"),
            ("install::\n\tcp a $(BINDIR)\n", " BINDIR=$out/bin"),
        ],
    )
    def test_install_is_told_in_the_makefiles_own_words(self, rules: str, arguments: str) -> None:
        assert proposed({"Makefile": rules}).phases["install"] == f"make install{arguments}"

    def test_the_build_is_told_the_prefix_as_well_but_never_a_staging_folder(self) -> None:
        with_prefix = proposed({"Makefile": "install:\n\tcp a $(PREFIX)\n"})
        staged = proposed({"Makefile": "install:\n\tcp a $(DESTDIR)/bin\n"})
        assert with_prefix.phases["build"].endswith(" PREFIX=$out")
        assert "DESTDIR" not in staged.phases["build"]

    @pytest.mark.parametrize(
        "text",
        [
            "all:\n",
            "install:\n\tcp a /usr/local/bin\n",
            ".PHONY: install\n",
            "# install:\n#\tcp a $(PREFIX)\n",
            "install := yes\nall:\n\techo $(PREFIX)\n",
            "all:\n\techo install: $(PREFIX)\n",
        ],
    )
    def test_without_an_install_that_can_be_told_programs_are_copied(self, text: str) -> None:
        assert "make install" not in proposed({"Makefile": text}).phases["install"]

    def test_includes_and_the_makefiles_that_install_passes_on_to_are_read(self) -> None:
        included = {"Makefile": "include rules.mk\n", "rules.mk": "install:\n\tcp a $(PREFIX)\n"}
        passed_on = {
            "Makefile": "install:\n\t$(MAKE) -C src install\n",
            "src/Makefile": "install:\n\tcp a $(PREFIX)/bin\n",
        }
        for files in (included, passed_on):
            assert proposed(files).phases["install"] == "make install PREFIX=$out"

    def test_a_makefile_that_would_print_help_is_told_what_to_make(self) -> None:
        files = {"Makefile": ".PHONY: all\nhelp:\n\t@echo\nall: a\n"}
        assert proposed(files).phases["build"] == "make -j$NIX_BUILD_CORES all"

    def test_one_in_the_only_folder_that_has_one(self) -> None:
        files = {"src/Makefile": "install:\n\tcp a $(PREFIX)\n", "src/a.c": "", "doc/Makefile": ""}
        proposal = proposed(files)
        assert proposal.phases["build"] == "make -C src -j$NIX_BUILD_CORES PREFIX=$out"
        assert (proposal.source, proposal.name) == (".", "hello")

    def test_checks_are_offered_as_a_comment(self) -> None:
        detection = detect(listing({"Makefile": "all:\ntest:\n"}), machine())
        assert '# check     = "make test"' in render(detection)
        assert "check" not in written(detection)["hello"].phases
        assert written(detection, checks=True)["hello"].phases["check"] == "make test"


class TestOtherKinds:
    def test_a_tracked_folder_named_build_is_left_alone(self) -> None:
        for marker in ("CMakeLists.txt", "meson.build"):
            phases = proposed({marker: "", "build/notes.txt": ""}).phases
            assert "_build" in phases["build"]

    def test_cmake_uses_make_where_ninja_is_missing(self) -> None:
        files = {"CMakeLists.txt": ""}
        assert "-G Ninja " in proposed(files).phases["configure"]
        assert "Unix Makefiles" in proposed(files, without=("ninja",)).phases["configure"]

    def test_cmake_installs_only_with_a_rule(self) -> None:
        with_rule = {"CMakeLists.txt": "", "src/CMakeLists.txt": "  install( TARGETS a)\n"}
        assert proposed(with_rule).phases["install"] == "cmake --install build"
        assert "cmake --install" not in proposed({"CMakeLists.txt": ""}).phases["install"]

    @pytest.mark.parametrize(
        ("files", "start"),
        [
            ({"configure": "prefix", "configure.ac": ""}, "./configure"),
            ({"configure.ac": ""}, "autoreconf -fi && ./configure"),
            ({"configure.ac": "", "autogen.sh": ""}, "NOCONFIGURE=1 ./autogen.sh && ./configure"),
            ({"configure.in": "", "bootstrap": ""}, "NOCONFIGURE=1 ./bootstrap && ./configure"),
        ],
    )
    def test_autotools_make_configure_where_it_is_not_tracked(
        self, files: Files, start: str
    ) -> None:
        assert proposed(files).phases["configure"] == f"{start} --prefix=$out"

    @pytest.mark.parametrize(
        ("files", "fetch"),
        [
            ({"Cargo.lock": '[[package]]\nname = "hello"\n'}, None),
            ({"Cargo.lock": '[[package]]\nsource = "registry+x"\n'}, "cargo fetch --locked"),
            ({"Cargo.lock": '[[package]]\nsource = "git+x"\n'}, "cargo fetch --locked"),
            ({"Cargo.toml": CARGO + "[dependencies]\n"}, "cargo fetch"),
            (
                {
                    "Cargo.lock": 'source = "registry+x"\n',
                    ".cargo/config.toml": '[source.v]\ndirectory = "vendor"\n',
                },
                None,
            ),
        ],
    )
    def test_cargo_fetches_what_is_not_there(self, files: Files, fetch: str | None) -> None:
        assert proposed({"Cargo.toml": CARGO, **files}).fetch == fetch

    def test_crates_are_fetched_for_another_tool_too(self) -> None:
        files = {
            "meson.build": "",
            "Cargo.toml": CARGO,
            "Cargo.lock": 'source = "registry+x"\n',
        }
        proposal = proposed(files)
        assert (proposal.kind, proposal.fetch) == ("Meson", "cargo fetch --locked")

    def test_setuptools_is_told_a_version_that_it_would_take_from_tags(self) -> None:
        system = '[build-system]\nrequires = ["setuptools", "Setuptools_SCM[toml]>=8", "Cython"]\n'
        proposal = proposed({"pyproject.toml": f'{system}[project]\nname = "a"\n'})
        assert proposal.env["SETUPTOOLS_SCM_PRETEND_VERSION"] == "0"
        assert any("install cython, setuptools-scm for" in told for told in proposal.remarks)
        assert "SETUPTOOLS_SCM_PRETEND_VERSION" not in proposed({"setup.py": SETUP_PY}).env

    def test_go_fetches_unless_vendored(self) -> None:
        files = {"go.mod": GO_MOD, "go.sum": "x\n"}
        assert proposed(files).fetch == "go mod download"
        assert proposed({**files, "vendor/modules.txt": ""}).fetch is None
        assert proposed({"go.mod": GO_MOD}).fetch is None

    @pytest.mark.parametrize(
        "path", ["a_test.go", "vendor/x/main.go", "testdata/main.go", "_gen/main.go"]
    )
    def test_go_files_that_make_no_program(self, path: str) -> None:
        assert "install" not in proposed({"go.mod": GO_MOD, path: HELLO_GO}).phases

    @pytest.mark.parametrize(
        ("lock", "text", "fetch"),
        [
            ("package-lock.json", "{}", "npm ci"),
            ("yarn.lock", "# yarn lockfile v1\n", "yarn install --frozen-lockfile"),
            ("yarn.lock", "__metadata:\n", "yarn install --immutable"),
            ("pnpm-lock.yaml", "", "pnpm install --frozen-lockfile"),
            ("other.txt", "", "npm install --no-package-lock"),
        ],
    )
    def test_node_fetches_with_the_manager_whose_lock_is_there(
        self, lock: str, text: str, fetch: str
    ) -> None:
        manifest = {"scripts": {"build": "tsc"}, "devDependencies": {"typescript": "5"}}
        proposal = proposed({"package.json": json.dumps(manifest), lock: text})
        assert fetch in (proposal.fetch or "")
        assert "package.json" in proposal.locks

    def test_node_offers_a_check_only_where_there_are_tests(self) -> None:
        scripts = {"build": "tsc", "test": 'echo "Error: no test specified" && exit 1'}
        assert proposed({"package.json": json.dumps({"scripts": scripts})}).check is None
        scripts["test"] = "vitest"
        assert proposed({"package.json": json.dumps({"scripts": scripts})}).check == "npm test"


SEVERAL: Files = {
    "api/go.mod": GO_MOD,
    "api/main.go": HELLO_GO,
    "web app/package.json": '{"scripts": {"build": "vite build"}}',
    "tests/Makefile": "",
    "README.md": "",
}


class TestFolders:
    def test_each_that_builds_is_a_package(self) -> None:
        packages = written(detect(listing(SEVERAL), machine()))
        assert {name: p.source for name, p in packages.items()} == {
            "api": "api",
            "web-app": "web app",
        }

    def test_one_that_reaches_out_of_its_folder_is_built_in_the_whole(self) -> None:
        files = {"api/go.mod": GO_MOD + "replace x => ../x\n", "api/a.go": "package a\n"}
        proposal = proposed(files)
        assert proposal.source == "."
        assert proposal.phases["build"] == "cd api && go build ./..."


class TestToolchains:
    """Tools below a home folder that a test makes, as their own installers lay them out."""

    @staticmethod
    def install(*paths: Path) -> None:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)

    @staticmethod
    def found(home: Path, files: Files, *folders: Path) -> Package:
        path = ":".join(map(str, folders))

        def which(tool: str) -> Path | None:
            at = shutil.which(tool, path=path)
            return Path(at) if at else Path("/usr/bin", tool)

        return written(detect(listing(files), Machine(home, which)))["hello"]

    def test_rustup_shows_its_toolchains_and_no_credentials(self, tmp_path: Path) -> None:
        cargo = tmp_path / ".cargo" / "bin"
        self.install(cargo / "rustup")
        for tool in ("cargo", "rustc"):
            (cargo / tool).symlink_to("rustup")
        package = self.found(tmp_path, {"Cargo.toml": CARGO}, cargo)
        assert package.inputs == ("~/.cargo/bin", "~/.rustup")
        assert package.env == {"RUSTUP_HOME": "~/.rustup"}

    def test_what_the_build_does_not_use_is_not_shown(self, tmp_path: Path) -> None:
        cargo = tmp_path / ".cargo" / "bin"
        self.install(cargo / "rustup", cargo / "cargo")
        assert self.found(tmp_path, {"Makefile": "all:\n"}, cargo).inputs == ()

    def test_go_below_home(self, tmp_path: Path) -> None:
        self.install(tmp_path / "sdk" / "go1.22" / "bin" / "go")
        package = self.found(tmp_path, {"go.mod": GO_MOD}, tmp_path / "sdk/go1.22/bin")
        assert package.inputs == ("~/sdk/go1.22",)

    def test_nvm_shows_the_folder_of_the_version(self, tmp_path: Path) -> None:
        version = tmp_path / ".nvm" / "versions" / "node" / "v20.1.0"
        self.install(version / "bin" / "node", version / "lib/node_modules/npm/bin/npm-cli.js")
        (version / "bin" / "npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
        files = {"package.json": '{"scripts": {"build": "tsc"}}'}
        package = self.found(tmp_path, files, version / "bin")
        assert package.inputs == ("~/.nvm/versions/node/v20.1.0",)

    @pytest.mark.parametrize(
        ("asked", "globally", "version"),
        [("3.11.7\n", "3.12.1\n", "3.11.7"), (None, "3.11.7\n", "3.11.7"), (None, None, "3.12.1")],
    )
    def test_pyenv_shows_the_version_behind_the_shim(
        self, tmp_path: Path, asked: str | None, globally: str | None, version: str
    ) -> None:
        pyenv = tmp_path / ".pyenv"
        self.install(pyenv / "shims" / "meson")
        self.install(*(pyenv / "versions" / v / "bin/meson" for v in ("3.9.1", "3.11.7", "3.12.1")))
        if globally:
            (pyenv / "version").write_text(globally)
        files = {"meson.build": "", **({".python-version": asked} if asked else {})}
        package = self.found(tmp_path, files, pyenv / "shims")
        assert package.inputs == (f"~/.pyenv/versions/{version}",)

    def test_an_unknown_shim_is_told(self, tmp_path: Path) -> None:
        self.install(tmp_path / ".asdf" / "shims" / "go")
        which = {"go": tmp_path / ".asdf/shims/go"}.get
        detection = detect(listing({"go.mod": GO_MOD}), Machine(tmp_path, which))
        assert "# go is a shim (~/.asdf/shims/go)" in render(detection)

    def test_a_users_own_python_tools(self, tmp_path: Path) -> None:
        self.install(tmp_path / ".local" / "bin" / "meson")
        package = self.found(tmp_path, {"meson.build": ""}, tmp_path / ".local/bin")
        assert package.inputs == ("~/.local/bin", "~/.local/lib")
        assert package.env == {"PYTHONUSERBASE": "~/.local"}

    def test_a_link_into_another_folder_shows_both(self, tmp_path: Path) -> None:
        venv = tmp_path / ".local" / "share" / "pipx" / "venvs" / "cmake"
        self.install(venv / "bin" / "cmake")
        (tmp_path / ".local" / "bin").mkdir(parents=True)
        (tmp_path / ".local" / "bin" / "cmake").symlink_to(venv / "bin" / "cmake")
        package = self.found(tmp_path, {"CMakeLists.txt": ""}, tmp_path / ".local/bin")
        assert set(package.inputs) >= {"~/.local/bin", "~/.local/share/pipx/venvs/cmake"}

    def test_home_itself_is_never_shown(self, tmp_path: Path) -> None:
        self.install(tmp_path / "bin" / "cmake", tmp_path / "ninja")
        which = {"cmake": tmp_path / "bin" / "cmake", "ninja": tmp_path / "ninja"}.get
        detection = detect(listing({"CMakeLists.txt": ""}), Machine(tmp_path, which))
        assert written(detection)["hello"].inputs == ("~/bin",)
        assert "# ninja is in ~, which no PATH of a build has" in render(detection)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
commands = words.filter(str.strip)


@given(
    st.lists(
        st.builds(
            Proposal,
            kind=st.just("make"),
            marker=words,
            phases=st.fixed_dictionaries(
                {"build": commands}, optional={"configure": commands, "install": commands}
            ),
            needs=st.just(()),
            check=st.none() | commands,
            fetch=st.none() | commands,
            locks=st.lists(words.filter(lambda w: not w.startswith("!")), min_size=1).map(tuple),
            name=st.uuids().map(str),
            inputs=st.lists(words.map(lambda w: "~/x" + w.replace("..", "")), max_size=2).map(
                tuple
            ),
            env=st.dictionaries(st.sampled_from(["A", "B_1"]), words),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda p: p.name,
    )
)
def test_what_is_rendered_reads_back_as_it_was(proposals: list[Proposal]) -> None:
    for package, meant in zip(
        written(Detection(tuple(proposals)), checks=True).values(), proposals, strict=True
    ):
        check = {"check": meant.check} if meant.check else {}
        assert package.phases == {**meant.phases, **check}
        assert (package.name, package.fetch) == (meant.name, meant.fetch)
        assert (package.inputs, package.env) == (meant.inputs, meant.env)
        assert package.locks == meant.locks or not meant.fetch


@given(st.text(max_size=80))
def test_any_name_of_a_repository_becomes_one_a_package_can_have(name: str) -> None:
    detection = detect(listing({"Makefile": "all:\n"}, name), machine())
    assert len(written(detection)) == 1


PROJECTS: dict[str, tuple[tuple[str, ...], Files]] = {
    "make without install": (
        ("make", "cc"),
        {"Makefile": "hello: main.o\n\t$(CC) -o $@ main.o\n", "main.c": HELLO_C, "run.sh": "#!"},
    ),
    "make with install": (
        ("make", "cc"),
        {
            "Makefile": "PREFIX ?= /usr/local\nhello: main.c\n\t$(CC) -o $@ main.c\n"
            "install: hello\n\tinstall -D hello $(PREFIX)/bin/hello\n",
            "main.c": HELLO_C,
        },
    ),
    "make below src": (
        ("make", "cc"),
        {"src/Makefile": "hello: main.c\n\t$(CC) -o $@ main.c\n", "src/main.c": HELLO_C},
    ),
    "CMake without install": (
        ("cmake", "cc"),
        {
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.13)\nproject(hello C)\n"
            "add_executable(hello main.c)\n",
            "main.c": HELLO_C,
            "build/tracked.txt": "",
        },
    ),
    "CMake with install": (
        ("cmake", "cc"),
        {
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.13)\nproject(hello C)\n"
            "add_executable(hello main.c)\ninstall(TARGETS hello)\n",
            "main.c": HELLO_C,
        },
    ),
    "Meson": (
        ("meson", "ninja", "cc"),
        {
            "meson.build": "project('hello', 'c')\nexecutable('hello', 'main.c', install: true)\n",
            "main.c": HELLO_C,
        },
    ),
    "autotools": (
        ("autoreconf", "automake", "make", "cc"),
        {
            "configure.ac": "AC_INIT([hello],[1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\n"
            "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
            "Makefile.am": "bin_PROGRAMS = hello\nhello_SOURCES = main.c\n",
            "main.c": HELLO_C,
        },
    ),
    "cargo": (
        ("cargo", "cc"),
        {
            "Cargo.toml": CARGO,
            "Cargo.lock": 'version = 3\n\n[[package]]\nname = "hello"\nversion = "0.1.0"\n',
            "src/main.rs": HELLO_RS,
            "src/bin/gone.rs": HELLO_RS,
        },
    ),
    "go": (
        ("go",),
        {"go.mod": GO_MOD, "cmd/hello/main.go": HELLO_GO, "cmd/gone/main.go": HELLO_GO},
    ),
    "a script": (
        ("sh", "cc"),
        {"build.sh": "#!/bin/sh -e\nmkdir -p bin\ncc -o bin/hello main.c\n", "main.c": HELLO_C},
    ),
    "npm": (
        ("npm",),
        {
            "package.json": '{"private": true, "scripts": {"build": "sh build.sh"}}',
            "build.sh": "mkdir -p dist/bin && printf '#!/bin/sh\\necho hello\\n' > dist/bin/hello\n"
            "chmod +x dist/bin/hello\n",
        },
    ),
    "npm, published": (
        ("npm",),
        {
            "package.json": '{"name": "hello", "version": "1.0.0", "files": ["bin"], '
            '"bin": {"hello": "bin/hello"}, "scripts": {"build": "sh build.sh"}}',
            "build.sh": "mkdir -p bin && printf '#!/bin/sh\\necho hello\\n' > bin/hello\n"
            "chmod +x bin/hello\n",
            "not-published.txt": "",
        },
    ),
}

PROJECT = pytest.mark.parametrize(
    ("files", "tools"),
    [
        pytest.param(
            files,
            tools,
            id=name,
            marks=pytest.mark.skipif(
                any(shutil.which(tool) is None for tool in tools), reason=f"needs {tools}"
            ),
        )
        for name, (tools, files) in PROJECTS.items()
    ],
)


class Build:
    """The phases of what is proposed, run as the local engine runs them, less the sandbox."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        self.source, self.out, self.top = folder / "source", folder / "out", folder
        for path, text in files.items():
            (self.source / path).parent.mkdir(parents=True, exist_ok=True)
            (self.source / path).write_text(text)
        (self.package,) = written(
            detect(listing(files), Machine(self.home, this_machine().which))
        ).values()

    def run(self) -> set[str]:
        """Run all phases into an empty ``$out``; the names of the programs in it."""
        shutil.rmtree(self.out, ignore_errors=True)
        drv = self.package.derivation(Source(self.source, "1" * 40), home=self.home)
        folders = [p if p.endswith("/bin") else f"{p}/bin" for p in drv.inputs]
        env = {
            "PATH": ":".join([*folders, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": "/homeless-shelter",
            "TMPDIR": str(self.top),
            "NIX_BUILD_CORES": "2",
            "XDG_CACHE_HOME": str(self.top / "cache"),
            "CARGO_HOME": str(self.top / "cache" / "cargo"),
            "GOPATH": str(self.top / "cache" / "go"),
            "npm_config_cache": str(self.top / "cache" / "npm"),
            **drv.env,
            "out": str(self.out),
        }
        for phase, command in drv.phases.items():
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", command],
                cwd=self.source / drv.source.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{phase}: {done.stdout}{done.stderr}"
        return {path.name for path in (self.out / "bin").glob("*")} | {
            path.name for path in self.out.glob("dist/bin/*")
        }

    def says(self) -> str:
        (program,) = (p for p in self.out.rglob("hello") if p.is_file())
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout


EXTENSION_C = """
#include <Python.h>
static PyObject *say(PyObject *self, PyObject *none) { return PyUnicode_FromString("hello"); }
static PyMethodDef methods[] = {{"say", say, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "hello", "", -1, methods};
PyMODINIT_FUNC PyInit_hello(void) { return PyModule_Create(&module); }
"""
DECLARED = '[project]\nname = "hello"\nversion = "1"\n'


@pytest.mark.parametrize(
    "files",
    [
        {
            "setup.py": "from setuptools import Extension, setup\n"
            "setup(name='hello', version='1', ext_modules=[Extension('hello', ['main.c'])])\n",
            "main.c": EXTENSION_C,
        },
        {
            "pyproject.toml": DECLARED + "[tool.setuptools]\npy-modules = ['hello']\n",
            "hello.py": "def say():\n    return 'hello'\n",
        },
    ],
    ids=["an extension", "declared"],
)
def test_setuptools_builds_a_module(tmp_path: Path, files: Files) -> None:
    build = Build(tmp_path, files)
    for _again in range(2):
        build.run()
        (found,) = [*build.out.rglob("hello.py"), *build.out.rglob("hello.*.so")]
        done = subprocess.run(
            ["python3", "-B", "-c", "import hello; print(hello.say())"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(found.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == "hello\n", done.stderr
        assert list(build.out.rglob("*.pyc")) == []


@PROJECT
def test_the_commands_build_the_project(tmp_path: Path, files: Files, tools: object) -> None:  # noqa: ARG001
    build = Build(tmp_path, files)
    assert "hello" in build.run()
    assert build.says() == "hello\n"
    assert not (build.out / "not-published.txt").exists()


@PROJECT
def test_they_can_be_run_again_on_what_they_left(
    tmp_path: Path,
    files: Files,
    tools: object,  # noqa: ARG001
) -> None:
    build = Build(tmp_path, files)
    first = build.run()
    (changed,) = [p for p in files if p.endswith(("main.c", "main.rs", "hello/main.go"))] or [
        "build.sh"
    ]
    text = files[changed].replace("hello", "hullo") if "build" not in changed else None
    gone = [build.source / path for path in files if "gone" in path]
    for path in gone:
        path.unlink()
    if text is not None:
        (build.source / changed).write_text(text)
        os.utime(build.source / changed)
    assert build.run() == first - {"gone"}
    assert build.says() == ("hullo\n" if text is not None else "hello\n")
