"""One submission's grade: sanitize, execute, check. A pure function of (submission, assignment, environment)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.cells import grade_id, is_demo
from grader.checks.across import Across
from grader.checks.registry import LabChecks
from grader.checks.running import Outcome, run_check, score
from grader.grading import outputs
from grader.grading.alterations import alterations, later_definitions
from grader.grading.assignment import Assignment
from grader.grading.marks import marks_of
from grader.grading.quiz_outputs import of_quiz
from grader.grading.remarks import remarks
from grader.grading.result import Graded, Submission, texts
from grader.grading.sanitize import sanitize
from grader.kernels.client import CallTimeoutError, Kernel, KernelDiedError
from grader.kernels.notebook_kernel import NotebookKernel
from grader.quizzes.keyed import KeyedBank, parse_kept
from grader.quizzes.run import ATTEMPTS_FILE, told
from grader.quizzes.score import score_attempts
from grader.quizzes.seen import taken

StartKernel = Callable[[Mapping[str, bytes]], Kernel]


@lru_cache(maxsize=4)
def keyed_banks(banks: tuple[tuple[str, str], ...]) -> Mapping[str, KeyedBank]:
    """Released banks by hash, from their JSON."""
    return {name: parse_kept(text) for name, text in banks}


def grade_submission(assignment: Assignment, checks: LabChecks, submission: Submission, start: StartKernel) -> Graded:
    """Grade one submission. It never raises for anything that a submission holds or does.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
    """
    found = nbformat.reads(submission.notebook.decode("utf-8"), as_version=4)
    altered = texts(alterations(found, assignment.released))
    graded = grade_notebook(assignment, checks, sanitize(assignment, found), submission.files, start)
    return replace(graded, events=[*submission.notes, *graded.events], flags=[*altered, *graded.flags])


def grade_notebook(
    assignment: Assignment, checks: LabChecks, notebook: NotebookNode, files: Mapping[str, bytes], start: StartKernel
) -> Graded:
    """Execute and check a sanitized notebook, whose cells get their outputs."""
    began = time.monotonic()
    kernel = NotebookKernel(lambda: start(files), assignment.limits)
    run = _Run(assignment, checks, kernel, files, keyed_banks(tuple(assignment.banks.items())))
    try:
        run.cells(notebook)
        flags = run.look_for_tampering()
    finally:
        kernel.close()
    return Graded(
        graded=True,
        scores=run.scores,
        notebook=nbformat.writes(notebook),
        outcomes={name: [asdict(outcome) for outcome in outcomes] for name, outcomes in run.outcomes.items()},
        events=texts(kernel.events),
        flags=texts(
            [
                *flags,
                *later_definitions(notebook, assignment.exercises()),
                *remarks(notebook, assignment.released),
            ]
        ),
        marks=marks_of(notebook),
        attempts=run.attempts,
        seconds=round(time.monotonic() - began, 3),
    )


@dataclass
class _Run:
    """The notebook's cells in order, and what they gave."""

    assignment: Assignment
    checks: LabChecks
    kernel: NotebookKernel
    files: Mapping[str, bytes]
    banks: Mapping[str, KeyedBank]
    scores: dict[str, float] = field(default_factory=dict)
    budget: outputs.Budget = field(default_factory=outputs.Budget)
    outcomes: dict[str, tuple[Outcome, ...]] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def cells(self, notebook: NotebookNode) -> None:
        """Run student cells in the kernel, and at the places of hidden cells the trusted checks."""
        exercises, quizzes = self.assignment.exercises(), self.assignment.quizzes()
        scores = self.assignment.max_scores()
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            name = grade_id(cell)
            if name in exercises:
                cell.outputs = self.check(name, exercises[name], scores[name])
                cell.execution_count = 1
            elif name in quizzes:
                cell.outputs = self.quiz(name, quizzes[name], scores[name])
                cell.execution_count = 1
            elif exercises and not is_demo(cell):
                cell.outputs = self.run(cell.source, f"cell {place + 1}" + (f" ({name})" if name else ""))
            if name in scores and name not in exercises and name not in quizzes:
                self.scores[name] = 0.0

    def run(self, source: str, where: str) -> list[NotebookNode]:
        """One cell of the student's notebook."""
        if not source.strip():
            return []
        try:
            found = outputs.clean(self.kernel.run(source, where), self.budget)
            self.kernel.events += [f"{where}: {what}" for what in outputs.trouble(found)]
            self.kernel.events += self.budget.overdrawn()
            return found
        except CallTimeoutError as slow:
            return [outputs.of_failure("CellTimeoutError", str(slow))]
        except KernelDiedError as died:
            return [outputs.of_failure("DeadKernelError", str(died))]

    def check(self, name: str, exercise: str, most: float) -> list[NotebookNode]:
        """All hidden checks of one exercise, each with a student of its own: a dead kernel costs one check."""
        done = tuple(
            run_check(check, self.assignment.lab, self._student(), self.assignment.secret)
            for check in self.checks.of(exercise)
        )
        self.outcomes[exercise] = done
        self.scores[name] = min(score(done), most)
        return outputs.of_checks(exercise, done)

    def quiz(self, name: str, bank: str, most: float) -> list[NotebookNode]:
        """A quiz, scored from what was handed in: no student code runs for it, and what ran before cannot change it."""
        scored = score_attempts(self.files.get(ATTEMPTS_FILE), self.banks, bank, most)
        self.scores[name] = min(scored.points, most)
        self.attempts = [asdict(one) for one in taken(scored, self.banks)]
        self.kernel.events += [f"{ATTEMPTS_FILE}: {problem}" for problem in scored.problems]
        return of_quiz(told(scored), self.scores[name])

    def _student(self) -> Across:
        return Across(self.kernel, self.checks.fixtures, self.assignment.fixtures)

    def look_for_tampering(self) -> list[str]:
        """Run a cell whose outcome is known, and ask the kernel what changed in it."""
        faults = [f"the check {o.check} broke: {o.fault}" for done in self.outcomes.values() for o in done if o.fault]
        if not self.outcomes:
            return faults
        token = secrets.token_hex(4)
        source = f"assert {int(token, 16)} == {int(token, 16) + 1}, 'canary {token}'\nprint('not reached')"
        lost = self.kernel.lost
        try:
            answer = outputs.clean(self.kernel.run(source, "the canary cell"), outputs.Budget())
            changed = self.kernel.changed()
        except (CallTimeoutError, KernelDiedError):
            return (
                [*faults, "the kernel did not live to the end of the notebook"] if lost == self.kernel.lost else faults
            )
        told = [(o.get("ename"), o.get("evalue")) for o in answer]
        if told != [("AssertionError", f"canary {token}")]:
            faults.append("tampered kernel: a failing assert did not show as it should")
        if changed:
            faults.append(f"tampered kernel: changed are {', '.join(changed)}")
        return faults
