"""Real projects as git repositories, a commit per release, made once and kept in a cache folder.

Archives come by name through the machine's own package clients, as they are configured: `npm pack`
runs nothing; `pip download` runs a source distribution's build backend for its metadata. What they
bring is unpacked below the cache folder and nowhere else.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from benchmarks.projects import Project
from ckpt_git.model.errors import MissingError
from ckpt_git.process import ProcessError, run

# No user's configuration, and the same commit ids everywhere.
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "releases",
    "GIT_AUTHOR_EMAIL": "releases@example.com",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "releases",
    "GIT_COMMITTER_EMAIL": "releases@example.com",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


def git(folder: Path, *arguments: str) -> str:
    """What git prints, run in ``folder`` with nobody's configuration."""
    return run(["git", *arguments], cwd=folder, env=GIT_ENVIRONMENT).stdout.decode().strip()


def repository(project: Project, cache: Path) -> Path:
    """The project's repository, made if it isn't in ``cache``; each message names a release.

    Raises ``MissingError`` where the client isn't there or doesn't bring a release.
    """
    folder = cache / "repositories" / project.name
    if not (folder / ".git").is_dir():
        _make(project, folder, cache / "archives")
    return folder


def releases(folder: Path) -> tuple[str, ...]:
    """The commits of a repository, from the first release to the last."""
    return tuple(git(folder, "rev-list", "--reverse", "HEAD").split())


def _make(project: Project, folder: Path, archives: Path) -> None:
    """Build the repository aside and publish it whole."""
    aside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    git(aside, "init", "--quiet", "--initial-branch=main")
    for version in project.versions:
        archive = _archive(project, version, archives)
        _commit(aside, project, version, archive)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def _commit(folder: Path, project: Project, version: str, archive: Path) -> None:
    """One release as a commit; one that changes nothing here leaves none."""
    for child in folder.iterdir():
        if child.name != ".git":
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
    _unpack(archive, folder, project)
    git(folder, "add", "--all", "--force")
    if git(folder, "status", "--porcelain"):
        git(folder, "commit", "--quiet", f"--message={project.name} of {project.package} {version}")


def _unpack(archive: Path, folder: Path, project: Project) -> None:
    """The members below the project's folder, at the top of ``folder``."""
    with tarfile.open(archive) as tar:
        for member, path in _wanted(tar, project):
            member.name = str(path)
            if member.islnk():
                member.linkname = str(_below(PurePosixPath(member.linkname), project) or path)
            # 0644 and 0755, as git has them: some registries pack other modes.
            member.mode = 0o755 if member.mode & 0o111 else 0o644
            tar.extract(member, folder, filter="data")


def _wanted(
    tar: tarfile.TarFile, project: Project
) -> Iterator[tuple[tarfile.TarInfo, PurePosixPath]]:
    for member in tar.getmembers():
        path = _below(PurePosixPath(member.name), project)
        if path is None or not (member.isfile() or member.issym() or member.islnk()):
            continue
        # A submodule's `.git` file is packed by some; git refuses such a path, rightly.
        left_out = any(fnmatch(str(path), pattern) for pattern in project.leave_out)
        if ".git" not in path.parts and not left_out:
            yield member, path


def _below(path: PurePosixPath, project: Project) -> PurePosixPath | None:
    """``path`` relative to the project's folder, or None outside it."""
    inner = PurePosixPath(*path.parts[1:])
    return inner.relative_to(project.folder) if inner.is_relative_to(project.folder) else None


def _archive(project: Project, version: str, archives: Path) -> Path:
    folder = archives / project.package / version
    if not (found := _archives_in(folder)):
        aside = folder.with_name(f"{version}.part")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        _download(project, version, aside)
        aside.rename(folder)
        found = _archives_in(folder)
    if not found:
        raise MissingError(
            f"{project.package} {version}: {project.client} brought no .tar.gz or .tgz",
            f"take that version out of `versions` in benchmarks/projects.py, or empty {folder}",
        )
    return found[0]


def _archives_in(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.tar.gz"), *folder.glob("*.tgz")])


def _download(project: Project, version: str, folder: Path) -> None:
    name = project.package
    command = {
        "npm": ["npm", "pack", "--silent", f"{name}@{version}"],
        "pip": [
            *("pip", "download", "--quiet", "--no-deps", "--no-binary", name),
            *("--dest", ".", f"{name}=={version}"),
        ],
    }[project.client]
    try:
        run(command, cwd=folder)
    except ProcessError as error:
        raise MissingError(
            f"{project.client} doesn't bring {name} {version}: {error.what}",
            "check that the client reaches its registry",
        ) from error
