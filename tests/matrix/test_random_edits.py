"""Random edits, step upon step: what was built with a memory is what a clean build gives.

The same sequences each time, so that a failure is news and not weather; ``CKPT_MATRIX=full``
draws new ones, and many more. The last tests spoil the watcher and expect to be told.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.matrix import faulty
from tests.matrix.conftest import MakeSite
from tests.matrix.edits import Edits
from tests.matrix.samples import CMAKE, FAULTY, MAKE, Sample
from tests.matrix.test_matrix import BEST, FULL

pytestmark = pytest.mark.slow

_SLOW = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not FULL,
    database=None,
    print_blob=False,
)


def _edits(site: MakeSite, sample: Sample, launcher: tuple[str, ...] | None = None) -> type[Edits]:
    attributes: dict[str, object] = {"place": site(sample, "self", BEST)}
    if launcher is not None:
        attributes["launcher"] = launcher
    return type("EditsHere", (Edits,), attributes)


@pytest.mark.parametrize(
    ("sample", "examples"), [(MAKE, 8), (CMAKE, 4), (FAULTY, 5)], ids=["make", "cmake", "faulty"]
)
def test_any_sequence_of_edits(site: MakeSite, sample: Sample, examples: int) -> None:
    chosen = settings(
        _SLOW, max_examples=200 if FULL else examples, stateful_step_count=40 if FULL else 20
    )
    run_state_machine_as_test(_edits(site, sample), settings=chosen)


@pytest.mark.parametrize("fault", [fault for fault in faulty.FAULTS if fault != "none"])
def test_a_fault_is_noticed(site: MakeSite, fault: str, tmp_path: Path) -> None:
    """Without shrinking: that something is wrong is all that is asked."""
    chosen = settings(_SLOW, max_examples=50, stateful_step_count=20, phases=[Phase.generate])
    with pytest.raises(AssertionError, match="differs from a clean build"):
        run_state_machine_as_test(_edits(site, MAKE, _launcher(fault, tmp_path)), settings=chosen)


def test_the_faulty_program_is_right_without_a_fault(site: MakeSite, tmp_path: Path) -> None:
    """What the faults are put into isn't itself the fault."""
    chosen = settings(_SLOW, max_examples=1, stateful_step_count=10)
    run_state_machine_as_test(_edits(site, MAKE, _launcher("none", tmp_path)), settings=chosen)


def _launcher(fault: str, tmp_path: Path) -> tuple[str, ...]:
    faulty.spoil(fault, tmp_path / "watch")
    return (str(Path(faulty.__file__)), str(tmp_path / "watch"))
