"""What an action works in: the repository, its state, the engines, the user's surroundings."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ckpt_git.engines import engine as make_engine
from ckpt_git.git.repository import Repository
from ckpt_git.model.config import ckpt_toml
from ckpt_git.model.derivation import Derivation, Source
from ckpt_git.model.errors import CkptError, ConfigError, RepositoryError
from ckpt_git.model.report.display_names import CONFIG_NAME
from ckpt_git.model.target import Target
from ckpt_git.records.state import State

if TYPE_CHECKING:
    from ckpt_git.builds.prefetch import Prefetched
    from ckpt_git.deferred import Deferred
    from ckpt_git.engines.protocol import Engine
    from ckpt_git.model.config.packages import Config, Package

T = TypeVar("T")


@dataclass(frozen=True)
class Context:
    """Everything from outside that an action needs, gathered once at the edge."""

    repo: Repository
    state: State
    store: Path
    home: Path
    environment: Mapping[str, str]
    _engines: dict[str, Engine] = field(default_factory=dict, repr=False)
    _configs: dict[str, Config | None] = field(default_factory=dict, repr=False)
    _prefetched: list[Prefetched] = field(default_factory=list, repr=False)
    _prefetched_configs: dict[str, Deferred[bytes | None]] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Context:
        """The context of the repository around ``cwd``. Raises ``RepositoryError``."""
        env = os.environ if environment is None else environment
        return cls._in(Repository.discover(cwd), env)

    @classmethod
    def open_prefetched(cls, begun: Prefetched) -> Context:
        """The context of the repository around the current folder, which is being looked up.
        Raises ``RepositoryError``."""
        opened = cls._in(begun.repository.value(), os.environ)
        opened._prefetched.append(begun)
        return opened

    @classmethod
    def _in(cls, repo: Repository, env: Mapping[str, str]) -> Context:
        home = Path(env.get("HOME") or Path.home())
        return cls(repo, State(repo.state), store_path(repo, home, env), home, env)

    @classmethod
    def open_shared(cls, common_dir: Path) -> Context:
        """The context of what all work trees of a repository share, without a work tree. Raises
        ``RepositoryError``."""
        opened = cls.open(common_dir)
        return replace(opened, repo=opened.repo.without_work_tree())

    @classmethod
    def open_asked(cls, root: Path, common_dir: Path) -> Context:
        """The context of the work tree at ``root``. If it was removed, or another one is there now,
        the context of what the work trees share. Raises ``CkptError``."""
        with suppress(CkptError, OSError):
            opened = cls.open(root)
            repo = opened.repo
            place = repo.top or repo.git_dir
            if place.samefile(root) and repo.common_dir.samefile(common_dir):
                return opened
        return cls.open_shared(common_dir)

    def engine(self, name: str = "local") -> Engine:
        """The engine of that name; one of each, as it knows what it has found out."""
        if name not in self._engines:
            self._engines[name] = make_engine(name, self.store, self.state.path, self.environment)
        return self._engines[name]

    def target(self, name: str) -> Target:
        """See ``Repository.target``. A target that was prefetched is used once: the next snapshot
        is another one."""
        begun = self._prefetched.pop() if self._prefetched else None
        if begun is None or begun.name != name:
            return self.repo.target(name)
        target = begun.target.value()
        self._prefetched_configs[target.tree] = begun.config
        return target

    def current(self) -> Target:
        """The tree that questions without a TARGET are about: the work tree's; HEAD's where there
        is none, or none can be had (in the midst of a conflict)."""
        if self.repo.top is not None:
            with suppress(RepositoryError):
                return self.repo.target("worktree")
        return self.repo.target("HEAD")

    def warm_up(self) -> None:
        """Begin what any build needs and what takes a while, beside what comes before it."""
        self.engine()

    def config(self, tree: str) -> Config:
        """What ``ckpt.toml`` says for ``tree``. Raises ``ConfigError`` where there is none."""
        found = self.find_config(tree)
        if found is None:
            raise ConfigError(
                f"no {CONFIG_NAME} in {self.repo.top or self.repo.git_dir}",
                "`git ckpt init` writes one",
            )
        return found

    def find_config(self, tree: str) -> Config | None:
        """``ckpt.toml`` of the tree that is built; where it has none, that of the work tree:
        an old commit, or a file that the user keeps to themselves."""
        if tree not in self._configs:
            begun = self._prefetched_configs.pop(tree, None)
            data = self.repo.read(tree, CONFIG_NAME) if begun is None else begun.value()
            self._configs[tree] = self.parsed_config(data)
        return self._configs[tree]

    def parsed_config(self, data: bytes | None) -> Config | None:
        """What a tree's ``ckpt.toml`` says, given what it holds; see ``find_config`` for None."""
        where = CONFIG_NAME
        if data is None and self.repo.top is not None:
            data = read_config(self.repo.top / CONFIG_NAME)
        return None if data is None else ckpt_toml.parse(ckpt_toml.decode(data, where), where=where)

    def derivation(self, package: Package, tree: str) -> Derivation:
        """What building ``package`` from ``tree`` means here."""
        source = Source(self.repo.common_dir, tree, package.source)
        return package.derivation(source, home=self.home)


def read_config(path: Path) -> bytes | None:
    """What the user's file at ``path`` holds, no more of it than is parsed; None where there is
    none. Raises ``ConfigError`` for what is no file, and never waits for one who writes."""
    try:
        with open(path, "rb", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(f"{path} is no file", "write it as a file")
            return file.read(ckpt_toml.LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def in_what_is_left(context: Context, act: Callable[[Context], T]) -> T:
    """What ``act`` returns in ``context``. Where it fails as someone removes the work tree, it is
    called once more, in what the work trees share. Raises what ``act`` raises."""
    try:
        return act(context)
    except (CkptError, OSError):
        if not context.repo.is_gone:
            raise
    return act(Context.open_shared(context.repo.common_dir))


def store_path(repo: Repository, home: Path, environment: Mapping[str, str]) -> Path:
    """The store's folder: ``CKPT_STORE``, else git's ``ckpt.store``, else the cache folder
    (XDG Base Directory Specification, which has a relative one ignored)."""
    named = environment.get("CKPT_STORE") or repo.settings().get("store")
    if named:
        expanded = home / named[2:] if named.startswith("~/") else Path(named)
        # One store from wherever one calls: a relative path is so from the repository's top.
        return Path(os.path.normpath((repo.top or repo.git_dir) / expanded))
    cache = Path(environment.get("XDG_CACHE_HOME") or "")
    return (cache if cache.is_absolute() else home / ".cache") / "ckpt-git"
