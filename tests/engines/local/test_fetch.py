"""The one command with a network: what it brings is kept by the lock files."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ckpt_git.engines.local.store import eviction
from ckpt_git.engines.local.store.eviction import Kept
from tests.engines.project import Project, log, python, snapshot, toml_string

_GET = (
    "import urllib.request, sys; "
    "print(urllib.request.urlopen('http://127.0.0.1:{port}/' + open('deps.lock').read().strip())"
    ".read().decode())"
)


@dataclass
class Registry:
    """A server on this host that answers with the path, and the paths it was asked for."""

    port: int
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def registry() -> Iterator[Registry]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"fetched {self.path}".encode())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Registry(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetching(shut_in: Project, registry: Registry) -> Project:
    """A project that needs something from ``registry``."""
    get = python(_GET.format(port=registry.port))
    shut_in.toml(
        f"! {get} 2>/dev/null; cat deps/it source >built",
        install="cp built $out/",
        fetch=toml_string(f"mkdir -p deps; {get} >deps/it; echo cached >$NIX_BUILD_TOP/cached"),
        locks='["deps.lock"]',
    )
    shut_in.repo.commit(files={"deps.lock": "v1\n", "source": "1\n"})
    return shut_in


def test_what_was_fetched_is_kept_until_a_lock_file_changes(
    fetching: Project, registry: Registry
) -> None:
    first = fetching.passes()
    assert (first.output / "built").read_text() == "fetched /v1\n1\n"
    fetching.repo.commit(files={"source": "2\n"})
    fetching.as_clean()
    assert registry.asked == ["/v1"]
    fetching.repo.commit(files={"deps.lock": "v2\n"})
    changed = fetching.as_clean()
    assert (changed.output / "built").read_text() == "fetched /v2\n2\n"
    fetching.repo.commit(files={"deps.lock": "v1\n"})
    fetching.as_clean()
    assert registry.asked == ["/v1", "/v2"]


def test_a_fetch_that_fails_is_told_and_tried_again(fetching: Project, registry: Registry) -> None:
    toml = fetching.repo.path / "ckpt.toml"
    whole = toml.read_text()
    toml.write_text(whole.replace("mkdir -p deps; ", "echo no server; exit 4; "))
    record = fetching.build()
    assert not record.passed
    assert (record.failed_phase, record.reason) == ("fetch", "fetch ended with 4")
    assert "no server" in log(record)
    toml.write_text(whole)
    assert fetching.passes().passed
    assert registry.asked == ["/v1"]


def test_damage_to_what_was_fetched_is_noticed(fetching: Project, registry: Registry) -> None:
    fetching.passes()
    (fetched,) = fetching.store.entries.glob("f*-*")
    (fetched / "fs" / "source" / "deps" / "it").write_text("damaged\n")
    clean = fetching.passes(clean=True)
    assert (clean.output / "built").read_text() == "fetched /v1\n1\n"
    assert registry.asked == ["/v1", "/v1"]


def test_fetching_twice_at_once(fetching: Project, registry: Registry) -> None:
    started = [fetching.start("build", "--rebuild") for _ in range(3)]
    said = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert 1 <= len(registry.asked) <= 3


@pytest.mark.parametrize("link", ["rm -rf folder; ln -s {outside} folder", "ln -s {outside} deps"])
def test_a_fetch_that_leaves_links_has_nothing_outside_deleted(
    fetching: Project, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("outside")
    toml = fetching.repo.path / "ckpt.toml"
    get_rid = link.format(outside=outside)
    toml.write_text(toml.read_text().replace("mkdir -p deps; ", f"{get_rid}; mkdir -p deps || :; "))
    fetching.repo.commit(files={"folder/file": "inside"})
    before = snapshot(outside)
    fetching.build()
    assert snapshot(outside) == before


def test_a_fetch_that_replaces_its_source_folder_is_refused_in_one_line(
    fetching: Project, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "source").write_text("outside")
    fetching.toml("true", fetch=toml_string(f"cd ..; rm -rf source; ln -s {outside} source"))
    code, _, said = fetching.run("build")
    assert code == 2
    assert "`fetch` replaced its source folder" in said.splitlines()[-1]
    assert (outside / "source").read_text() == "outside"


@pytest.mark.parametrize("method", ["overlay", "copy"])
def test_what_was_fetched_is_as_it_was_for_each_build(fetching: Project, method: str) -> None:
    """Whatever a build does to it."""
    project = fetching.setting(CKPT_LAYERS=method)
    toml = project.repo.path / "ckpt.toml"
    spoils = "cat deps/it source >built; echo spoilt >>deps/it; rm $NIX_BUILD_TOP/cached"
    toml.write_text(toml.read_text().replace("cat deps/it source >built", spoils))
    for content in ("1\n", "2\n"):
        project.repo.commit(files={"source": content})
        record = project.passes()
        assert (record.output / "built").read_text() == f"fetched /v1\n{content}"
    assert project.from_checkpoint().answered > 0


def test_what_was_fetched_last_is_kept(
    fetching: Project, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says that it is wanted; the next build needs it all the same."""
    monkeypatch.setattr(eviction, "KEPT_FETCHED", 1)
    for lock in ("v1\n", "v2\n"):
        fetching.repo.commit(files={"deps.lock": lock})
        fetching.passes()
    owner = fetching.entry().owner
    nothing = Kept(frozenset(), frozenset(), frozenset(), frozenset([owner]))
    eviction.sweep(fetching.store, lambda _: nothing, 1 << 40)
    for lock in ("v2\n", "v1\n"):
        fetching.repo.commit(files={"deps.lock": lock})
        fetching.passes(clean=True)
    assert registry.asked == ["/v1", "/v2", "/v1"]
