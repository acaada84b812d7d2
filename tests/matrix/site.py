"""A repository of a sample with its checkpoint, and the two ways to build a commit of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.matrix import outputs
from tests.matrix.samples import Sample
from tests.support import GitRepo, until_on_disk

_UNABLE = re.compile(r"ckpt: (?:error: )?(CKPT_SANDBOX=.*)")
_CLEAN: dict[tuple[str, str], outputs.Output] = {}  # a clean output by sample and tree, once each


class UnableError(Exception):
    """This machine can't do what ``CKPT_SANDBOX`` asks for; says why."""


@dataclass(frozen=True)
class Person:
    """Who runs the commands: ``ids`` is None for ourselves, else another user and group.

    ``python`` starts an interpreter that this person can run, with our packages on ``path``.
    ``programs`` is where the watcher is compiled, once for all sites.
    """

    name: str
    python: str
    path: str
    programs: str
    ids: tuple[int, int] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": self.path, "CKPT_PROGRAMS": self.programs}

    def run(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``command`` as this person, with nobody's configuration; any code is returned."""
        user, group = self.ids if self.ids is not None else (None, None)
        return subprocess.run(
            list(command),
            cwd=cwd,
            env={**_environment(cwd), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            user=user,
            group=group,
            extra_groups=None if self.ids is None else [],
            umask=0o022,
        )

    def checked(self, *command: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
        """What ``command`` printed, less the last line's end. It must end with 0."""
        done = self.run(command, cwd=cwd, env=env)
        assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
        return os.fsdecode(done.stdout).removesuffix("\n")

    def own(self, folder: Path) -> None:
        """Give ``folder`` and all below it to this person."""
        if self.ids is not None:
            subprocess.run(["chown", "-hR", "{}:{}".format(*self.ids), str(folder)], check=True)


@dataclass(frozen=True)
class Setting:
    """One way to build: whose commands, in which sandbox."""

    person: Person
    sandbox: str

    @property
    def environment(self) -> dict[str, str]:
        return {"CKPT_SANDBOX": self.sandbox}


@dataclass(frozen=True)
class Site:
    """A repository at ``folder/repository``, its store, and the commit that is the base."""

    folder: Path
    sample: Sample
    setting: Setting
    base: str = ""

    @classmethod
    def prepared(cls, folder: Path, sample: Sample, setting: Setting) -> Site:
        """A new site whose first commit has its checkpoint; ``restore`` leads back to here.

        Raises ``UnableError`` where this machine can't build in that setting.
        """
        site = cls(folder, sample, setting)
        site.work_tree.path.mkdir(parents=True)
        setting.person.own(folder)
        site.git("init", "-q", "-b", "main")
        base = site.commit(sample.write)
        result = site.ckpt("prepare", base)
        assert result["outcome"] == "passed", Path(result["log"]).read_text(errors="replace")
        assert result["sandbox"] == setting.sandbox
        site = cls(folder, sample, setting, base)
        until_on_disk(folder / "store")
        for name in ("store", "repository/.git/ckpt"):
            site._copy(name, f"kept/{name}")
        return site

    @property
    def work_tree(self) -> GitRepo:
        return GitRepo(self.folder / "repository")

    def restore(self) -> None:
        """Forget every build but that of the base, and bring the work tree back to it."""
        self.git("reset", "-q", "--hard", self.base)
        self.git("clean", "-fdxq")
        for name in ("store", "repository/.git/ckpt"):
            self._copy(f"kept/{name}", name)

    def git(self, *arguments: str) -> str:
        return self.setting.person.checked("git", *arguments, cwd=self.work_tree.path)

    def commit(self, change: Callable[[GitRepo], object]) -> str:
        """Make a change in the work tree and commit it."""
        change(self.work_tree)
        self.setting.person.own(self.work_tree.path)
        script = "git add -A && git commit -q --allow-empty -m change && git rev-parse HEAD"
        return self.setting.person.checked("sh", "-c", script, cwd=self.work_tree.path)

    def stage(self, target: str) -> str:
        """Get ``target`` (``HEAD``, ``index``, ``worktree``) to hold the files; gives their tree.

        For the work tree only new files are staged: what else changed has to be found there.
        """
        self.setting.person.own(self.work_tree.path)
        new = "git ls-files -z --others | git update-index -z --add --replace --stdin"
        scripts = {"HEAD": "git add -A && git commit -q --allow-empty -m edits", "worktree": new}
        script = scripts.get(target, "git add -A")
        person, here = self.setting.person, self.work_tree.path
        person.checked("sh", "-c", script, cwd=here)
        index = {"GIT_INDEX_FILE": str(self.folder / "stage.index")}
        return person.checked("sh", "-c", "git add -A && git write-tree", cwd=here, env=index)

    def ckpt(self, *arguments: str, launcher: Sequence[str] = ("-m", "ckpt_git")) -> dict[str, Any]:
        """The one result that `git ckpt ARGUMENTS --json` prints."""
        person = self.setting.person
        done = person.run(
            [person.python, *launcher, *arguments, "--json"],
            cwd=self.work_tree.path,
            env={
                **person.environment,
                **self.setting.environment,
                "CKPT_STORE": str(self.folder / "store"),
            },
        )
        said = os.fsdecode(done.stderr)
        if done.returncode == 3 and (unable := _UNABLE.match(said)):
            raise UnableError(unable[1])
        ended = f"git ckpt {arguments} ended with {done.returncode}: {said}"
        assert done.returncode in (0, 1), ended
        (result,) = json.loads(done.stdout)["results"]
        assert isinstance(result, dict)
        return result

    def checkpointed(
        self, target: str, *, launcher: Sequence[str] = ("-m", "ckpt_git")
    ) -> outputs.Output:
        """The output of a build of ``target`` that did start from a checkpoint."""
        result = self.ckpt("build", target, "--rebuild", launcher=launcher)
        assert result["outcome"] == "passed", Path(result["log"]).read_text(errors="replace")
        assert result["checkpoint"] is not None, f"built clean: {result['why_clean']}"
        assert result["trace"] == "complete"
        assert result["sandbox"] == self.setting.sandbox
        return outputs.read(Path(result["out"]))

    def clean(self, target: str) -> outputs.Output:
        """The output of the sample's own commands in an empty folder: nothing of ours is run."""
        tree = self.git("rev-parse", f"{target}^{{tree}}")
        if (self.sample.name, tree) not in _CLEAN:
            _CLEAN[self.sample.name, tree] = self._built_clean(tree)
        return _CLEAN[self.sample.name, tree]

    def _built_clean(self, tree: str) -> outputs.Output:
        person, folder = self.setting.person, self.folder / "clean"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "source").mkdir(parents=True)
        person.own(folder)
        places = {
            "GIT_DIR": str(self.work_tree.path / ".git"),
            "GIT_WORK_TREE": str(folder / "source"),
            "GIT_INDEX_FILE": str(folder / "index"),
        }
        person.checked("git", "read-tree", "-u", "--reset", tree, cwd=folder / "source", env=places)
        for phase in self.sample.phases.values():
            person.checked(
                *("sh", "-e", "-c", phase),
                cwd=folder / "source",
                env={"out": str(folder / "out"), "NIX_BUILD_CORES": "2"},
            )
        return outputs.read(folder / "out")

    def _copy(self, origin: str, target: str) -> None:
        """Copy a folder with all that the store relies on: times, modes, attributes. Never into one
        that somebody made meanwhile: what was copied would seem to be gone."""
        person = self.setting.person
        person.checked("rm", "-rf", target, cwd=self.folder)
        person.checked("mkdir", "-p", str(Path(target).parent), cwd=self.folder)
        person.checked("cp", "-aT", "--reflink=auto", origin, target, cwd=self.folder)


def _environment(cwd: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(cwd.parent.parent),
        "GIT_AUTHOR_NAME": "A U Thor",
        "GIT_AUTHOR_EMAIL": "author@example.com",
        "GIT_COMMITTER_NAME": "C O Mitter",
        "GIT_COMMITTER_EMAIL": "committer@example.com",
    }
