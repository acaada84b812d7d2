"""What the engine keeps of its builds, below ``.git/ckpt/nix/kept/PACKAGE/ID``.

out, out-NAME                 links that Nix takes for roots: the outputs stay in its store, the
                              checkpoint among them where it is one of them
checkpoint, checkpoint-NAME   the same for a checkpoint that was made by a build of its own
manifest                      of the tree that was built (git ls-tree's form)
meta.json                     what there is; written last: without it a build isn't whole
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ckpt_git.engines.files import decode_manifest, encode_manifest, new_id, writing
from ckpt_git.engines.nix.tools import Nix
from ckpt_git.folders import remove
from ckpt_git.kept_files import decode_json, encode_json, read_kept, replace
from ckpt_git.model.errors import StoreError
from ckpt_git.model.source_diff import Manifest

_GRACE = 600.0  # seconds: a younger build may be about to be made known
_LONGEST_BUILD = 7 * 86400.0  # seconds
_KEPT_WITHOUT = 8


@dataclass(frozen=True, slots=True)
class Meta:
    """What is kept of a build. ``outputs`` are store paths by name; ``main`` is the name of the
    one that is meant where one is meant. ``options`` and ``store`` are those of ``Nix``."""

    tree: str
    recipe: str
    clean: bool
    main: str
    outputs: Mapping[str, str]
    checkpoint: str | None
    options: tuple[str, ...]
    store: str | None

    def nix(self, variables: Mapping[str, str]) -> Nix:
        """The Nix that the build was made with."""
        return Nix(variables, self.options, self.store)


class Kept:
    """The builds of one repository, whose ``.git/ckpt`` is ``state``."""

    def __init__(self, state: Path) -> None:
        self.root = state / "nix" / "kept"

    @contextmanager
    def new(self, package: str) -> Iterator[Path]:
        """The folder of a new build, at its last place, as the roots in it go by their path.
        Removed again where no ``publish`` follows."""
        self._sweep(package)
        entry = self.root / package / new_id()
        with writing(entry):
            entry.mkdir(parents=True)
        try:
            yield entry
        finally:
            if not (entry / "meta.json").exists():
                remove(entry)

    def publish(self, entry: Path, meta: Meta, manifest: Manifest) -> None:
        """Keep the build in ``entry``. Raises ``StoreError``."""
        with writing(entry):
            (entry / "manifest").write_bytes(encode_manifest(manifest))
            aside = entry / "meta.json.new"
            aside.write_bytes(encode_json(asdict(meta)))
            replace(aside, entry / "meta.json")

    def meta(self, package: str, name: str) -> Meta | None:
        """What is kept of a build, or None where it isn't whole."""
        try:
            data = decode_json(read_kept(self.root / package / name / "meta.json"))
            return Meta(**{**data, "options": tuple(data["options"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def all(self, package: str = "*") -> Iterator[Meta]:
        for entry in self.root.glob(f"{package}/*"):
            found = self.meta(entry.parent.name, entry.name)
            if found is not None:
                yield found

    def has_clean(self, package: str, tree: str, recipe: str) -> bool:
        """Whether a clean build of that tree was kept."""
        wanted = (tree, recipe, True)
        return any((m.tree, m.recipe, m.clean) == wanted for m in self.all(package))

    def has_built(self, nix: Nix) -> bool:
        """Whether a build by that Nix is kept: its store was there then."""
        return any((m.options, m.store) == (nix.options, nix.store) for m in self.all())

    def with_output(self, out: Path) -> Meta | None:
        """The build that installed ``out``."""
        for meta in self.all():
            if any(path.endswith(f"/{out.name}") for path in meta.outputs.values()):
                return meta
        return None

    def manifest(self, package: str, name: str) -> Manifest:
        """The manifest of the tree that was built. Raises ``StoreError``."""
        path = self.root / package / name / "manifest"
        try:
            return decode_manifest(read_kept(path))
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} can't be read: {error}") from error

    def drop(self, package: str, name: str) -> None:
        """Let go of a build: Nix may collect what it made."""
        remove(self.root / package / name)

    def keep_only(self, package: str, names: Iterable[str]) -> list[Meta]:
        """Let go of a package's other checkpoints, but of young ones; what was let go of. What is
        no checkpoint, or none yet, is `_sweep`'s."""
        kept = set(names)
        gone = []
        for entry in (self.root / package).glob("*"):
            meta = self.meta(package, entry.name)
            if meta is None or meta.checkpoint is None or entry.name in kept:
                continue
            if _age(entry) > _GRACE:
                remove(entry)
                gone.append(meta)
        return gone

    def _sweep(self, package: str) -> None:
        """Remove what killed builds left, and of builds without a checkpoint all but the newest:
        of those nobody else keeps count."""
        without = []
        for entry in (self.root / package).glob("*"):
            meta = self.meta(package, entry.name)
            if meta is None and _age(entry) > _LONGEST_BUILD:
                remove(entry)
            elif meta is not None and meta.checkpoint is None:
                without.append(entry)
        for entry in sorted(without, key=_age)[_KEPT_WITHOUT:]:
            remove(entry)


def _age(folder: Path) -> float:
    with suppress(FileNotFoundError):
        return time.time() - folder.stat().st_mtime
    return 0.0
