"""One submission's grade: sanitize, execute, check. A pure function of (submission, assignment, environment)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute

from grader.cells import claimed_id, grade_id, tags_of
from grader.checks.across import Across
from grader.checks.registry import LabChecks
from grader.checks.running import Outcome, run_check
from grader.course.as_they_come import found_again
from grader.grading import outputs
from grader.grading.alterations import alterations, later_definitions
from grader.grading.assignment import Assignment, Master
from grader.grading.given import under
from grader.grading.quiz_outputs import of_quiz
from grader.grading.remarks import remarks
from grader.grading.result import Graded, Mark, Submission, label, texts
from grader.grading.steps import Context, autograde
from grader.grading.stock import execute_in_stocks_way, plain_name
from grader.hooks import restore
from grader.kernels.client import CallTimeoutError, Kernel, KernelDiedError
from grader.kernels.environments import PYTHON_3
from grader.kernels.launch import Started
from grader.kernels.notebook_kernel import NotebookKernel
from grader.kernels.sandbox import SandboxError
from grader.quizzes.keyed import KeyedBank, parse_kept
from grader.quizzes.run import ATTEMPTS_FILE, told
from grader.quizzes.score import score_attempts
from grader.quizzes.seen import taken
from grader.text import StudentText, student_text

Files = Mapping[str, bytes]
Zygotes = Mapping[str, Started]  # by the name of the kernel
MISSING = "no {}.ipynb was handed in: its cells give 0 points"
NO_FILE = f"no {ATTEMPTS_FILE} was handed in beside the notebook: its quiz gives 0 points"
NO_ATTEMPT = f"{ATTEMPTS_FILE}: it holds no attempt at this quiz, which gives 0 points"
BROKEN = "nbgrader's steps failed on {}.ipynb: {}: {}"


@lru_cache(maxsize=4)
def keyed_banks(banks: tuple[tuple[str, str], ...]) -> Mapping[str, KeyedBank]:
    """Released banks by hash, from their JSON."""
    return {name: parse_kept(text) for name, text in banks}


@dataclass(frozen=True)
class _Work:
    """What is graded, and with what: the same for each notebook of a submission."""

    assignment: Assignment
    checks: LabChecks
    files: Files
    student: str
    zygotes: Zygotes


def grade_submission(assignment: Assignment, checks: LabChecks, submission: Submission, zygotes: Zygotes) -> Graded:
    """Grade one submission, notebook by notebook. It never raises for anything that a submission holds or does.

    A notebook sees what was handed in beside it, the files of the assignment, and what the notebooks before it wrote.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
    """
    began = time.monotonic()
    given = assignment.given
    files = under(submission.files, given.names) | dict(given.small)
    work = _Work(assignment, checks, files, submission.student, zygotes)
    done = Graded(True, {}, events=list(submission.notes))
    for master in assignment.masters:
        if master.name not in submission.notebooks:
            done = _without(done, assignment, master)
            continue
        found = nbformat.reads(submission.notebooks[master.name].decode("utf-8"), as_version=4)
        try:
            done = _with(done, work, master, found)
        except SandboxError:
            raise
        except Exception as broken:  # noqa: BLE001 - steps of nbgrader and of the course raise anything
            reason = student_text(BROKEN.format(master.name, type(broken).__name__, broken))
            return Graded(False, {}, reason=reason, remedy=student_text("look at the notebook and at its tests"))
    return replace(done, seconds=round(time.monotonic() - began, 3))


def _without(done: Graded, assignment: Assignment, master: Master) -> Graded:
    """A notebook that was not handed in gives 0 for each of its cells, as nbgrader has it."""
    zeros = {label(master.name, cell, assignment.alone): 0.0 for cell in master.max_scores()}
    missing = student_text(MISSING.format(master.name))
    return replace(done, scores=done.scores | zeros, events=[*done.events, missing])


def _with(done: Graded, work: _Work, master: Master, found: NotebookNode) -> Graded:
    """What was done so far, with one more notebook; whatever its steps raise is raised."""
    assignment = work.assignment
    if assignment.trusted:
        flags = texts(alterations(found, master.released))
    else:
        found, flags = _with_metadata(found, master.released)
    executed = Executed()

    def execute(notebook: NotebookNode, step: type[Any]) -> None:
        nonlocal executed
        files = work.files if assignment.trusted else _beside(work.files, done, itself(master.name, notebook))
        executed = execute_notebook(assignment, master, work.checks, notebook, files, work.zygotes, step)

    context = Context(assignment, master, execute)
    names = {"notebook": master.name, "assignment": assignment.lab, "student": work.student, "db_url": assignment.db}
    graded = autograde(context, found, names)
    flags += [*texts(context.notes), *executed.flags]
    if assignment.trusted:
        flags += texts([*later_definitions(graded, master.exercises()), *remarks(graded, master.released)])
    before = "" if assignment.alone else f"{master.name}: "
    return replace(
        done,
        scores=done.scores | _scores(master, context.marks, assignment.alone),
        notebooks=done.notebooks | {master.name: nbformat.writes(graded)},
        outcomes=done.outcomes | executed.outcomes,
        events=[*done.events, *texts([before + event for event in executed.events])],
        flags=[*done.flags, *texts([before + flag for flag in flags])],
        marks={**done.marks, master.name: context.marks},
        attempts=[*done.attempts, *executed.attempts],
        files={**done.files, **executed.files},
    )


def _with_metadata(found: NotebookNode, released: NotebookNode) -> tuple[NotebookNode, list[StudentText]]:
    """A notebook of ordinary tests that lost nbgrader's metadata altogether, with the cells of its release; flagged.

    Others are left to nbgrader's own steps, and to what they say.
    """
    known = {name for cell in released.cells if (name := claimed_id(cell))}
    if any(claimed_id(cell) in known for cell in found.cells) or not found_again(found, released).by_function:
        return found, []
    return restore(found, released), texts(alterations(found, released))


def itself(name: str, notebook: NotebookNode) -> dict[str, bytes]:
    """A notebook as the file that it is, which `%run` and `open` find."""
    return {f"{name}.ipynb": nbformat.writes(notebook).encode("utf-8")}


def _beside(files: Files, done: Graded, own: dict[str, bytes]) -> Files:
    """What a notebook with ordinary tests finds beside it: of notebooks itself and those before it, and no others."""
    others = {path: content for path, content in files.items() if not path.endswith(".ipynb")}
    notebooks = {f"{name}.ipynb": text.encode("utf-8") for name, text in done.notebooks.items()} | own
    written = under(done.files, notebooks)
    return {**under(others, [*notebooks, *written]), **written, **notebooks}


def _scores(master: Master, marks: Mapping[str, Mark], alone: bool) -> dict[str, float]:
    """The points of each cell that can give some; those that a person gives are 0 here."""
    points = {cell: marks[cell].points if cell in marks else None for cell in master.max_scores()}
    return {label(master.name, cell, alone): found or 0.0 for cell, found in points.items()}


@dataclass(frozen=True)
class Executed:
    """What became of a notebook's cells besides their outputs."""

    outcomes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[StudentText] = field(default_factory=list)
    flags: list[StudentText] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    files: Files = field(default_factory=dict)


def execute_notebook(
    assignment: Assignment,
    master: Master,
    checks: LabChecks,
    notebook: NotebookNode,
    files: Files,
    zygotes: Zygotes,
    step: type[Any] = Execute,
) -> Executed:
    """Execute and check a sanitized notebook, whose cells get their outputs.

    `step` is nbgrader's Execute, or the one that a course has in its place.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
        Exception: whatever stock's Execute raises, where that runs the notebook.
    """
    name = assignment.kernel(master)
    if name in assignment.programs:
        wrote, events = execute_in_stocks_way(assignment, master, notebook, files, zygotes[PYTHON_3], step)
        return Executed(events=texts(events), files=wrote)
    started, limits = zygotes.get(name), assignment.limits

    def start() -> Kernel:
        if started is None:
            raise RuntimeError(f"{master.name} has cells to run, and no zygote was started for its kernel {name}")
        given = assignment.given
        return Kernel(started, limits, files, folder=plain_name(assignment.lab), lower=given.lower)

    kernel = NotebookKernel(start, limits)
    run = _Run(assignment, master, checks, kernel, files, keyed_banks(tuple(assignment.banks.items())))
    try:
        run.cells(notebook)
        flags = run.look_for_tampering()
        wrote = {} if assignment.trusted else run.harvest()
    finally:
        kernel.close()
    return Executed(
        outcomes={name: [asdict(outcome) for outcome in outcomes] for name, outcomes in run.outcomes.items()},
        events=texts(kernel.events),
        flags=texts(flags),
        attempts=run.attempts,
        files=wrote,
    )


@dataclass
class _Run:
    """The notebook's cells in order, and what they gave."""

    assignment: Assignment
    master: Master
    checks: LabChecks
    kernel: NotebookKernel
    files: Files
    banks: Mapping[str, KeyedBank]
    budget: outputs.Budget = field(default_factory=outputs.Budget)
    outcomes: dict[str, tuple[Outcome, ...]] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    ran: bool = False

    def cells(self, notebook: NotebookNode) -> None:
        """Run each cell by its strategy: a trusted check or a quiz at its place, all else in the kernel."""
        exercises, quizzes = self.master.exercises(), self.master.quizzes()
        scores = self.master.max_scores()
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            name = grade_id(cell)
            if name in exercises:
                cell.outputs = self.check(exercises[name], scores[name])
                cell.execution_count = 1
            elif name in quizzes:
                cell.outputs = self.quiz(quizzes[name], scores[name])
                cell.execution_count = 1
            elif self.assignment.executes and self.assignment.steps.skip_tag not in tags_of(cell):
                worth = scores.get(name or "", 0.0)
                self.cell(cell, f"cell {place + 1}" + (f" ({name})" if name else ""), worth > 0)

    def cell(self, cell: NotebookNode, where: str, graded: bool) -> None:
        """One cell of the student's notebook, or a cell of ordinary tests, whose last value may be its points."""
        if not cell.source.strip():
            return
        try:
            raw = self.kernel.run(cell.source, where)
            self.ran, cell.execution_count = True, self.kernel.count
            cell.outputs = outputs.clean(raw, self.budget, results=graded)
            self.kernel.events += [f"{where}: {what}" for what in outputs.trouble(cell.outputs)]
            self.kernel.events += self.budget.overdrawn()
        except CallTimeoutError as slow:
            cell.outputs = [outputs.of_failure("CellTimeoutError", str(slow))]
        except KernelDiedError as died:
            cell.outputs = [outputs.of_failure("DeadKernelError", str(died))]

    def check(self, exercise: str, most: float) -> list[NotebookNode]:
        """All hidden checks of one exercise, each with a student of its own: a dead kernel costs one check."""
        done = tuple(
            run_check(check, self.assignment.lab, self._student(), self.assignment.secret)
            for check in self.checks.of(exercise)
        )
        self.outcomes[exercise] = done
        return outputs.of_checks(exercise, done, most)

    def quiz(self, bank: str, most: float) -> list[NotebookNode]:
        """A quiz, scored from what was handed in: no student code runs for it, and what ran before cannot change it."""
        scored = score_attempts(self.files.get(ATTEMPTS_FILE), self.banks, bank, most)
        self.attempts = [asdict(one) for one in taken(scored, self.banks)]
        self.kernel.events += [f"{ATTEMPTS_FILE}: {problem}" for problem in scored.problems]
        if not scored.attempts and not scored.problems:
            self.kernel.events.append(NO_FILE if ATTEMPTS_FILE not in self.files else NO_ATTEMPT)
        return of_quiz(told(scored), min(scored.points, most))

    def harvest(self) -> Files:
        """What the notebook wrote beside itself."""
        found = self.kernel.harvest()
        self.kernel.events += found.left_out
        return dict(found.files)

    def _student(self) -> Across:
        return Across(self.kernel, self.checks.fixtures, self.assignment.fixtures)

    def look_for_tampering(self) -> list[str]:
        """Run a cell whose outcome is known, and ask the kernel what changed in it."""
        faults = [f"the check {o.check} broke: {o.fault}" for done in self.outcomes.values() for o in done if o.fault]
        if not self.outcomes and not self.ran:
            return faults
        token = secrets.token_hex(4)
        source = f"assert {int(token, 16)} == {int(token, 16) + 1}, 'canary {token}'\nprint('not reached')"
        lost = self.kernel.lost
        try:
            answer = outputs.clean(self.kernel.run(source, "the canary cell", brief=True), outputs.Budget())
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
