"""`grader self-check`: one's own notebook graded with the hidden checks, for who learns alone from a clone.

Everything of it lies in a temporary course: no class, no gradebook and no lab is touched.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from grader.build.notebooks import checks_of, execute_code, graded_code, source_notebook, write_notebook
from grader.build.release import generate, sealed_quiz
from grader.checks.running import as_text, run_exercise, score
from grader.checks.student import InProcess
from grader.course.paths import Course, Layout
from grader.files import write_whole
from grader.grading.autograde import grade_class, local_engine
from grader.kernels.sandbox import SandboxError
from grader.quizzes.kept import keep
from grader.quizzes.run import ATTEMPTS_FILE
from grader.reports.feedback import write_feedback
from grader.reports.results import lab_results
from grader.text import student_text

ME = "me"
IN_PROCESS = (
    "No sandbox can be had here ({}): your notebook ran in this process, with your own rights. Your quiz is not scored."
)


@dataclass(frozen=True)
class SelfCheck:
    """How one's own work came out: points, promises with hints as text, the page of feedback, and remarks."""

    lab: str
    points: float
    most: float
    told: tuple[str, ...]
    page: str
    notes: tuple[str, ...]


def self_check(
    course: Course, lab: str, notebook: Path | None = None, progress: Callable[[str], None] = lambda _: None
) -> SelfCheck:
    """Grade a notebook, that of `work/LAB` by default, as `grader grade` would, with what lies beside it.

    Raises:
        LookupError: there is no such lab, or no notebook.
        BuildError: the lab's source is not in order.
    """
    if lab not in course.assignments() or not (course.solutions / lab / "lab.py").exists():
        raise LookupError(f"no lab is called {lab!r}; there are: {', '.join(course.assignments())}.")
    path = notebook or course.root / "work" / lab / f"{lab}.ipynb"
    if not path.is_file():
        raise LookupError(f"there is no notebook {path}: name yours after the lab, or run `make lab` first.")
    try:
        return _graded(course, lab, path, progress)
    except SandboxError as refused:
        return _in_process(course, lab, path, str(refused))


def _graded(course: Course, lab: str, path: Path, progress: Callable[[str], None]) -> SelfCheck:
    with tempfile.TemporaryDirectory(prefix="grader-self-check-") as folder:
        own = _course_in(Path(folder), course)
        progress("making a course for it")
        _register(course, own, lab)
        handed_in = own.submitted / ME / lab
        handed_in.mkdir(parents=True)
        shutil.copyfile(path, handed_in / f"{lab}.ipynb")
        attempts = path.with_name(ATTEMPTS_FILE)
        if attempts.is_file():
            shutil.copyfile(attempts, handed_in / ATTEMPTS_FILE)
        progress("running the notebook, and the hidden checks")
        [row] = grade_class(own, lab, [ME], engine=local_engine(1))
        if not row.graded:
            raise LookupError(f"{path} could not be graded: {row.reason} {row.remedy}")
        pages, failures = write_feedback(own, lab)
        page = path.with_name(f"{lab}-self-check.html")
        for made in pages:
            write_whole(page, made.read_bytes())
        told = tuple(_told(own, lab))
        return SelfCheck(lab, row.score, row.max_score, told, str(page), (*row.events, *row.flags, *failures))


def _course_in(folder: Path, course: Course) -> Course:
    """A course whose class lies in `folder`, and whose sources are those of `course`."""
    steps = {step: str(folder / step) for step in ("source", "release", "submitted", "autograded", "feedback")}
    layout = replace(course.layout, home=str(folder / "home"), structure=Layout().structure, excluded=(), **steps)
    return replace(course, told=layout, db=f"sqlite:///{folder}/gradebook.db")


def _register(course: Course, own: Course, lab: str) -> None:
    """The assignment in the gradebook of a temporary course, as students have it."""
    source = own.source / lab
    write_notebook(source_notebook(course, lab), source / f"{lab}.ipynb")
    for file in sorted(path for path in (course.labs / lab).glob("*.json") if path.is_file()):
        shutil.copyfile(file, source / file.name)
    quiz = sealed_quiz(course, lab)
    if quiz is not None:
        keep(quiz.bank, own.banks)
    generate(own, lab, own.source.parent, own.db)


def _told(own: Course, lab: str) -> list[str]:
    """The promises of each exercise, with hints for those that are not kept."""
    [result] = [one for one in lab_results(own, lab).results if one.student == ME]
    lines = []
    for exercise in result.exercises:
        lines.append(f"{exercise.name}: {exercise.score:g} of {exercise.max_score:g}")
        for check in exercise.checks:
            lines.append(f"  {'✓' if check.passed else '✗'} {check.promise}")
            lines += [] if check.passed else [f"      {part}" for part in (check.reason, check.hint) if part]
    return [student_text(line) for line in lines]


def _in_process(course: Course, lab: str, path: Path, why: str) -> SelfCheck:
    """Without a sandbox: the notebook's own functions, in this process."""
    checks = checks_of(course, lab)
    namespace = execute_code(graded_code(nbformat.read(path, as_version=4)))
    student, secret = InProcess(namespace, checks.fixtures), b"self-check"
    outcomes = {exercise: run_exercise(checks, exercise, student, secret) for exercise in checks.exercises()}
    points = sum(score(done) for done in outcomes.values())
    most = sum(checks.points(exercise) for exercise in outcomes)
    told = tuple(as_text(exercise, done) for exercise, done in outcomes.items())
    raised = [f"cell {cell}: {error!r}" for cell, error in namespace.get("__errors__", [])]
    return SelfCheck(lab, points, most, told, "", (IN_PROCESS.format(why), *map(student_text, raised)))
