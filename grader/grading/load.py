"""One assignment as the gradebook, the release, the configuration and `solutions/` have it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import MissingEntry
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grader.course.coursedir import gradebook, load_config
from grader.course.paths import Course
from grader.course.settings import load_settings
from grader.grading.assignment import QUIZ, RUN, Assignment, Master, MasterCell, in_order
from grader.grading.configured import steps_of
from grader.grading.given import given_files
from grader.kernels.environments import Environment, Program, kernel_of
from grader.kernels.limits import Limits

NOT_FOR_GRADING = ("lab", "right", "visible", "wrong")
ORDINARY_SECONDS = 3600.0  # of one notebook with ordinary tests: nbgrader itself limits cells only


def load_assignment(
    course: Course,
    lab: str,
    limits: Limits | None = None,
    sandboxed: bool = True,
    only: str = "*",
    config: Config | None = None,
) -> Assignment:
    """Read one assignment from the gradebook, the release and `solutions/`.

    Args:
        course: the course.
        lab: the assignment.
        limits: what a kernel may use; by default what the course's configuration says.
        sandboxed: whether kernels are shut in.
        only: a pattern of the notebooks to grade, as nbgrader's `--notebook`.
        config: nbgrader's configuration, where it is more than the files say.

    Raises:
        LookupError: nbgrader does not know it, no notebook matches, a kernel is not installed here, or one that is no
            plain Python is to be under trusted checks.
    """
    with gradebook(course) as book:
        masters = tuple(_master(course, lab, notebook) for notebook in _notebooks(book, lab, only))
    config = config or load_config(course)
    steps = steps_of(config)
    plain = Assignment(lab, masters, steps)
    if limits is None:
        limits = steps.limits() if plain.trusted else steps.limits(ORDINARY_SECONDS)
    names = dict.fromkeys(map(plain.kernel, masters) if plain.executes else ())
    kernels = {name: kernel_of(name, as_program=bool(steps.stock_execute) and not plain.trusted) for name in names}
    programs = {name: found for name, found in kernels.items() if isinstance(found, Program)}
    if plain.trusted and programs:
        others = ", ".join(programs)
        raise LookupError(f"{lab} has trusted checks, which need plain Python, and a notebook for {others}.")
    return Assignment(
        lab=lab,
        masters=masters,
        steps=steps,
        banks=_banks(course, masters),
        given=given_files(course, lab, config),
        limits=limits,
        sandboxed=sandboxed,
        settings=load_settings(course.root).of_grades(),
        environments={name: found for name, found in kernels.items() if isinstance(found, Environment)},
        programs=programs,
        root=str(course.root),
        db=str(CourseDirectory(config=config).db_url) if steps.by_student else "",
        **_trusted(course, lab) if plain.trusted else {},
    )


def _trusted(course: Course, lab: str) -> dict[str, Any]:
    """What only the trusted side of an assignment has."""
    folder = course.solutions / lab
    texts = {name: _text(folder / f"{name}.py") for name in ("checks", "fixtures")}
    others = (path for path in sorted(folder.glob("*.py")) if path.stem not in (*texts, *NOT_FOR_GRADING))
    cases = {path.name: _text(path) for path in (*others, folder / "graded.json") if path.exists()}
    return texts | {"cases": cases, "secret": course.secret()}


def _notebooks(book: Any, lab: str, only: str) -> list[Any]:
    known = sorted(book.find_assignment(lab).notebooks, key=lambda one: in_order(one.name))
    found = [one for one in known if fnmatchcase(one.name, only)]
    if not found:
        names = ", ".join(one.name for one in known) or "none"
        raise LookupError(f"{lab} has no notebook called {only!r} in the gradebook; it has: {names}.")
    return found


def _master(course: Course, lab: str, notebook: Any) -> Master:
    grades = {cell.name: float(cell.max_score) for cell in (*notebook.grade_cells, *notebook.task_cells)}
    solutions = {cell.name for cell in notebook.solution_cells}
    tasks = {cell.name for cell in notebook.task_cells}
    cells = tuple(
        MasterCell(
            name=c.name,
            cell_type=c.cell_type,
            source=c.source,
            checksum=c.checksum,
            locked=bool(c.locked),
            max_score=grades.get(c.name),
            solution=c.name in solutions,
            task=c.name in tasks,
        )
        for c in notebook.source_cells
    )
    return Master(notebook.name, _release(course, lab, notebook.name), notebook.kernelspec, cells)


def _release(course: Course, lab: str, notebook: str) -> str:
    """The notebook that students were given, else the instructor's, else an empty one: both can have been removed."""
    for folder in (course.release_of(lab), course.source_of(lab)):
        path = folder / f"{notebook}.ipynb"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return str(nbformat.writes(nbformat.v4.new_notebook()))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _banks(course: Course, masters: tuple[Master, ...]) -> dict[str, str]:
    """Every released bank that a quiz cell of these may need, by hash."""
    if not any(master.quizzes() for master in masters):
        return {}
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(course.banks.glob("*.json"))}


def is_trusted(course: Course, lab: str) -> bool:
    """Whether checks or a quiz that no student code can reach give the points of an assignment of the gradebook.

    Raises:
        LookupError: the gradebook does not have it.
    """
    with gradebook(course) as book:
        try:
            notebooks = book.find_assignment(lab).notebooks
        except MissingEntry:
            raise LookupError(f"{lab} is not in the gradebook: run `grader grade {lab}` first.") from None
        cells = [cell for notebook in notebooks for cell in notebook.source_cells]
        return any(RUN.search(cell.source or "") or QUIZ.search(cell.source or "") for cell in cells)
