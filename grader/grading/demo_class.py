"""A simulated class: submissions made of solutions, blanks and wrong answers, each with the score it should get."""

from __future__ import annotations

import json
import random
import re
import warnings
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from grader.build.notebooks import checks_of, execute_code, graded_code, source_notebook, write_notebook
from grader.build.release import sealed_quiz
from grader.cells import grade_id
from grader.checks.registry import LabChecks
from grader.checks.running import run_exercise, score
from grader.checks.student import InProcess
from grader.course.paths import Course
from grader.quizzes.keyed import KeyedBank
from grader.quizzes.run import ATTEMPTS_FILE
from grader.quizzes.simulate import simulate

PREFIX = "demo-"
MARKER_LINE = re.compile(r"^\s*### (?:BEGIN|END) SOLUTION\n?", re.M)
SOLUTION, BLANK = "solution", "blank"


@dataclass(frozen=True)
class DemoStudent:
    """One simulated student: what was answered to each exercise, and the score that it should get."""

    name: str
    answers: dict[str, str]
    expected: float


def make_class(course: Course, lab: str, size: int = 12, seed: int = 0) -> list[DemoStudent]:
    """Write `size` submissions to `class/submitted/demo-…/<lab>` and return them with their expected scores.

    The first student hands in the solution, the second nothing but the release, the others a mixture: each exercise
    right (half of them), one of its wrong answers, or blank. The expected score comes from running the checks on the
    answers directly, without nbgrader, a kernel or a notebook. In a lab with a quiz the first student also answers
    all of it rightly, the second does not take it, and the others have up to three attempts, of which the best counts.
    """
    checks, quiz = checks_of(course, lab), sealed_quiz(course, lab)
    source = source_notebook(course, lab)
    release = nbformat.read(course.labs / lab / f"{lab}.ipynb", as_version=4)
    sources = _sources(source, release, checks)
    rng = random.Random(f"{lab}-{seed}")
    students = []
    for number in range(1, size + 1):
        answers = _draw(checks, number, rng)
        texts = {exercise: sources[exercise][answer] for exercise, answer in answers.items()}
        name = f"{PREFIX}{number:02d}"
        folder = course.submitted / name / lab
        write_notebook(_filled(release, texts), folder / f"{lab}.ipynb")
        expected = _expected(course, source, checks, texts)
        if quiz is not None:
            lines, earned = _attempts(quiz.bank, number, rng)
            (folder / ATTEMPTS_FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            answers["quiz"] = f"{len(lines)} attempts"
            expected = round(expected + earned, 2)
        students.append(DemoStudent(name, answers, expected))
    return students


def _attempts(bank: KeyedBank, number: int, rng: random.Random) -> tuple[list[str], float]:
    """The lines of an attempts file, and the points of the best attempt, known from how the attempts were made."""
    skills = [1.0] if number == 1 else [rng.random() for _ in range(0 if number == 2 else rng.choice((0, 1, 1, 2, 3)))]
    made = [simulate(bank, rng, skill) for skill in skills]
    best = max((attempt.expected for attempt in made), default=0.0)
    return [attempt.line for attempt in made], round(best * bank.max_points, 2)


def _sources(source: NotebookNode, release: NotebookNode, checks: LabChecks) -> dict[str, dict[str, str]]:
    """For every exercise, the cell text of each possible answer, by name."""
    right = {grade_id(cell): MARKER_LINE.sub("", cell.source) for cell in source.cells}
    blank = {grade_id(cell): cell.source for cell in release.cells}
    texts = {e: {SOLUTION: right[e], BLANK: blank[e]} for e in checks.exercises()}
    for answer in checks.wrong:
        texts[answer.exercise][answer.name] = answer.source
    return texts


def _draw(checks: LabChecks, number: int, rng: random.Random) -> dict[str, str]:
    if number <= 2:
        return dict.fromkeys(checks.exercises(), SOLUTION if number == 1 else BLANK)
    answers = {}
    for exercise in checks.exercises():
        mistakes = [answer.name for answer in checks.wrong if answer.exercise == exercise]
        kind = rng.choices([SOLUTION, BLANK, "wrong"], weights=[5, 1, 4])[0]
        answers[exercise] = rng.choice(mistakes) if kind == "wrong" else kind
    return answers


def _filled(release: NotebookNode, texts: dict[str, str]) -> NotebookNode:
    notebook = nbformat.from_dict(json.loads(nbformat.writes(release)))
    for cell in notebook.cells:
        name = grade_id(cell)
        if name in texts:
            cell.source = texts[name]
    return notebook


def _expected(course: Course, source: NotebookNode, checks: LabChecks, texts: dict[str, str]) -> float:
    student = InProcess(execute_code(graded_code(source, texts)), checks.fixtures)
    secret = course.secret()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong answers make libraries warn
        return round(sum(score(run_exercise(checks, exercise, student, secret)) for exercise in checks.exercises()), 2)
