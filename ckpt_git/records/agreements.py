"""The agreements of a repository's user: ``.git/ckpt/trusted``, a file for each recipe.

Nothing of it is ever in a tree: nobody else can write it.
"""

from __future__ import annotations

from pathlib import Path

from ckpt_git.kept_files import remove_file
from ckpt_git.model.agreement import Agreement
from ckpt_git.records.files import newest_first, publish_json, writing
from ckpt_git.records.state import State


def find(state: State, digest: str) -> Agreement | None:
    """The agreement to the recipe ``digest``, or None."""
    return _read(state, _file(state, digest))


def keep(state: State, agreement: Agreement) -> None:
    """Remember ``agreement``. Raises ``StoreError``."""
    path = _file(state, agreement.digest)
    publish_json(path, agreement.to_json(), mtime=agreement.agreed)
    with writing(path):
        remove_file(_asked(state, agreement.digest))


def listed(state: State) -> list[Agreement]:
    """All agreements, newest first."""
    read = [_read(state, path) for path in newest_first([_folder(state)], ".json")]
    return [agreement for agreement in read if agreement is not None]


def revoke(state: State, agreement: Agreement) -> None:
    """Forget ``agreement``. Raises ``StoreError``."""
    path = _file(state, agreement.digest)
    with writing(path):
        remove_file(path)


def ask_once(state: State, digest: str) -> bool:
    """Whether nobody was asked about this recipe yet; from now on somebody was."""
    mark = _asked(state, digest)
    with writing(mark):
        mark.parent.mkdir(parents=True, exist_ok=True)
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            return False
    return True


def _read(state: State, path: Path) -> Agreement | None:
    return state.read(path, Agreement.from_json, lambda said: _file(state, said.digest))


def _folder(state: State) -> Path:
    return state.path / "trusted"


def _file(state: State, digest: str) -> Path:
    return _folder(state) / f"{digest}.json"


def _asked(state: State, digest: str) -> Path:
    return _folder(state) / f"{digest}.asked"
