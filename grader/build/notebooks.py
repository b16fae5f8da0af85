"""A lab's one source, `lab.py`, as notebooks: read, validated, with stable ids; and its functions, executed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from grader.build.problems import BuildError, Problem
from grader.cells import QUIZ_CELL, grade_id, is_demo
from grader.checks.registry import LabChecks, load_lab
from grader.course.paths import Course, find_course
from grader.quizzes.load import QuizError, load
from grader.course.settings import load_settings

MAX_CELL_LINES = 25  # that a student sees: a solution counts as the one line that stands in its place
FOR_THE_FORMATTER = re.compile(r" *# fmt: skip$", re.M)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION", re.S)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.S)


@dataclass(frozen=True)
class LabQuiz:
    """The quiz of a lab: its bank, and the points that an attempt can give."""

    lab: str
    bank: str
    points: float

    @property
    def call(self) -> str:
        """The line that the hidden cell runs."""
        return f'run_quiz("{self.lab}", "{self.bank}")'


def read_source(path: Path) -> NotebookNode:
    """The notebook of a `lab.py` in jupytext's py:percent, with ids that depend on nothing but the source.

    A cell's id is its grade_id, else its place: jupytext alone would draw new random ids each time. The course in whose
    `solutions/` it lies says how its kernel is called.
    """
    notebook = jupytext.read(path, fmt="py:percent")
    asked = str(notebook.metadata.get("kernelspec", {}).get("name", ""))
    notebook.metadata = NotebookNode(kernelspec=_kernelspec(path, asked), language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for place, cell in enumerate(notebook.cells):
        cell.metadata.pop("lines_to_next_cell", None)
        cell.source = FOR_THE_FORMATTER.sub("", cell.source)
        cell["id"] = grade_id(cell) or f"cell-{place:03d}"
    return notebook


def _kernelspec(source: Path, asked: str) -> dict[str, str]:
    """The kernel of a `solutions/LAB/lab.py`, as its course calls it: one of the course's further kernels, if asked for.

    Any other name in a header is that of the author's own machine.
    """
    settings = load_settings(source.parents[2])
    if asked in settings.kernels:
        return {"display_name": settings.kernels[asked], "language": "python", "name": asked}
    return {"display_name": settings.kernel_name, "language": "python", "name": "python3"}


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook as UTF-8 JSON, one way only, so that builds are equal to the byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def problems_of(
    path: Path, notebook: NotebookNode, checks: LabChecks | None, quiz: LabQuiz | None = None
) -> list[Problem]:
    """Everything in a lab's source that would trouble nbgrader, grading or a reader."""
    found: list[Problem] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        line = _line_of(cell, lines)
        name = grade_id(cell)
        length = len(SOLUTION.sub("a stub", cell.source).splitlines())
        if cell.cell_type == "code" and length > MAX_CELL_LINES:
            found.append(Problem(path, line, f"this cell has {length} lines, at most {MAX_CELL_LINES}: split it."))
        if name is None:
            continue
        if name in seen:
            found.append(Problem(path, line, f"grade_id {name!r} is used a second time (first: line {seen[name]})."))
        seen[name] = line
        if is_demo(cell):
            found.append(Problem(path, line, f"{name} is graded and tagged demo: grading would skip it."))
        if name == QUIZ_CELL:
            found += _problems_of_quiz(path, line, cell, quiz)
        elif checks is not None or quiz is not None:
            found += _problems_of_graded(path, line, name, cell, checks)
    if checks is not None:
        for exercise in checks.exercises():
            missing = [part for part in (exercise, f"{exercise}-checks", f"{exercise}-hidden") if part not in seen]
            if missing:
                found.append(Problem(path, 1, f"exercise {exercise} of checks.py has no cell {', '.join(missing)}."))
    if quiz is not None and QUIZ_CELL not in seen:
        found.append(Problem(path, 1, f"the bank {quiz.bank} has no cell {QUIZ_CELL}, which would give its points."))
    return found


def _problems_of_quiz(path: Path, line: int, cell: NotebookNode, quiz: LabQuiz | None) -> list[Problem]:
    """A quiz cell is locked, graded, worth what an attempt can give, and ends in the scorer's number."""
    if quiz is None:
        said = f"{QUIZ_CELL} stands here, but quizzes/ has no bank of this lab: write one, or take the cell away."
        return [Problem(path, line, said)]
    meta, hidden, found = cell.metadata.nbgrader, HIDDEN.search(cell.source), []
    if meta.get("points") != quiz.points:
        said = f"points {meta.get('points')}, but an attempt at {quiz.bank} gives {quiz.points:g}"
        found.append(Problem(path, line, f"{QUIZ_CELL} says {said}: set points to {quiz.points:g}."))
    if not (meta.get("grade") and meta.get("locked")) or meta.get("solution"):
        found.append(Problem(path, line, f"{QUIZ_CELL} must be graded and locked, and no solution."))
    if hidden is None or hidden.group(1).rstrip().splitlines()[-1:] != [quiz.call]:
        found.append(Problem(path, line, f"{QUIZ_CELL} must end in {quiz.call} between BEGIN/END HIDDEN TESTS."))
    return found


def _problems_of_graded(
    path: Path, line: int, name: str, cell: NotebookNode, checks: LabChecks | None
) -> list[Problem]:
    meta, found = cell.metadata.nbgrader, []
    if name.endswith("-hidden") and checks is None:
        found.append(Problem(path, line, f"{name} has hidden checks, but the lab has no checks.py: write it."))
    elif name.endswith("-hidden"):
        assert checks is not None
        exercise = name.removesuffix("-hidden")
        wanted = checks.points(exercise)
        if meta.get("points") != wanted:
            said = f"points {meta.get('points')}, but its checks give {wanted:g}"
            found.append(Problem(path, line, f"{name} says {said}: set points to {wanted:g}."))
        hidden = HIDDEN.search(cell.source)
        if hidden is None or f'run("{checks.lab}", "{exercise}", globals())' not in hidden.group(1):
            call = f'run("{checks.lab}", "{exercise}", globals())'
            found.append(Problem(path, line, f"{name} must run its checks between BEGIN/END HIDDEN TESTS: {call}."))
    elif name.endswith("-checks"):
        if meta.get("points") != 0:
            found.append(Problem(path, line, f"{name} holds visible checks: set points to 0."))
    elif not meta.get("solution"):
        if not meta.get("locked"):
            found.append(Problem(path, line, f"{name} is neither an answer nor locked: set solution or locked to true."))
    elif "### BEGIN SOLUTION" not in cell.source:
        found.append(Problem(path, line, f"{name} has no ### BEGIN SOLUTION … ### END SOLUTION."))
    return found


def _line_of(cell: NotebookNode, lines: list[str]) -> int:
    """The line of `lab.py` where a cell's text begins."""
    first = next((text for text in cell.source.splitlines() if text.strip()), "")
    for number, text in enumerate(lines, start=1):
        if first and text.removeprefix("# ") == first.removeprefix("# "):
            return number
    return 1


def source_notebook(course: Course, lab: str) -> NotebookNode:
    """The instructor's notebook of a lab, validated.

    Raises:
        BuildError: the source is not in order.
    """
    path = course.solutions / lab / "lab.py"
    notebook = read_source(path)
    checks = load_lab(path.parent) if course.has_checks(lab) else None
    problems = problems_of(path, notebook, checks, quiz_of(course, lab))
    if problems:
        raise BuildError(problems)
    return notebook


def checks_of(course: Course, lab: str) -> LabChecks:
    """The hidden checks of a lab; none for a lab whose only graded cell is its quiz."""
    return load_lab(course.solutions / lab) if course.has_checks(lab) else LabChecks(lab, (), (), None)


def quiz_of(course: Course, lab: str) -> LabQuiz | None:
    """The quiz of a lab, if quizzes/ has a bank of it.

    Raises:
        BuildError: the bank is not in order.
    """
    path = course.bank_of(lab)
    if path is None:
        return None
    try:
        model = load(path).model
    except QuizError as error:
        raise quiz_refused(error) from None
    worth = {item.id: item.points for item in model.items}
    return LabQuiz(lab, path.stem, sum(worth[group[0]] for group in model.groups()))


def quiz_refused(error: QuizError) -> BuildError:
    """The faults of a bank as problems of a build."""
    return BuildError([Problem(f.file, f.line, f"{f.item}: {f.message}" if f.item else f.message) for f in error.faults])


def graded_code(notebook: NotebookNode, answers: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """The code that grading runs, as (cell id, source): demo cells and check cells are left out.

    `answers` puts other sources in place of solution cells, by exercise.
    """
    kept = []
    for cell in notebook.cells:
        name = grade_id(cell) or ""
        if cell.cell_type != "code" or is_demo(cell) or name.endswith(("-checks", "-hidden")):
            continue
        kept.append((cell["id"], (answers or {}).get(name, cell.source)))
    return kept


def execute_code(cells: list[tuple[str, str]]) -> dict[str, Any]:
    """Run cells in one fresh namespace, as a kernel would; a cell that raises does not stop the others."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell_id, source in cells:
        try:
            exec(compile(source, f"<{cell_id}>", "exec", dont_inherit=True), namespace)
        except Exception as error:  # noqa: BLE001 - a student's cell may raise anything
            namespace.setdefault("__errors__", []).append((cell_id, error))
    return namespace


def solution_namespace(lab: str, course: Course | None = None) -> dict[str, Any]:
    """The names that a lab's solution defines, its demo cells left out.

    Raises:
        RuntimeError: a cell of the solution raised.
    """
    namespace = execute_code(graded_code(source_notebook(course or find_course(), lab)))
    if "__errors__" in namespace:
        cell_id, error = namespace["__errors__"][0]
        raise RuntimeError(f"{lab}: cell {cell_id} of the solution raised {error!r}") from error
    return namespace
