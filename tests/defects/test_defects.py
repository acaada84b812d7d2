"""The faults can be put into the program as it is: else nobody knows whether they are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.defects.__main__ import CHECKOUT, put_into
from tests.defects.defects import DEFECTS, Defect


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_each_can_be_put_in(defect: Defect, tmp_path: Path) -> None:
    copy = tmp_path / defect.file
    copy.parent.mkdir(parents=True)
    copy.write_text((CHECKOUT / defect.file).read_text())
    put_into(tmp_path, defect)
    assert copy.read_text() != (CHECKOUT / defect.file).read_text()
    for tests in defect.tests:
        assert (CHECKOUT / tests).exists()


def test_the_page_names_each_with_its_tests() -> None:
    page = (CHECKOUT / "docs/harnesses.md").read_text()
    for defect in DEFECTS:
        tests = ", ".join(f"`{path}`" for path in defect.tests)
        assert f"| {defect.name} | {tests} |\n" in page
