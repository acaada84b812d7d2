"""Traces beside the layers whose builds they are of: ``layers/ID/trace-NUMBER``.

A layer has those of all builds that made its state, oldest first. The older ones are the same
files as in the layer below (hard links): writing one costs what its own build did.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ckpt_git.model.trace import Knowledge, Trace

_MOST = 32  # traces of a layer; then they are put together in one


def load(layer: Path) -> Knowledge:
    """What is known of a layer's state: nothing where one of its traces can't be read."""
    try:
        traces = [Trace.decode(path.read_bytes()) for path in _paths(layer)]
    except (OSError, ValueError):
        return Knowledge()
    return Knowledge(tuple(traces))


def beside(known: Knowledge, trace: Trace, below: Path | None) -> Mapping[str, bytes | Path]:
    """The files of a layer whose build ``trace`` is of, on the one ``below``, of which is
    ``known`` what it is: their content, or the file that they are."""
    if below is None or trace.clean:
        return {_name(0): trace.encode()}
    older = _paths(below) if known else []
    if len(older) >= _MOST:
        return {_name(0): known.with_build(trace).merged().traces[0].encode()}
    files: dict[str, bytes | Path] = {_name(at): path for at, path in enumerate(older)}
    return {**files, _name(len(older)): trace.encode()}


def _name(number: int) -> str:
    return f"trace-{number:03}"


def _paths(layer: Path) -> list[Path]:
    return sorted(layer.glob("trace-*"))
