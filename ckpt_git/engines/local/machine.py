"""What this machine gives builds: a sandbox, the watcher, paths, a toolchain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_git.engines.local import host, listing
from ckpt_git.engines.local.sandbox import build_paths
from ckpt_git.engines.local.sandbox.capabilities import Abilities, abilities
from ckpt_git.model.errors import CkptError
from ckpt_git.watch import program as watch_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ckpt_git.engines.local.sandbox.build_paths import Place
    from ckpt_git.engines.local.store.store import Store
    from ckpt_git.model.derivation import Derivation
    from ckpt_git.watch.program import Programs


class Machine:
    """This machine with a store on it, and the user's ``environment``. All is found out once."""

    def __init__(self, store: Store, environment: Mapping[str, str]) -> None:
        self.store = store
        self._environment = environment
        self._listings: dict[tuple[str, ...], str] = {}
        self._abilities: Abilities | None = None
        self._found: tuple[Programs | None, str | None] | None = None

    def abilities(self) -> Abilities:
        """Sandbox and layer method. Raises ``MissingError`` where a forced one isn't to be had."""
        if self._abilities is None:
            self.store.open()
            self._abilities = abilities(self.store, self._environment)
        return self._abilities

    def programs(self) -> tuple[Programs | None, str | None]:
        """What watches a build, or why nothing can."""
        if self._found is None:
            try:
                self._found = watch_program.programs(self.store.root), None
            except CkptError as error:
                self._found = None, error.what
        return self._found

    def look_for_programs_again(self) -> None:
        """Forget what was found out about the watcher, why it couldn't be made included."""
        watch_program.forget_refusals(self.store.root)
        self._found = None

    def place(self, drv: Derivation) -> Place:
        """Where ``drv`` is built and installed, as the build sees it."""
        return build_paths.place_of(self.store, drv, self.abilities().sandbox)

    def path(self, inputs: tuple[str, ...]) -> str:
        """The PATH of a build with these declared inputs."""
        base = host.SYSTEM_PATH
        if self.abilities().sandbox == "none":
            base = self._environment.get("PATH", base)
        return host.search_path(inputs, base)

    def listed(self, inputs: tuple[str, ...]) -> str:
        """Digest of the system's programs, libraries and headers, and of ``inputs``."""
        if inputs not in self._listings:
            found = listing.listing(listing.take(self.path(())), inputs)
            self._listings[inputs] = listing.fingerprint(found)
        return self._listings[inputs]
