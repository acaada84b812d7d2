"""What ``ckpt.toml`` says, and how what it cannot mean is told: one line with the place."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_git.model.config import ckpt_toml
from ckpt_git.model.config.nix_recipe import NixRecipe
from ckpt_git.model.config.packages import DEFAULT_LOCKS
from ckpt_git.model.derivation import Limits, Source
from ckpt_git.model.errors import ConfigError
from ckpt_git.model.source_diff import matcher

FULL = """
on_commit = "commit"
notes = true
store_limit = "2G"

[package.hello]
install = "make install"
build = "make -j$NIX_BUILD_CORES"
configure = "./configure --prefix=$out"
check = "make check"
fetch = "cargo fetch --locked"
locks = ["deps/*.lock"]
source = "./lib/../src/"
ignore = ["docs/**", "*.md"]
inputs = ["~/.cargo/bin", "/opt/gcc"]
timeout = "1h30m"
memory = "8G"
processes = 200
env = { RUSTUP_HOME = "~/.rustup", LD = "/opt/x:~/lib" }

[package."other.one"]
build = "make other"
"""


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        ckpt_toml.parse(text)
    assert "\n" not in str(caught.value)
    return caught.value


def test_what_may_be_said_for_all_holds_where_a_package_says_nothing() -> None:
    text = 'follow = "manual"\n' + package("") + '[package.b]\nbuild = "b"\nfollow = "builds"\n'
    packages = ckpt_toml.parse(text).packages
    assert [packages[name].follow for name in ("hello", "b")] == ["manual", "builds"]
    assert ckpt_toml.parse(package("")).packages["hello"].follow == "builds"


def test_builds_are_traced_unless_it_is_written_otherwise() -> None:
    packages = ckpt_toml.parse(package("") + '[package.b]\nbuild = "b"\ntrace = false\n').packages
    source = Source(Path("/repo"), "1" * 40)
    drvs = [packages[name].derivation(source, home=Path("/h")) for name in ("hello", "b")]
    assert [drv.trace for drv in drvs] == [True, False]
    assert not ckpt_toml.parse("trace = false\n" + package("")).packages["hello"].trace
    assert "`trace`" in str(refused(package('trace = "no"')))


@pytest.mark.parametrize("require", ["checkpointed", "traced", "verified"])
def test_a_push_may_require(require: str) -> None:
    text = f'[push]\nrequire = "{require}"\n'
    assert ckpt_toml.parse(package("") + text).push.require == require


def test_a_compiler_cache_is_no_setting_any_more() -> None:
    assert 'unknown key "compile_cache"' in str(refused(package("compile_cache = true")))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('follow = "x"\n[package.a]\nbuild = "x"\nfollow = "manual"\n', 1),
        ('follow = "manual"\n[package.a]\nbuild = "x"\nfollow = 1\n', 4),
    ],
)
def test_what_is_wrong_there_is_named_on_its_own_line(text: str, line: int) -> None:
    assert f"ckpt.toml:{line}: `follow`" in str(refused(text))


def package(line: str) -> str:
    return f'[package.hello]\nbuild = "make"\n{line}\n'


def test_every_key_arrives_in_its_field() -> None:
    config = ckpt_toml.parse(FULL)
    hello = config.packages["hello"]
    assert (config.on_commit, config.notes) == ("commit", True)
    assert config.store_limit == 2 << 30
    assert list(hello.phases.items()) == [
        ("configure", "./configure --prefix=$out"),
        ("build", "make -j$NIX_BUILD_CORES"),
        ("check", "make check"),
        ("install", "make install"),
    ]
    assert hello.fetch == "cargo fetch --locked"
    assert hello.locks == ("deps/*.lock",)
    assert hello.source == "src"
    assert hello.ignore == ("docs/**", "*.md")
    assert hello.limits == Limits(timeout=5400.0, memory=8 << 30, processes=200)


def test_what_is_left_out_has_a_default() -> None:
    config = ckpt_toml.parse('[package.hello]\nbuild = "make"\n')
    hello = config.packages["hello"]
    assert (config.on_commit, config.notes) == ("worktree", False)
    assert (hello.engine, hello.source, hello.fetch) == ("auto", ".", None)
    assert dict(hello.phases) == {"build": "make"}
    assert hello.limits == Limits()
    assert hello.locks == DEFAULT_LOCKS


def test_the_home_folder_is_put_in_where_a_shell_would() -> None:
    source = Source(Path("/repo"), "1" * 40, "src")
    drv = ckpt_toml.parse(FULL).packages["hello"].derivation(source, home=Path("/home/ann"))
    assert drv.inputs == ("/home/ann/.cargo/bin", "/opt/gcc")
    assert drv.env == {"RUSTUP_HOME": "/home/ann/.rustup", "LD": "/opt/x:/home/ann/lib"}
    assert (drv.name, drv.source, drv.engine) == ("hello", source, "local")


@pytest.mark.parametrize("value", ["a~/b", "x=~/b", "~ann/b", "a~"])
def test_a_tilde_elsewhere_stays(value: str) -> None:
    config = ckpt_toml.parse(package(f'env = {{ X = "{value}" }}'))
    drv = config.packages["hello"].derivation(Source(Path("/r"), "1" * 40), home=Path("/h"))
    assert drv.env["X"] == value


@pytest.mark.parametrize(
    ("lock", "found"),
    [
        ("Cargo.lock", True),
        ("crates/a/Cargo.lock", True),
        ("requirements-dev.txt", True),
        ("subprojects/zlib.wrap", True),
        ("src/main.c", False),
        ("subprojects/zlib/main.c", False),
    ],
)
def test_the_default_locks_find_lock_files_at_any_depth(lock: str, found: bool) -> None:
    assert matcher(DEFAULT_LOCKS)(lock) is found


class TestNix:
    @pytest.mark.parametrize(
        ("keys", "recipe"),
        [
            ('file = "default.nix"', NixRecipe("file", "default.nix")),
            ('file = "./nix"\nattr = "a.b"', NixRecipe("file", "nix", attr="a.b")),
            ('flake = "."', NixRecipe("flake", ".#")),
            ('flake = ".#vbox"', NixRecipe("flake", ".#vbox")),
            ('flake = "path:./sub/#vbox"', NixRecipe("flake", "sub#vbox")),
            ('expr = "1"\nengine = "nix"', NixRecipe("expr", "1")),
            ('expr = "1"\nsource = false', NixRecipe("expr", "1", overrides_source=False)),
        ],
    )
    def test_a_derivation_is_named_in_one_of_three_ways(self, keys: str, recipe: NixRecipe) -> None:
        package = ckpt_toml.parse(f"[package.vbox]\n{keys}\n").packages["vbox"]
        assert (package.engine, package.nix, package.source) == ("nix", recipe, ".")
        drv = package.derivation(Source(Path("/r"), "1" * 40), home=Path("/h"))
        assert (drv.engine, drv.nix) == ("nix", recipe)

    def test_how_nix_is_called(self) -> None:
        text = '[package.v]\nexpr = "1"\nsource = "a/../b"\n[package.v.nix]\n'
        given = 'options = ["--option", "builders", ""]\nstore = "/srv"\n'
        package = ckpt_toml.parse(text + given).packages["v"]
        assert package.source == "b"
        assert package.nix is not None
        assert package.nix.options == ("--option", "builders", "")
        assert package.nix.store == "/srv"

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ('build = "make"', "`build` is for the local engine"),
            ('memory = "1G"', "`memory` is for the local engine"),
            ('flake = ".#x"', "both `file` and `flake`"),
            ("attr = 1", "should be a string"),
            ("source = true", "should be a string, but has the boolean true"),
            ("nix = 3", "should be a table"),
            ("nix.store = 3", "should be a string"),
            ("nix.stroe = '/x'", "did you mean `store`"),
            ("nix.options = '-v'", "should be an array of strings"),
        ],
    )
    def test_what_cannot_be_meant_is_told_with_its_line(self, line: str, says: str) -> None:
        text = f'[package.v]\nfile = "default.nix"\n{line}\n'
        error = refused(text)
        assert str(error).startswith("ckpt.toml:3: ")
        assert says in str(error)

    @pytest.mark.parametrize(
        ("keys", "says"),
        [
            ('engine = "nix"', "names no derivation"),
            ('attr = "x"', "names no derivation"),
            ('flake = "github:a/b#c"', "no flake of this repository"),
            ('flake = "./../other"', "no folder of the repository"),
            ('file = "/etc/x.nix"', "no folder of the repository"),
            ('engine = "local"\nfile = "x.nix"', "`file` is for the Nix engine"),
            ('expr = "1"\nattr = "x"', "`attr` goes with `file`"),
        ],
    )
    def test_a_table_that_names_nothing_is_refused(self, keys: str, says: str) -> None:
        assert says in str(refused(f"[package.v]\n{keys}\n"))


class TestSelect:
    def test_all_when_none_is_named(self) -> None:
        assert [p.name for p in ckpt_toml.parse(FULL).select(())] == ["hello", "other.one"]

    def test_the_named_ones_once_each(self) -> None:
        names = ("other.one", "hello", "other.one")
        assert [p.name for p in ckpt_toml.parse(FULL).select(names)] == ["hello", "other.one"]

    def test_an_unknown_name_is_told_with_the_known_ones(self) -> None:
        with pytest.raises(ConfigError, match=r"helo.*hello, other\.one"):
            ckpt_toml.parse(FULL).select(["helo"])


@pytest.mark.parametrize(
    ("given_as", "seconds"),
    [
        ("90", 90.0),
        ("1.5", 1.5),
        ('"90"', 90),
        ('"1h30m"', 5400),
        ('"2d"', 172_800),
        ('"1m 5s"', 65),
    ],
)
def test_timeouts(given_as: str, seconds: float) -> None:
    config = ckpt_toml.parse(package(f"timeout = {given_as}"))
    assert config.packages["hello"].limits.timeout == seconds


@pytest.mark.parametrize(
    ("given_as", "size"),
    [
        ("4096", 4096),
        ('"4096"', 4096),
        ('"512M"', 512 << 20),
        ('"1.5GiB"', 3 << 29),
        ('"8 g"', 8 << 30),
    ],
)
def test_memory(given_as: str, size: int) -> None:
    config = ckpt_toml.parse(package(f"memory = {given_as}"))
    assert config.packages["hello"].limits.memory == size


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('buidl = "x"', "did you mean `build`"),
        ("timout = 3", "did you mean `timeout`"),
        ("zzz = 3", "known here: engine"),
        ("notes = true", "before the first [package.NAME]"),
        ('flake = ".#x"', "`flake` is for the Nix engine, and package `hello` is built with com"),
        ('options = ["-v"]', "it belongs in a [package.NAME.nix]"),
        ('engine = "docker"', '"auto" or "local" or "nix"'),
        ("engine = 1", "should be a string, but has the integer 1"),
        ("check = true", "should be a string, but has the boolean true"),
        ("check = 1979-05-27", "but has a date or time"),
        ('check = " "', "`check` is empty"),
        ('check = "a\\u0000b"', "NUL"),
        ('ignore = "*.md"', 'should be an array of strings, but has the string "*.md"'),
        ('ignore = ["*.md", 3]', "but has the integer 3 in it"),
        ('ignore = [""]', "empty string"),
        ('ignore = ["!keep.md"]', "can't take others back"),
        ('source = "/src"', "no folder of the repository"),
        ('source = "a/../../b"', "no folder of the repository"),
        ('source = ""', "no folder of the repository"),
        ('inputs = ["vendor"]', "neither absolute nor below ~/"),
        ('inputs = ["~/"]', "secrets"),
        ('inputs = ["/"]', "secrets"),
        ('inputs = ["/opt/../etc"]', '".."'),
        ("timeout = 0", "seconds above 0"),
        ("timeout = true", "but has the boolean true"),
        ("timeout = nan", "seconds above 0"),
        ("timeout = inf", "seconds above 0"),
        (f"timeout = {'9' * 400}", "seconds above 0"),
        ('timeout = "soon"', "1h30m"),
        ('memory = "8X"', "8G"),
        ("memory = 1.5", "should be bytes"),
        ("processes = 0", "above 0"),
        ('processes = "4"', "a whole number"),
        ("env = 3", "should be a table, but has the integer 3"),
        ('env = { "a-b" = "x" }', "can't be the name of a variable"),
        ('env = { out = "x" }', "set by the sandbox"),
        ("env = { A = 3 }", "`A` should be a string, but has the integer 3"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(line: str, says: str) -> None:
    error = refused(package(line))
    assert str(error).startswith("ckpt.toml:3: ")
    assert says in str(error)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "no [package.NAME]"),
        ("# nothing\nnotes = true\n", 1, "no [package.NAME]"),
        ("\n[package]\n", 2, "no [package.NAME]"),
        ('\n[package]\nbuild = "make"\n', 3, "stands in [package], not in a package"),
        ('package = "x"', 1, "`package` should be a table"),
        ("\n\n[package.a]\ncheck = 'x'\n", 3, "package `a` has no `build`"),
        ("package.a.check = 'x'\n", 1, "package `a` has no `build`"),
        ('timeout = 3\n[package.a]\nbuild = "x"\n', 1, "in a [package.NAME]"),
        ('on_comit = "x"\n[package.a]\nbuild = "x"\n', 1, "did you mean `on_commit`"),
        ('on_commit = "x"\n[package.a]\nbuild = "x"\n', 1, '"worktree" or "commit"'),
        ('notes = "x"\n[package.a]\nbuild = "x"\n', 1, "true or false"),
        ('[package."a/b"]\nbuild = "x"\n', 1, "can't be a package's name"),
        ('[package.".."]\nbuild = "x"\n', 1, "can't be a package's name"),
        ('[package."a\\nb"]\nbuild = "x"\n', 1, "can't be a package's name"),
        (f'[package.{"a" * 65}]\nbuild = "x"\n', 1, "can't be a package's name"),
        ("[package.a]\nbuild = 'x'\nbuild = 'y'\n", 3, "not valid TOML"),
        ("[package.a]\nbuild = 'x\n", 2, "not valid TOML"),
        ("[package.a]\nbuild = [\n\n", 2, "not valid TOML"),
        ("a = 1\nb", 2, "not valid TOML"),
    ],
)
def test_the_line_of_other_faults(text: str, line: int, says: str) -> None:
    error = refused(text)
    assert str(error).startswith(f"ckpt.toml:{line}: ")
    assert says in str(error)


def test_errors_carry_the_name_the_caller_gave() -> None:
    with pytest.raises(ConfigError, match=r"^v1\.0:ckpt\.toml:1: "):
        ckpt_toml.parse("", where="v1.0:ckpt.toml")


class TestDecode:
    def test_utf_8_with_and_without_a_byte_order_mark(self) -> None:
        assert (
            ckpt_toml.decode("ä = 1".encode())
            == ckpt_toml.decode("\ufeffä = 1".encode())
            == "ä = 1"
        )

    def test_another_encoding_is_told_with_its_line(self) -> None:
        with pytest.raises(ConfigError, match=r"^ckpt\.toml:2: byte 0xe4 is not UTF-8"):
            ckpt_toml.decode("a = 1\n# ä".encode("latin-1"))


@given(st.text(max_size=200))
def test_no_text_gives_anything_but_a_config_or_one_line(text: str) -> None:
    assert "\n" not in told(text)


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000 + "]" * 5000])
def test_values_beyond_what_python_reads_are_told_too(value: str) -> None:
    assert told(package(f"x = {value}")).startswith("ckpt.toml:3: not valid TOML")


def told(text: str) -> str:
    """The error's line, empty for a text that is fine."""
    try:
        ckpt_toml.parse(text)
    except ConfigError as error:
        return str(error)
    return ""


# --- files that somebody wrote to do harm ---------------------------------------------------

_ONE = '[package.p]\nbuild = "make"\n'
_HARMFUL: dict[str, Callable[[int], str]] = {
    "packages": lambda size: "".join(
        f"[package.p{number}]\nbuild = 'make'\n" for number in range(size // 33)
    ),
    "packages and a fault": lambda size: _HARMFUL["packages"](size) + "unknown = 1\n",
    "unknown keys": lambda size: _ONE + "".join(f"k{n} = 1\n" for n in range(size // 12)),
    "quoted keys": lambda size: _ONE + "".join(f"'k{n}' = 1\n" for n in range(size // 14)),
    "a long key": lambda size: _ONE + "k" * size + " = 1\n",
    "a deep key": lambda size: _ONE + "a." * (size // 2) + "a = 1\n",
    "a deep key with blanks": lambda size: _ONE + "a . " * (size // 4) + "a = 1\n",
    "a deep key of quotes": lambda size: _ONE + "'a'." * (size // 4) + "a = 1\n",
    "a deep key of words with escapes": lambda size: _ONE + '"\\"".' * (size // 5) + "a = 1\n",
    "a deep key in a table": lambda size: f"{_ONE}env = {{ {'a.' * (size // 2)}a = 1 }}\n",
    "deep keys": lambda size: _ONE + f"{'a.' * 4}a = 1\n" * (size // 33),
    "keys almost too deep": lambda size: "".join(
        f"[k{number}.{'a.' * 3}a]\n" for number in range(size // 18)
    ),
    "a deep table": lambda size: f"{_ONE}[{'a.' * (size // 2)}a]\n",
    "deep arrays": lambda size: _ONE + "a = " + "[" * size,
    "deep tables": lambda size: _ONE + "a = " + "{a=" * (size // 3),
    "arrays of tables": lambda size: _ONE + "[[a]]\n" * (size // 6),
    "a long array": lambda size: _ONE + f"ignore = [{chr(34)}a{chr(34)}{', 1' * (size // 3)}]\n",
    "a long number": lambda size: f"a = {'1' * size}\n",
    "a long string": lambda size: _ONE + f"install = '{'x' * size}'\n",
    "an open string": lambda size: _ONE + "install = " + "'" * 3 + "x\n" * (size // 2),
    "blanks": lambda size: _ONE + " " * size,
    "blanks and dots": lambda size: _ONE + "a" + " \t" * (size // 2) + ".",
    "words and dots": lambda size: _ONE + f"install = '{'a.' * 30} '\n" * (size // 76),
}


@pytest.mark.parametrize("kind", _HARMFUL)
@pytest.mark.parametrize("size", [ckpt_toml.LARGEST - 200, 10_000_000])
def test_any_file_is_read_or_refused_in_a_second(kind: str, size: int) -> None:
    """Of the processor's time, and once of three: another process' work doesn't count."""
    data = _HARMFUL[kind](size).encode()
    assert any(_seconds_to_read(data) < 1 for _ in range(3))


def _seconds_to_read(data: bytes) -> float:
    began = time.process_time()
    with suppress(ConfigError):
        ckpt_toml.parse(ckpt_toml.decode(data))
    return time.process_time() - began


def test_a_thousand_packages_are_read() -> None:
    text = "".join(f"[package.p{number}]\nbuild = 'make'\n" for number in range(1000))
    assert len(ckpt_toml.parse(ckpt_toml.decode(text.encode())).packages) == 1000


def test_a_version_of_many_parts_is_no_deep_key() -> None:
    text = f"{_ONE}install = 'put {'1.' * 200}0'\n"
    assert ckpt_toml.parse(text).packages["p"].phases["install"].endswith(".0")
