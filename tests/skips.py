"""Which tests may skip, and why: where `SKIPS=listed` is set, as `.ci/run` sets it, any other skip fails the run.

A test that skips holds nothing. What a machine may lack for good stands here, by the test's name; what set-up obtains
(Chromium, Node, PostgreSQL, the packages of npm) and what the run was told of (`QTI_SCHEMAS`) does not.
"""

from __future__ import annotations

import os

import pytest

VARIABLE = "SKIPS"
# What a test's name begins with, and what its reason has in it.
MAY_SKIP = {
    "tests/attacks/test_raising.py": "no disk of one's own can be mounted here",
    "tests/attacks/test_unreadable.py": "root reads whatever the rights say",  # tests/test_as_user.py runs them
    "tests/formats/test_import_roundtrip.py": "the format has nothing like it",  # a cell of a table, not a test
    "tests/grader/test_container.py": "no user namespaces here",
    "tests/grading/test_engine.py": "only root can give up a capability here",
    "tests/kernels/test_cgroups.py": "no control groups here",
    "tests/kernels/test_sandbox.py": "only root can run a part of the tests as somebody else",
    "tests/kernels/test_seccomp.py": "the C library's headers are not installed",
    "tests/hub/test_service.py": "only root can be several users",
    "tests/hub/test_term.py": "only root can be several users",
    "tests/test_as_user.py": "only root can become somebody else",
}


def is_listed(test: str, reason: str) -> bool:
    """Whether a test may skip for this reason."""
    return any(test.startswith(name) and words in reason for name, words in MAY_SKIP.items())


class Skips:
    """Collects the skips of a run, of all its workers, and lets those fail it that are not listed."""

    def __init__(self) -> None:
        self.others: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test ran; under xdist the controller is told of those of its workers."""
        self._look(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module was collected; it may skip as a whole."""
        self._look(report)

    def _look(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            if not is_listed(report.nodeid, reason):
                self.others.append(f"{report.nodeid}: {reason}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """The run fails of them, if of nothing else."""
        if self.others and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name each of them, with its reason."""
        if self.others:
            terminalreporter.section(f"skipped, and not listed in {__name__.replace('.', '/')}.py", red=True)
            for line in self.others:
                terminalreporter.line(line)


def watch(config: pytest.Config) -> None:
    """Watch over the skips of this run, if it was asked for."""
    asked = os.environ.get(VARIABLE, "")
    if asked not in ("", "listed"):
        raise pytest.UsageError(f"{VARIABLE} is {asked}: it may be `listed`, and then no other test may skip.")
    if asked and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skips(), "skips")
