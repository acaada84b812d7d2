"""What only the Nix engine does: how a derivation is named, what is kept, what Nix says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ckpt_git.builds.checks.compare import contents
from ckpt_git.builds.checks.verify import verify
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.engines.nix.saved_builds import Kept
from ckpt_git.model.errors import CkptError, MissingError
from ckpt_git.model.record import Record
from tests.engines.project import NAME, Project, log, toml_string
from tests.nix.store import STDENV, NixStore
from tests.support import GitRepo

_MAKEFILE = """\
prog: one.o main.o
\tcc -o $@ one.o main.o
%.o: %.c
\t@echo "compiling $<"
\tcc -DPREFIX='"$(out)"' -MMD -MP -o $@ -c $<
install:
\tmkdir -p $(out)/bin && cp prog $(out)/bin/
-include *.d
"""
_FILES = {
    "Makefile": _MAKEFILE,
    "one.c": "int one(void) { return 1; }\n",
    "main.c": "#include <stdio.h>\nint one(void);\n"
    'int main(void) { printf("%s %d\\n", PREFIX, one()); return 0; }\n',
}


def _package(attributes: str = "") -> str:
    return f'(import {STDENV}).mkDerivation {{ name = "prog-1"; src = ./.; {attributes} }}'


def _table(keys: str) -> str:
    return f"[package.{NAME}]\n{keys}\n"


@pytest.fixture
def project(tmp_path: Path, nix: NixStore) -> Project:
    """A C program with a default.nix, committed, not yet built. One file is of this test alone:
    what others keep in the store is none of this one's."""
    repo = GitRepo.init(tmp_path / "repository")
    table = _table('file = "default.nix"\nattr = "prog"')
    repo.commit(
        files={**_FILES, "default.nix": _recipe(), "ckpt.toml": table, "test": tmp_path.name}
    )
    return Project(repo).setting(**nix.variables())


def _recipe(attributes: str = "") -> str:
    return f"{{ }}: {{ prog = {_package(attributes)}; }}\n"


def _says(record: Record) -> str:
    return _runs(record.output)


def _runs(out: Path | str) -> str:
    done = subprocess.run([Path(out, "bin/prog")], capture_output=True, text=True, check=True)
    return done.stdout


def _refused(project: Project) -> str:
    with pytest.raises(CkptError) as caught:
        project.build()
    assert "\n" not in str(caught.value)
    return str(caught.value)


_FLAKE = f"""{{
  outputs = {{ self }}: {{
    packages.${{builtins.currentSystem}}.default = {_package().replace("./.", "self")};
  }};
}}
"""


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        ('file = "default.nix"\nattr = "prog"', {}),
        ('file = "nix/prog.nix"', {"nix/prog.nix": _package().replace("./.", "../.")}),
        ('flake = "."', {"flake.nix": _FLAKE}),
        (f"expr = {toml_string(_package())}", {}),
        ('file = "default.nix"\nattr = "prog"\nsource = false', {}),
    ],
    ids=["attribute of a file", "file", "flake", "expression", "a recipe that takes its source"],
)
def test_a_change_is_built_from_the_checkpoint_however_the_recipe_is_named(
    project: Project, keys: str, files: dict[str, str]
) -> None:
    project.repo.commit(files={**files, "ckpt.toml": _table(keys)})
    project.passes()
    project.repo.commit(files={"one.c": "int one(void) { return 2; }\n"})
    record = project.from_checkpoint()
    assert _says(record) == f"{record.output} 2\n"
    assert [s for s in log(record).splitlines() if "compiling" in s] == ["compiling one.c"]


def test_a_folder_of_the_repository_can_be_the_source(project: Project) -> None:
    for path in _FILES:
        project.repo.git("mv", path, _moved(project, path))
    table = _table('file = "default.nix"\nattr = "prog"\nsource = "code"')
    project.repo.commit(files={"ckpt.toml": table})
    project.passes()
    project.repo.commit(files={"README": "not of the source\n"})
    assert project.build().cached
    project.repo.commit(files={"code/one.c": "int one(void) { return 3; }\n"})
    assert _says(project.from_checkpoint()).endswith(" 3\n")


def _moved(project: Project, path: str) -> str:
    (project.repo.path / "code").mkdir(exist_ok=True)
    return f"code/{path}"


def test_live_files_take_no_part(project: Project) -> None:
    head = project.repo.head
    project.repo.write("one.c", "broken")
    project.repo.write("default.nix", "broken")
    project.repo.write("ckpt.toml", "broken")
    assert _says(project.build(head)).endswith(" 1\n")


def test_a_changed_dependency_is_built_clean_and_says_why(project: Project) -> None:
    project.passes()
    project.repo.commit(files={"default.nix": _recipe("makeFlags = [ ];")})
    record = project.passes()
    assert record.why_clean == "`makeFlags` is new in the recipe"


def test_another_engine_is_a_reason_to_build_clean(project: Project) -> None:
    project.passes()
    table = _table('build = "make CC=cc"\ninstall = "make install"')
    project.repo.commit(files={"ckpt.toml": table})
    record = project.passes()
    assert record.why_clean == "the package was built by the nix engine until now"
    assert record.engine == "local"


def test_why_the_library_would_not_use_the_checkpoint_is_why_the_build_is_clean(
    project: Project,
) -> None:
    project.passes()
    project.repo.commit(files={"Makefile": _MAKEFILE.replace("-MMD", "-O1 -MMD")})
    record = project.passes()
    assert record.checkpoint is None
    assert record.why_clean == "Makefile changed, and make doesn't go by commands"


def _instead_of_nix_instantiate(tmp_path: Path, script: str) -> str:
    """A PATH on which a shell script is found first, in which ``$real`` is Nix' own program."""
    folder = tmp_path / "tools"
    folder.mkdir()
    program = folder / "nix-instantiate"
    program.write_text(f"#!/bin/sh\nreal={shutil.which('nix-instantiate')}\n{script}")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def _tools_that_add(tmp_path: Path, afterwards: str) -> str:
    """A PATH on which adding a tree to the store takes a second more and notes which path it has;
    ``afterwards`` is run then."""
    return _instead_of_nix_instantiate(
        tmp_path,
        'case "$*" in *"-E (builtins.path {"*) ;; *) exec $real "$@" ;; esac\n'
        'sleep 1; path=$($real "$@") || exit\n'
        f'echo "$path" >>{tmp_path}/added; {afterwards}\n'
        'echo "$path"\n',
    )


def test_a_tree_stays_as_it_is_until_it_is_added(project: Project, tmp_path: Path) -> None:
    project.passes("HEAD")
    numbers = (4, 5, 6)
    commits = [
        project.repo.commit(files={"one.c": f"int one(void) {{ return {number}; }}\n"})
        for number in numbers
    ]
    slow = project.setting(PATH=_tools_that_add(tmp_path, ":"))
    processes = [slow.start("build", commit, "--json") for commit in commits]
    for number, process in zip(numbers, processes, strict=True):
        said, warned = process.communicate(timeout=120)
        assert process.returncode == 0, warned
        (result,) = json.loads(said)["results"]
        assert _runs(result["out"]) == f"{result['out']} {number}\n"
    added = (tmp_path / "added").read_text()
    assert len(set(added.splitlines())) == len(commits)
    assert slow.build(commits[0]).cached
    assert (tmp_path / "added").read_text() == added, "what is on record needs no tree"


def test_a_tree_that_is_gone_again_is_added_anew(project: Project, tmp_path: Path) -> None:
    project.passes("HEAD")
    project.repo.commit(files={"one.c": "int one(void) { return 7; }\n"})
    remove = 'eval "nix-store --delete $path" >/dev/null || exit'
    forgetful = project.setting(PATH=_tools_that_add(tmp_path, remove))
    code, said, warned = forgetful.run("build", "HEAD", "--json")
    assert code == 0, warned
    (result,) = json.loads(said)["results"]
    assert _runs(result["out"]) == f"{result['out']} 7\n"
    assert (tmp_path / "added").exists()


def test_a_store_that_is_made_by_the_first_build_is_made_once(
    project: Project, tmp_path: Path
) -> None:
    store = NixStore(tmp_path / "nix")
    path = _instead_of_nix_instantiate(
        tmp_path,  # Nix' own may fail so, too, where two of them make a store
        f'[ -e {store.path}/var/db/schema ] && exec $real "$@"\n'
        f"mkdir {tmp_path}/making || exit\n"
        'sleep 0.5; $real "$@"; code=$?\n'
        f"rmdir {tmp_path}/making; exit $code\n",
    )
    code, _, warned = project.setting(PATH=path, **store.variables()).run("build", "HEAD")
    assert code == 0, warned


def test_what_is_kept_outlives_a_collection_of_garbage(project: Project, nix: NixStore) -> None:
    project.passes()
    (checkpoint,) = project.checkpoints()
    subprocess.run(
        ["nix-store", "--gc", "--quiet"], env=nix.environment(), capture_output=True, check=True
    )
    record = project.build()
    assert record.cached
    assert _says(record).endswith(" 1\n")
    engine = project.context().engine("nix")
    assert engine.artifacts.unusable(checkpoint) is None
    assert engine.artifacts.damage(checkpoint) is None
    project.repo.commit(files={"one.c": "int one(void) { return 2; }\n"})
    project.from_checkpoint()


def test_what_is_let_go_of_can_be_collected(project: Project, nix: NixStore) -> None:
    first = project.passes()
    for value in (2, 3):
        project.repo.commit(files={"one.c": f"int one(void) {{ return {value}; }}\n"})
        second = project.from_checkpoint()
    newest, *older = project.checkpoints()
    context = project.context()
    engine = context.engine("nix")
    kept = Kept(context.state.path)
    gone = [str(meta.checkpoint) for old in older if (meta := kept.meta(NAME, old.id))]
    for old in older:
        _age(project, old.id)
    engine.artifacts.keep_only(NAME, [newest])
    subprocess.run(["nix-store", "--gc"], env=nix.environment(), capture_output=True, check=True)
    assert not first.output.exists()
    assert len(gone) == 2
    assert not [path for path in gone if Path(path).exists()]
    assert engine.outputs.damage(first.output) is not None
    assert {engine.artifacts.unusable(old) for old in older} == {"the checkpoint is gone"}
    assert second.output.exists()
    assert engine.artifacts.unusable(newest) is None


def _age(project: Project, name: str) -> None:
    """Have a build be an hour old: young ones are never let go of."""
    folder = project.context().state.path / "nix" / "kept" / NAME / name
    then = time.time() - 3600
    os.utime(folder, (then, then))


def test_a_checkpoint_that_was_modified_is_noticed(project: Project) -> None:
    project.passes()
    (checkpoint,) = project.checkpoints()
    context = project.context()
    meta = Kept(context.state.path).meta(NAME, checkpoint.id)
    assert meta is not None
    file = Path(str(meta.checkpoint)) / "outputs" / "one.o"
    file.parent.chmod(0o755)
    file.chmod(0o644)
    file.write_bytes(b"modified")
    engine = context.engine("nix")
    assert "was modified" in str(engine.artifacts.damage(checkpoint))
    engine.artifacts.discard(checkpoint)
    assert engine.artifacts.unusable(checkpoint) == "the checkpoint is gone"
    record = project.passes(clean=True)
    (anew,) = [c for c in project.checkpoints() if c.id != checkpoint.id]
    assert engine.artifacts.damage(anew) is None
    assert record.passed


def test_a_checkpointed_build_is_verified_with_own_paths_left_out(project: Project) -> None:
    """The program has its prefix, and the linker's digest of it, compiled in."""
    project.passes()
    project.repo.commit(files={"one.c": "int one(void) { return 2; }\n"})
    context = project.context()
    (verdict,) = verify(context, context.repo.target("HEAD"), BuildOptions(), lambda *_: None)
    assert verdict.record.depth == 1
    assert verdict.clean.depth == 0
    assert verdict.record.out != verdict.clean.out
    assert (verdict.identical, verdict.unreproducible) == (True, ())


def test_a_clean_build_is_built_anew_so_that_what_is_not_reproducible_shows(
    project: Project,
) -> None:
    recipe = _recipe('postInstall = "date +%N >$out/now";')
    project.repo.commit(files={"default.nix": recipe})
    project.passes()
    context = project.context()
    (verdict,) = verify(context, context.repo.target("HEAD"), BuildOptions(), lambda *_: None)
    assert (verdict.identical, verdict.unreproducible) == (True, ("now",))


def test_all_outputs_are_compared(project: Project) -> None:
    recipe = _recipe('outputs = [ "out" "doc" ]; postInstall = "mkdir $doc; echo $out >$doc/it";')
    project.repo.commit(files={"default.nix": recipe})
    record = project.passes()
    engine = project.context().engine("nix")
    found = contents(engine.outputs.installed(record.output))
    assert {"bin/prog", "doc:it"} <= set(found)
    again = project.passes(clean=True)
    assert record.out != again.out
    assert contents(engine.outputs.installed(again.output)) == found


_PATCH = """\
--- a/one.c
+++ b/one.c
@@ -1 +1 @@
-int one(void) { return 1; }
+int one(void) { return 100; }
"""


def test_a_patched_package_is_built_from_the_checkpoint_and_another_patch_clean(
    project: Project,
) -> None:
    recipe = _recipe("patches = [ ./fix.patch ];")
    project.repo.commit(files={"default.nix": recipe, "fix.patch": _PATCH})
    assert _says(project.passes()).endswith(" 100\n")
    main = _FILES["main.c"].replace("%s %d", "%s is %d")
    project.repo.commit(files={"main.c": main})
    record = project.from_checkpoint()
    assert _says(record).endswith(" is 100\n")
    assert [s for s in log(record).splitlines() if "compiling" in s] == ["compiling main.c"]
    project.repo.commit(files={"fix.patch": _PATCH.replace("100", "200")})
    record = project.passes()
    assert record.why_clean == "`patches` changed in the recipe"
    assert _says(record).endswith(" is 200\n")


@pytest.mark.parametrize(
    ("table", "recipe", "says"),
    [
        ("", "{ }: {\n  prog = nothing;\n}\n", "default.nix:2:10: undefined variable 'nothing'"),
        ("", "{ }: {\n  prog = \n}\n", "default.nix:3:1: syntax error"),
        ("", "{ }: { prog = 3; }", "this is no derivation"),
        ("", "{ }: { other = 3; }", "no attribute `prog`; there are: other"),
        ("", "{ }: { prog = (import <none> { }); }", "<none> is not in the Nix search path"),
        ('file = "default.nix"', _recipe(), "choose one with `attr`: prog"),
        ('file = "gone.nix"', "", "gone.nix"),
        ('expr = "3 +\\n nothing"', "", "ckpt.toml, `expr`, line 2: undefined variable 'nothing'"),
        ('flake = ".#x"', "", "flake.nix"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line_with_its_place(
    project: Project, table: str, recipe: str, says: str
) -> None:
    files = {"default.nix": recipe} if recipe else {}
    if table:
        files["ckpt.toml"] = _table(table)
    project.repo.commit(files=files)
    said = _refused(project)
    assert says in said
    assert "/ckpt/nix/" not in said


def test_a_failure_shows_the_compilers_words_with_the_users_own_file(project: Project) -> None:
    project.repo.commit(files={"one.c": "int one(void) { return nothing; }\n"})
    record = project.build()
    assert (record.outcome, record.failed_phase) == ("failed", "build")
    assert record.reason == "build ended with 2"
    assert any("one.c:1:24: error" in line for line in record.error)


def test_a_failure_that_looks_like_none_shows_the_builds_last_words(project: Project) -> None:
    makefile = "prog:\n\t@echo it broke; exit 3\n"
    project.repo.commit(files={"Makefile": makefile})
    record = project.build()
    assert "it broke" in record.error


# What a newer `nix-store --realise` says (Nix' pull request 13278).
_NEWER_FAILURE = """\
error: Cannot build '/nix/store/00000000000000000000000000000000-dependency-1.drv'.
       Reason: builder failed with exit code 3.
"""
_CANNOT = "error: Cannot build '/nix/store/00000000000000000000000000000000-prog-1.drv'.\n"
_WRONG_SYSTEM = (
    """\
       Reason: required system or feature not available
       Required system: 'riscv64-linux' with features {}
       Current system: 'x86_64-linux' with features {benchmark, big-parallel, kvm}
""",
    """\
       Reason: platform mismatch
       Required system: 'riscv64-linux'
       Current system: 'x86_64-linux'
""",
)
_LACKS_FEATURES = (
    """\
       Reason: required system or feature not available
       Required system: 'x86_64-linux' with features {glitter, hats}
       Current system: 'x86_64-linux' with features {benchmark, big-parallel, kvm}
""",
    """\
       Reason: missing system features
       Required features: {glitter, hats}
       Available features: {benchmark, big-parallel, kvm}
""",
)


def _saying(project: Project, tmp_path: Path, words: str) -> Project:
    """The project with a `nix-store` that realises nothing and says this instead."""
    script = tmp_path / "bin" / "nix-store"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\ncase " $* " in *" --realise "*) printf %s "$WORDS" >&2; exit 100 ;; esac\n'
        f'exec {shutil.which("nix-store")} "$@"\n'
    )
    script.chmod(0o755)
    return project.setting(PATH=f"{script.parent}:{os.environ['PATH']}", WORDS=words)


_IDS = ["Nix 2.30", "Nix 2.34", "this Nix"]


def _missing(project: Project, tmp_path: Path, words: str | None) -> str:
    """What is said where Nix says ``words``, or what it does by itself; that is no failed build:
    nothing is recorded, nothing refused for it."""
    at_hand = project if words is None else _saying(project, tmp_path, _CANNOT + words)
    code, _, said = at_hand.run("build")
    assert code == 3
    assert "nothing was built yet" in at_hand.run("log")[1]
    return said


@pytest.mark.parametrize("words", [*_WRONG_SYSTEM, None], ids=_IDS)
def test_a_system_that_nix_has_no_machine_of_is_missing(
    project: Project, tmp_path: Path, words: str | None
) -> None:
    project.repo.commit(files={"default.nix": _recipe('system = "riscv64-linux";')})
    said = _missing(project, tmp_path, words)
    assert "no machine of the system that is asked for (riscv64-linux)" in said


@pytest.mark.parametrize("words", [*_LACKS_FEATURES, None], ids=_IDS)
def test_a_feature_that_no_machine_of_nix_has_is_missing(
    project: Project, tmp_path: Path, words: str | None
) -> None:
    features = 'requiredSystemFeatures = [ "glitter" "hats" ];'
    project.repo.commit(files={"default.nix": _recipe(features)})
    said = _missing(project, tmp_path, words)
    assert "no machine with the features that are asked for (glitter, hats)" in said


def test_a_dependency_that_fails_is_named(project: Project, tmp_path: Path) -> None:
    code, out, said = _saying(project, tmp_path, _NEWER_FAILURE).run("build")
    assert code == 1
    assert "dependency-1 ended with 3" in out + said


def test_a_package_that_cannot_have_a_checkpoint_is_built_all_the_same(project: Project) -> None:
    recipe = _recipe('dontBuild = true; installPhase = "mkdir $out";')
    project.repo.commit(files={"default.nix": recipe})
    record = project.passes()
    assert record.no_base is not None
    assert "has dontBuild" in record.no_base
    assert project.checkpoints() == []


def test_a_nix_that_is_not_there_is_missing(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").symlink_to("/usr/bin/git")
    code, _, said = project.setting(PATH=str(folder)).run("build")
    assert code == 3
    assert "nix-instantiate" in said
    assert "install Nix" in said
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder))
        with pytest.raises(MissingError):
            list(project.context().engine("nix").diagnosis.examine())


def test_a_store_of_the_packages_own_is_used(project: Project, tmp_path: Path) -> None:
    """It has a root of its own, so what is built lies elsewhere than its name says."""
    root = tmp_path / "store"
    options = ["--option", "sandbox", "false"]
    table = _table('file = "default.nix"\nattr = "prog"')
    table += f"[package.{NAME}.nix]\nstore = {toml_string(str(root))}\noptions = {options!r}\n"
    project.repo.commit(files={"ckpt.toml": table})
    record = project.passes()
    assert record.output.is_relative_to(root)
    assert (record.output / "bin/prog").exists()
    assert project.build().cached


def test_a_remote_builder_builds_from_the_checkpoint(project: Project, tmp_path: Path) -> None:
    """Another store on this machine; Nix takes one for a machine that it copies to and from."""
    machine = tmp_path / "machine"
    options = ["--builders", f"{machine} - - 2 1", "--option", "max-jobs", "0"]
    table = _table('file = "default.nix"\nattr = "prog"')
    table += f"[package.{NAME}.nix]\noptions = {options!r}\n"
    project.repo.commit(files={"ckpt.toml": table})
    project.passes()
    project.repo.commit(files={"one.c": "int one(void) { return 2; }\n"})
    record = project.from_checkpoint()
    assert _says(record).endswith(" 2\n")
    assert [s for s in log(record).splitlines() if "compiling" in s] == ["compiling one.c"]
    assert (machine / "nix/store" / record.output.name).is_dir()
