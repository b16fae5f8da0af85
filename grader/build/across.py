"""The proof that checks check, across processes: the same answers in a sandboxed kernel meet the same checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from grader.build.notebooks import graded_code, source_notebook
from grader.cells import imports_of
from grader.checks.across import Across
from grader.checks.registry import Check, LabChecks
from grader.checks.running import Outcome, run_check
from grader.kernels.client import Kernel
from grader.kernels.environments import Environment, NoKernelError, kernel_of
from grader.kernels.launch import Zygote, lab_zygote, wait_until_ready
from grader.kernels.limits import Limits
from grader.kernels.notebook_kernel import NotebookKernel
from grader.course.paths import Course
from grader.course.settings import load_settings

PATIENT = Limits(submission_seconds=1800.0, cpu_seconds=1800, restarts=1000)


@dataclass
class AcrossProcesses:
    """How many checks ran in kernels, and what fell short."""

    runs: int = 0
    failures: list[str] = field(default_factory=list)


def verify_across(
    course: Course, lab: str, checks: LabChecks, secret: bytes, progress: Callable[[str], None]
) -> AcrossProcesses:
    """Check the solution, the blank release and every wrong answer in kernels.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
        NoKernelError: the kernel that the lab asks for is not installed here, or is no plain Python.
    """
    found = AcrossProcesses()
    if not checks.checks:
        return found
    source = source_notebook(course, lab)
    release = nbformat.read(course.labs / lab / f"{lab}.ipynb", as_version=4)
    fixtures = course.solutions / lab / "fixtures.py"
    recipes = fixtures.read_text(encoding="utf-8") if fixtures.exists() else ""

    def outcome(check: Check, kernel: NotebookKernel) -> Outcome:
        found.runs += 1
        progress(f"{check.name} in a kernel")
        return run_check(check, lab, Across(kernel, checks.fixtures, recipes), secret)

    python = _environment(lab, release)
    zygotes = lab_zygote(imports_of(release), load_settings(course.root), python=python, hidden=[course.root])
    with wait_until_ready(zygotes) as zygote:
        blank = _notebook(zygote, release)
        passed = [check.name for check in checks.checks if outcome(check, blank).passed]
        found.failures += [f"{name}: the blank release passes it in a kernel" for name in passed]
        blank.close()
        kernel = _notebook(zygote, source)
        for check in checks.checks:
            got = outcome(check, kernel)
            if not got.passed:
                found.failures.append(f"{check.name}: the solution misses it in a kernel: {got.fault or got.reason}")
        cells = dict(graded_code(source))
        catchers = {check.name: check for check in checks.checks}
        for answer in checks.wrong:
            kernel.run(answer.source, answer.name)
            got = outcome(catchers[answer.caught_by], kernel)
            if got.passed or answer.hint not in got.hint or got.fault:
                said = got.fault or got.hint or "it passes"
                found.failures.append(f"wrong.py:{answer.line} {answer.name}: not caught so in a kernel: {said}")
            kernel.run(cells[answer.exercise], answer.exercise)
        for right in checks.right:
            kernel.run(right.source, right.name)
            for check in checks.of(right.exercise):
                got = outcome(check, kernel)
                if not got.passed:
                    said = f"{check.name} refuses it in a kernel: {got.fault or got.reason} {got.hint}"
                    found.failures.append(f"right.py:{right.line} {right.name}: {said}")
            kernel.run(cells[right.exercise], right.exercise)
        kernel.close()
    return found


def _environment(lab: str, release: NotebookNode) -> Environment:
    """The environment of the kernel that a lab's notebook asks for."""
    found = kernel_of(str(release.metadata.get("kernelspec", {}).get("name", "")))
    if isinstance(found, Environment):
        return found
    raise NoKernelError(f"{lab} asks for the kernel {found.name!r}, which is no plain Python: checks need one.")


def _notebook(zygote: Zygote, notebook: NotebookNode) -> NotebookKernel:
    """A kernel in which the graded code of a notebook has run."""
    kernel = NotebookKernel(lambda: Kernel(zygote.started, PATIENT), PATIENT)
    for name, source in graded_code(notebook):
        kernel.run(source, name)
    return kernel
