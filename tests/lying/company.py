"""Several projects in one repository, each as a package of its own: starting a build takes longer
than most of them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.lying.tree import Entry, File, Tree, entry

History = Sequence[Tree]
"""The trees of a project's commits, each with a ckpt.toml of one package ``p``."""


def together(histories: Sequence[History]) -> list[Tree]:
    """Commits that hold all projects. One that has no more commits stays as it is."""
    rounds = max(map(len, histories))
    return [
        _whole([history[min(number, len(history) - 1)] for history in histories])
        for number in range(rounds)
    ]


def package(place: int) -> str:
    """What the project at ``place`` is called among the others."""
    return f"p{place}"


def _whole(trees: Sequence[Tree]) -> Tree:
    whole: dict[str, Entry] = {}
    recipes = []
    for place, tree in enumerate(trees):
        name = package(place)
        recipe = tree["ckpt.toml"]
        assert isinstance(recipe, File)
        head = f'[package.{name}]\nsource = "{name}"'
        recipes.append(recipe.content.decode().replace("[package.p]", head))
        whole |= {f"{name}/{path}": one for path, one in tree.items() if path != "ckpt.toml"}
    return {**whole, "ckpt.toml": entry("".join(recipes))}
