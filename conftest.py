"""What holds for a whole test run: no skip goes unseen where ``CKPT_FORBID_SKIPS`` is set.

A skip is for a machine that lacks something. In CI nothing may be lacking, so there it is a
failure. Two kinds stay skipped, told by how their reason starts. What is for the other kind of
user: CI runs the tests as root and as an ordinary user. And what has to be asked for with a
variable, because it takes too long for each change.

``--sample N`` is for a desk: of each test with more than N sets of parameters it runs N, spread
evenly. CI runs all.

Ctrl-C and hanging up work in the programs that the tests start, also where the test run itself was
started in a shell's background, which has the one ignored (POSIX.1 XCU 2.11), or by nohup.
"""

from __future__ import annotations

import os
import re
import signal
from collections import defaultdict
from collections.abc import Generator

import pytest

_FORBIDDEN = bool(os.environ.get("CKPT_FORBID_SKIPS"))
_OTHER_USER = "an ordinary user" if os.geteuid() == 0 else "root"
_FORGIVEN = re.compile(rf"(?:Skipped: )?(?:needs {_OTHER_USER}\b|CKPT_\w+=\w+ asks for it)")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sample", type=int, metavar="N", help="run at most N sets of parameters of each test"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    number = config.getoption("sample")
    if number is None:
        return
    families: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        families[item.nodeid.partition("[")[0]].append(item)
    kept = {
        family[at * len(family) // number] if len(family) > number else family[at]
        for family in families.values()
        for at in range(min(number, len(family)))
    }
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


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
    if _FORGIVEN.match(reason):
        return
    report.outcome = "failed"
    report.longrepr = f"CKPT_FORBID_SKIPS is set, and this was skipped: {reason}"
