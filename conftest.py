"""What holds for a whole test run: no skip goes unseen where ``CKPT_FORBID_SKIPS`` is set.

A skip is for a machine that lacks something. In CI nothing may be lacking, so there it is a
failure. Only what is for the other kind of user stays skipped: CI runs the tests as root and
as an ordinary user, and a reason that starts so says which of the two runs a test is for.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

_FORBIDDEN = bool(os.environ.get("CKPT_FORBID_SKIPS"))
_FOR_THE_OTHER_USER = "needs an ordinary user" if os.geteuid() == 0 else "needs root"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not _FORBIDDEN or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if reason.removeprefix("Skipped: ").startswith(_FOR_THE_OTHER_USER):
        return
    report.outcome = "failed"
    report.longrepr = f"CKPT_FORBID_SKIPS is set, and this was skipped: {reason}"
