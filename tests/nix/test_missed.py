"""Where a bare incremental build is wrong by itself, a checkpointed one is what a clean one is."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

import pytest

from tests.builds.wrong_by_itself import CASES, Case
from tests.nix.project import Pair
from tests.nix.store import Built, NixStore

# git alone converts files; a folder of Nix has its bytes as they are. And there make isn't asked
# which commands name a file that changed: the README says so among the limits.
_OUTSIDE = {".gitattributes", "tools/say.sh", "program.map"}
_CASES = [case for case in CASES if _OUTSIDE.isdisjoint(case.change)]


def _contents(built: Built) -> dict[str, bytes]:
    own = str(built.path).encode()
    return {
        str(file.relative_to(built.path)): file.read_bytes().replace(own, b"OUT")
        for file in built.path.rglob("*")
        if file.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_equals_a_clean_build(case: Case, pair: Callable[..., Pair], nix: NixStore) -> None:
    commands: dict[str, str] = tomllib.loads(case.config)["package"]["p"]
    hooks = {"configure": "Configure", "build": "Build", "install": "Install"}
    made = pair(
        dict(case.files),
        {
            f"{name}Phase": f"runHook pre{hooks[name]}\n(\n{text}\n)\nrunHook post{hooks[name]}"
            for name, text in commands.items()
        },
    )
    for path, content in case.change.items():
        if content is None:
            made.changed.remove(path)
        else:
            made.changed.write(path, content)
    built = made.checkpointed(nix)
    assert built.used or built.why_clean
    assert _contents(built) == _contents(made.clean(nix))
