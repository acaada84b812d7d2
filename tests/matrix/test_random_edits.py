"""Random edits, step upon step: what was built from a checkpoint is what a clean build gives.

The same sequences each time, so that a failure is news and not weather; ``CKPT_MATRIX=full``
draws new ones, and many more. The last tests spoil one step of the engine and expect to be told.
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
    attributes: dict[str, object] = {"place": site(sample, "self", *BEST)}
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


_SPOILED = [name for name in faulty.FAULTS if name not in {"none", "rules off"}]


@pytest.mark.parametrize("fault", _SPOILED)
def test_a_fault_is_noticed(site: MakeSite, fault: str) -> None:
    """By a difference, or by the engine itself, which asks make what it would run.

    Without shrinking: that something is wrong is all that is asked.
    """
    noticed = "differs from a clean build|built clean: make would not run"
    launcher = (str(Path(faulty.__file__)), fault)
    chosen = settings(_SLOW, max_examples=50, stateful_step_count=20, phases=[Phase.generate])
    with pytest.raises(AssertionError, match=noticed):
        run_state_machine_as_test(_edits(site, MAKE, launcher), settings=chosen)


def test_without_the_rules_a_faulty_makefile_is_noticed(site: MakeSite) -> None:
    launcher = (str(Path(faulty.__file__)), "rules off")
    chosen = settings(_SLOW, max_examples=50, stateful_step_count=20, phases=[Phase.generate])
    with pytest.raises(AssertionError, match="differs from a clean build"):
        run_state_machine_as_test(_edits(site, FAULTY, launcher), settings=chosen)


def test_the_faulty_program_is_right_without_a_fault(site: MakeSite) -> None:
    """What the faults are put into isn't itself the fault."""
    launcher = (str(Path(faulty.__file__)), "none")
    chosen = settings(_SLOW, max_examples=1, stateful_step_count=10)
    run_state_machine_as_test(_edits(site, MAKE, launcher), settings=chosen)
