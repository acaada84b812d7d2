"""JavaScript projects whose package.json has a ``build`` script: npm, yarn and pnpm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

# What `npm init` writes where a project has no tests.
_NO_TESTS = "no test specified"
_RESULTS = ("dist", "build", "out", "lib", "public", ".next", ".output", "www", "es", "esm", "cjs")
_WORKSPACE_RESULTS = "packages/*/dist packages/*/build apps/*/dist apps/*/build"


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager: its command, and how it brings exactly what its lock file says.

    Install scripts run then, since they are what builds native add-ons and brings what they
    need; they run in the sandbox, as all else. Caches go where the sandbox keeps them.
    """

    name: str
    fetch: str
    locks: tuple[str, ...]


NPM = Manager("npm", "npm ci", ("package-lock.json", "npm-shrinkwrap.json", ".npmrc"))
NPM_UNLOCKED = Manager("npm", "npm install --no-package-lock", (".npmrc",))
YARN = Manager("yarn", "yarn install --frozen-lockfile", ("yarn.lock", ".yarnrc"))
YARN_BERRY = Manager(
    "yarn",
    'YARN_GLOBAL_FOLDER="$XDG_CACHE_HOME/yarn" yarn install --immutable',
    ("yarn.lock", ".yarnrc.yml"),
)
PNPM = Manager(
    "pnpm",
    'pnpm install --frozen-lockfile --store-dir "$XDG_CACHE_HOME/pnpm"',
    ("pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc"),
)


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    manifest = _manifest(tree)
    scripts = _mapping(manifest.get("scripts"))
    if not scripts.get("build"):
        return None
    manager = _manager(tree)
    depends = any(
        manifest.get(key) for key in ("dependencies", "devDependencies", "optionalDependencies")
    )
    tests = scripts.get("test")
    return Proposal(
        kind=manager.name,
        marker="package.json",
        phases={"build": f"{manager.name} run build", "install": _install(tree, manifest)},
        needs=("node", manager.name),
        check=f"{manager.name} test" if tests and _NO_TESTS not in str(tests) else None,
        fetch=manager.fetch if depends or "workspaces" in manifest else None,
        # The manifest too: its own install scripts and overrides take part in what is fetched.
        locks=("package.json", *manager.locks, "patches/**"),
    )


def _manifest(tree: Listing) -> Mapping[str, object]:
    """package.json's content; empty where it is missing or can't be read."""
    try:
        return _mapping(json.loads(tree.text("package.json")))
    except ValueError:
        return {}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _manager(tree: Listing) -> Manager:
    if "pnpm-lock.yaml" in tree:
        return PNPM
    if "yarn.lock" in tree:
        # Yarn 1 says so in its lock file's first lines; later ones write YAML.
        return YARN if "# yarn lockfile v1" in tree.text("yarn.lock") else YARN_BERRY
    return NPM if tree.first(*NPM.locks[:2]) else NPM_UNLOCKED


def _install(tree: Listing, manifest: Mapping[str, object]) -> str:
    """A package that says what is published: that. Another one: the folders its build made,
    which .gitignore names and npm would therefore leave out."""
    says = "files" in manifest or ".npmignore" in tree
    if says and manifest.get("name") and manifest.get("version") and not manifest.get("private"):
        return (
            'mkdir -p "$out" && packed=$(mktemp -d) && '
            'npm pack --ignore-scripts --pack-destination "$packed" && '
            'tar -xzf "$packed"/*.tgz -C "$out" --strip-components=1'
        )
    made = [name for name in _RESULTS if name not in tree.folders()]
    if "workspaces" in manifest or "pnpm-workspace.yaml" in tree:
        made.append(_WORKSPACE_RESULTS)
    copy = 'if [ -d "$d" ]; then cp -Rp --parents "$d" "$out"; fi'
    return f'mkdir -p "$out" && for d in {" ".join(made)}; do {copy}; done'
