"""Programs of all kinds, and how they start others."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.watch.project import Project, need


@pytest.mark.parametrize(
    "run", ["run-fork", "run-execve", "run-vfork", "run-spawn", "run-spawn-path", "exec"]
)
def test_a_command_that_a_program_runs(probing: Project, run: str) -> None:
    """Its own commands are answered where it isn't itself, as far as it can be done."""
    probing.write("a", "first\n")
    probing.write("b", "first\n")
    probing.write("run", "cat b >> all; $probe $how /usr/bin/install -D a x/y\n")
    probing.environment["how"] = run
    probing.command = "sh run; cp a c"
    probing.record()
    assert probing.again() == []
    probing.write("b", "other\n")
    executed = probing.again()
    assert "sh run" in executed
    assert "cp a c" not in executed
    probing.write("a", "other\n")
    assert "install -D a x/y" in probing.again()


@pytest.mark.parametrize("actions", ["", ", file_actions=[(os.POSIX_SPAWN_CLOSE, 9)]"])
def test_a_command_that_is_searched_for(project: Project, actions: str) -> None:
    need("python3")
    project.write("a", "first\n")
    project.write("b", "first\n")
    project.write(
        "run.py",
        "import os; print(open('b').read())\n"
        f"child = os.posix_spawnp('cp', ['cp', 'a', 'c'], os.environ{actions})\n"
        "os.waitpid(child, 0)\n",
    )
    project.command = "/usr/bin/python3 run.py"
    project.record()
    project.write("b", "other\n")
    assert project.again() == ["python3 run.py"]
    project.write("a", "other\n")
    assert project.again() == ["python3 run.py", "cp a c"]


@pytest.mark.parametrize("run", ["run-system", "run-popen"])
def test_a_command_that_a_program_has_a_shell_run(probing: Project, run: str) -> None:
    probing.write("a", "first\n")
    probing.write("b", "first\n")
    probing.command = f"$probe {run} 'cp a c; cat b; cat a > d; false' > e || echo $?"
    probing.record()
    probing.again()
    probing.write("b", "other\n")
    assert "cp a c" not in probing.again()
    probing.write("a", "other\n")
    assert "cp a c" in probing.again()


def test_programs_one_after_the_other(project: Project) -> None:
    project.write("a", "first\n")
    project.write("b", "first\n")
    command = "env A=1 nice -n 0 sh -c 'exec env B=2 sh -c \"exec cp a c\"'"
    project.command = f"{command}; cp b d"
    project.record()
    assert project.again() == []
    project.write("b", "other\n")
    assert project.again() == ["cp b d"]
    project.write("a", "other\n")
    assert "cp a c" in project.again()


def test_make_below_make(project: Project) -> None:
    project.write("Makefile", "all:\n\t$(MAKE) -C x\n\t$(MAKE) -C y\n")
    for name in "xy":
        project.write(f"{name}/Makefile", "all: b c\nb: a\n\tcp a b\nc: b\n\tcp b c\n")
        project.write(f"{name}/a", "first\n")
    project.command = "make -j2"
    project.record()
    assert project.again() == []
    project.write("y/a", "other\n")
    executed = project.again()
    assert executed.count("cp a b") == 1
    assert not any("-C x" in one for one in executed)
    project.command = "make -j4"
    assert [one for one in project.again() if one != "make -j4"] == []


def test_a_compiler(project: Project) -> None:
    project.write("one.h", "#define ONE 1\n")
    project.write("one.c", "#include <one.h>\nint one(void) { return ONE; }\n")
    project.write("two.c", "int two(void) { return 2; }\n")
    project.write("early/another.h", "")
    project.write("main.c", "int one(void), two(void);\nint main(void) { return one() - two(); }\n")
    project.write(
        "Makefile",
        "CFLAGS = -O1 -MMD -Iearly -I.\nprog: main.o one.o two.o\n\t$(CC) -o $@ $^\n-include *.d\n",
    )
    project.command = "make"
    project.record()
    assert project.again() == []
    compiles = "cc -O1 -MMD -Iearly -I.   -c -o {0}.o {0}.c"
    project.write("one.h", "#define ONE 2\n")
    executed = [" ".join(one.split()) for one in project.again()]
    assert " ".join(compiles.format("one").split()) in executed
    assert " ".join(compiles.format("two").split()) not in executed
    project.write("early/one.h", "#define ONE 3\n")
    executed = [" ".join(one.split()) for one in project.again()]
    assert sum(" -c -o " in one and one.startswith("cc") for one in executed) == 1
    project.write("Makefile", "CFLAGS = -I.\nprog: main.o one.o two.o\n\t$(CC) -o $@ $^\n")
    project.again()
    assert project.again() == []


def test_python(project: Project) -> None:
    project.write(
        "build.py",
        "import os, pathlib, shutil, subprocess, sys\n"
        "names = sorted(pathlib.Path('in').iterdir())\n"
        "shutil.copytree('in', 'copy')\n"
        "for name in names:\n"
        "    subprocess.run(['cp', name, f'{name.name}.out'], check=True)\n"
        "print(subprocess.check_output(['cat', names[0]]))\n"
        "os.symlink('copy', 'link')\n"
        "pathlib.Path('copy/more').write_text('more')\n",
    )
    project.write("in/a", "first\n")
    project.write("in/b", "first\n")
    project.command = "python3 build.py"
    project.record()
    assert project.again() == []
    project.write("in/b", "other\n")
    assert project.again() == ["python3 build.py", "cp in/b b.out"]
    project.write("in/c", "another\n")
    assert project.again() == ["python3 build.py", "cp in/c c.out"]


@pytest.mark.slow
def test_go(project: Project) -> None:
    need("go")
    project.write("go.mod", "module example.com/it\n\ngo 1.18\n")
    project.write("main.go", 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(1) }\n')
    project.write("other", "one\n")
    project.environment.update(GOCACHE=str(project.folder / "cache"), GOFLAGS="-mod=mod")
    project.environment["PATH"] = "/usr/lib/go/bin:/usr/bin:/bin"
    project.command = (
        "CGO_ENABLED=0 go build -o $out/it . && $out/it; rm -rf ../cache; cp other copy"
    )
    project.record()
    assert project.again() == []
    project.write("other", "two\n")
    assert project.again() == ["cp other copy"]
    project.write("main.go", 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(2) }\n')
    assert any("go build" in one for one in project.again())


def test_ninja(project: Project) -> None:
    need("ninja")
    project.write("build.ninja", "rule cp\n  command = cp $in $out\nbuild b: cp a\nbuild d: cp c\n")
    project.write("a", "first\n")
    project.write("c", "first\n")
    project.command = "ninja -j1; rm -f .ninja_log .ninja_deps; ls"
    project.record()
    project.write("c", "other\n")
    executed = project.again()
    assert any("cp c d" in one for one in executed)
    assert not any("cp a b" in one for one in executed)


def test_without_the_library(project: Project) -> None:
    """Where it isn't preloaded the watcher sees as much."""
    project.preloads = False
    project.write("one.c", '#include "one.h"\nint main(void) { return ONE; }\n')
    project.write("one.h", "#define ONE 0\n")
    project.write("Makefile", "all: one copy\ncopy: other\n\tcp other copy\n")
    project.write("other", "one\n")
    project.command = "make"
    project.record()
    project.again()
    project.write("other", "two\n")
    assert "cp other copy" in project.again()
    project.write("one.h", "#define ONE 1\n")
    assert any(one.startswith("cc") for one in project.again())


def test_a_program_that_fails(project: Project) -> None:
    project.write("a", "first\n")
    project.command = "cp a b; cp nothing c || cp a c; grep -q x a || cp a d; false"
    project.record()
    project.write("a", "other\n")
    executed = project.again()
    assert "cp a b" in executed


def test_a_program_that_is_no_program(project: Project) -> None:
    """The shell runs what the kernel doesn't: a script without a first line for it."""
    project.write("script", "cp a b\n", 0o755)
    project.write("broken", "#!/nowhere/at/all\n", 0o755)
    project.write("a", "first\n")
    project.command = "./script; ./broken || cp a c; PATH=.:/bin:/usr/bin broken || cp a d"
    project.record()
    project.again()
    project.write("a", "other\n")
    assert "cp a b" in project.again()
    project.write("script", "cp a e\n", 0o755)
    assert "cp a e" in project.again()


def test_meson_does_not_go_by_sizes(project: Project) -> None:
    need("meson")
    project.environment.update(PATH="/usr/bin:/bin", CC="cc", PYTHONDONTWRITEBYTECODE="1")
    project.write("meson.build", "project('x', 'c')\nexecutable('x', 'x.c')\n")
    project.write("x.c", "int main(void) { return 0; }\n")
    project.command = "meson setup build >/dev/null && cp x.c $out/ && rm -r build"
    project.record()
    project.write("x.c", "int main(void) { return 7 - 7; }\n")
    executed = project.again()
    assert not any(one.startswith("meson ") for one in executed), executed


def test_go_does_not_go_by_sizes(project: Project) -> None:
    """It asks for the size of each file in a package's folder, and reads those with its names."""
    need("go")
    project.environment["GOFLAGS"] = "-buildvcs=false"
    project.write("go.mod", "module x\n")
    project.write("x.go", "package main\n\nfunc main() { println(1) }\n")
    project.write("README.md", "first\n")
    project.command = "GOCACHE=$TMPDIR/cache go build -o $out/x ."
    project.watched(answers=False)
    project.write("README.md", "longer than before\n")
    project.watched(answers=True)
    assert project.whole() is None
    project.write("x.go", "package main\n\nfunc main() { println(2) }\n")
    project.watched(answers=True)
    assert project.whole() is not None


def test_what_go_starts_is_answered(project: Project) -> None:
    """In a folder that has another name each time: its name is in arguments, paths and files."""
    need("go")
    compiler = shutil.which(f"{os.uname().machine}-linux-gnu-gcc")  # longer than the answer's path
    assert compiler is not None
    project.environment |= {"GOFLAGS": "-buildvcs=false", "CC": compiler}
    project.write("go.mod", "module x\n\ngo 1.18\n")
    main = 'package main\n\nimport "x/sub"\n\nfunc main() {{ println(sub.F({})) }}\n'
    c = 'package sub\n\n// int square(int x);\nimport "C"\n\n'
    project.write("x.go", main.format(2))
    project.write("sub/s.go", c + "func F(n int) int { return int(C.square(C.int(n))) }\n")
    project.write("sub/square.c", "int square(int x) { return x * x; }\n")
    project.command = "export GOCACHE=$TMPDIR/cache; go build -o $out/x . && $out/x"
    project.record()
    assert project.again() == []
    project.write("x.go", main.format(3))
    executed = " ".join(project.again())
    assert "compile -o" in executed
    assert "link -o" in executed
    for answered in ("cgo -objdir", "square.c", "-p x/sub"):
        assert answered not in executed
    project.write("sub/square.c", "int square(int x) { return x * x * x; }\n")
    executed = " ".join(project.again())
    assert "square.c" in executed
    project.write("sub/square.c", "int square(int x) { return x * x; }\n")
    project.write("x.go", main.format(4))
    assert "square.c" not in " ".join(project.again())
