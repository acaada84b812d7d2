"""The one list of the modules that are imported only when they are first used, and why.

A start is part of every hook and every build, and reading all of the program would take longer than
most of them. The modules of ``LAZY`` are imported at the top of a file like any other; they are
found, read and run when something of them is used. ``from ckpt_git.builds.checks import verify``
costs nothing until ``verify.verify(…)``, while ``from MODULE import NAME`` uses the module at once.

Mercurial's ``demandimport`` does the same. So does ``importlib.util.LazyLoader``, which isn't for
threads before Python 3.12.
"""

from __future__ import annotations

import sys
from _thread import RLock  # what `threading` gives, without its import
from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_REASONS: Mapping[str, Sequence[str]] = {
    "each command needs its own": (
        "ckpt_git.cli.command_line",
        "ckpt_git.cli.commands.bisect",
        "ckpt_git.cli.commands.build",
        "ckpt_git.cli.commands.log",
        "ckpt_git.cli.commands.pre_push",
        "ckpt_git.cli.commands.rebase_checkpoint",
        "ckpt_git.cli.commands.replay",
        "ckpt_git.cli.commands.run",
        "ckpt_git.cli.commands.set_up.demo",
        "ckpt_git.cli.commands.set_up.doctor",
        "ckpt_git.cli.commands.set_up.gc",
        "ckpt_git.cli.commands.set_up.init",
        "ckpt_git.cli.commands.set_up.trust",
        "ckpt_git.cli.commands.status",
        "ckpt_git.cli.commands.watch",
        "ckpt_git.cli.commands.why",
        "ckpt_git.cli.errors",
        "ckpt_git.cli.hook",
        "ckpt_git.cli.open_context",
        "ckpt_git.cli.output.streams",
        "ckpt_git.cli.panels.build",
        "ckpt_git.cli.panels.look",
        "ckpt_git.cli.panels.set_up",
        "ckpt_git.cli.short_build",
        "ckpt_git.builds.history.affected_commands",
        "ckpt_git.builds.history.executed_commands",
        "ckpt_git.builds.prefetch",
        "ckpt_git.git.hooks.install",
    ),
    "a hook builds nothing itself, and a push of what is known builds nothing": (
        "ckpt_git.builds.attempt",
        "ckpt_git.builds.background.build_request",
        "ckpt_git.builds.background.builder",
        "ckpt_git.builds.background.detach",
        "ckpt_git.builds.build",
        "ckpt_git.builds.checks.trust",
        "ckpt_git.cli.output.live",
        "ckpt_git.engines.local.artifacts",
        "ckpt_git.engines.local.build",
        "ckpt_git.engines.local.engine",
        "ckpt_git.engines.local.fetch",
        "ckpt_git.engines.local.job",
        "ckpt_git.engines.local.observations",
        "ckpt_git.engines.local.store.entries",
        "ckpt_git.engines.local.store.fixed_inputs",
        "ckpt_git.engines.local.store.locks",
        "ckpt_git.engines.local.store.outputs",
        "ckpt_git.engines.local.store.seal",
        "ckpt_git.engines.local.store.store",
        "ckpt_git.engines.local.store.toolchains",
        "ckpt_git.engines.local.store.workspaces",
        "ckpt_git.engines.protocol",
        "ckpt_git.git.objects.diffs",
        "ckpt_git.git.worktree.materialise",
        "ckpt_git.git.worktree.snapshot",
        "ckpt_git.model.change_weight",
        "ckpt_git.model.checkpoint",
        "ckpt_git.model.config.ckpt_toml",
        "ckpt_git.model.follow_policy",
        "ckpt_git.records.checkpoints",
        "ckpt_git.records.costs",
        "ckpt_git.records.results",
        "ckpt_git.watch.memory_file",
        "ckpt_git.watch.memory_form",
        "ckpt_git.watch.program",
        "ckpt_git.watch.session",
    ),
    "it is read while the build's commands run": ("ckpt_git.builds.finish",),
    "few builds need it": (
        "ckpt_git.builds.background.idle",
        "ckpt_git.builds.background.notices",
        "ckpt_git.builds.checkpoints.distrust",
        "ckpt_git.builds.checkpoints.follow_cost",
        "ckpt_git.builds.checkpoints.store_budget",
        "ckpt_git.builds.checks.untracked",
        "ckpt_git.builds.checks.verify",
        "ckpt_git.engines.local.examine",
        "ckpt_git.engines.local.listing",
        "ckpt_git.engines.local.sandbox.build_paths",
        "ckpt_git.engines.local.sandbox.launch",
        "ckpt_git.engines.local.sandbox.probe",
        "ckpt_git.engines.local.store.objects",
        "ckpt_git.folders",
        "ckpt_git.git.objects.notes",
        "ckpt_git.git.objects.object_folder",
        "ckpt_git.git.worktree.attributes",
        "ckpt_git.git.worktree.submodules",
        "ckpt_git.model.config.nix_recipe",
        "ckpt_git.model.config.toml_lines",
        "ckpt_git.records.files",
        "ckpt_git.records.lock",
        "ckpt_git.records.queue",
    ),
    "it imports GitPython": ("ckpt_git.git.objects.commits",),
    "2 to 12 ms of the standard library that few starts need": (
        "ctypes",
        "difflib",
        "glob",
        "json",
        "shutil",
        "subprocess",
        "tempfile",
        "traceback",
    ),
}

LAZY: Mapping[str, str] = {name: why for why, names in _REASONS.items() for name in names}
"""Why each is imported late, by the module's name."""

_LAZY = "__lazy__"
"""The name of a module's lazy loader in it, as long as it has not run."""


class _LazyModule(ModuleType):
    """A module that has not run yet. Python's import system sets and reads its dunder names."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__") or name == "__path__":
            load(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("__"):
            load(self)  # which would set it to something else afterwards
        ModuleType.__setattr__(self, name, value)


class _LazyLoader:
    """Makes a module that runs when it is used: importlib.abc.Loader."""

    def __init__(self, path: Sequence[str] | None) -> None:
        self._path = path
        self._lock = RLock()
        self._is_running = False

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _LazyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing yet: from here on a use has it run."""
        module.__dict__[_LAZY] = self

    def run(self, module: ModuleType) -> None:
        """Run ``module``, once. Other threads wait for that; what it imports itself sees what
        there is of it so far, as in any import."""
        with self._lock:
            if _LAZY not in module.__dict__ or self._is_running:
                return
            self._is_running = True
            try:
                spec = self._found(module.__name__)
                module.__spec__, module.__loader__ = spec, spec.loader
                module.__package__, module.__file__ = spec.parent, spec.origin
                if spec.submodule_search_locations is not None:
                    module.__path__ = spec.submodule_search_locations
                spec.loader.exec_module(module)
                del module.__dict__[_LAZY]
                module.__class__ = ModuleType
            finally:
                self._is_running = False

    def _found(self, name: str) -> Any:
        for finder in _other_finders():
            spec = finder.find_spec(name, self._path, None)
            if spec is not None:
                return spec
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class _LazyFinder:
    """Stands before the finders of Python's own: importlib.abc.MetaPathFinder."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, _target: object = None) -> Any:
        return ModuleSpec(name, _LazyLoader(path)) if name in LAZY else None  # type: ignore[arg-type]


def _other_finders() -> Iterator[Any]:
    return (finder for finder in sys.meta_path if finder is not _LazyFinder)


def install() -> None:
    """Make the later imports of this process lazy, for the modules in ``LAZY``."""
    if _LazyFinder not in sys.meta_path:
        sys.meta_path.insert(0, _LazyFinder)


def load(module: ModuleType) -> None:
    """Read and run a lazy module now, where that is known to be needed. Raises what it raises."""
    lazy = module.__dict__.get(_LAZY)
    if lazy is not None:
        lazy.run(module)
