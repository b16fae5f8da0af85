"""Rows that go in together are those that nbgrader's own calls write, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader.api import Gradebook as Book
from traitlets.config import Config

from grader.course.late import Late
from grader.course.paths import Course
from grader.grading import record
from grader.grading.assignment import Assignment, Master, MasterCell
from grader.grading.configured import steps_of
from grader.grading.record import Gradebook, Result, record_all
from grader.grading.result import Graded, Mark, Submission

LAB = "ps1"
DUE = datetime(2026, 11, 28, 12, tzinfo=UTC)
CELLS = {"one": "GS", "two": "G", "three": "S", "four": "T"}  # graded, a solution, a task
NOTEBOOKS = ("first", "second", "third")
POINTS = st.sampled_from([None, 0.0, 1.0, 2.5])
MARKS = st.dictionaries(st.sampled_from([*CELLS, "five"]), st.builds(Mark, POINTS, st.booleans(), st.booleans()))
GRADED = st.builds(
    Graded, st.booleans(), st.just({}), marks=st.dictionaries(st.sampled_from(NOTEBOOKS[:2]), MARKS, max_size=2)
)
TIMES = st.sampled_from(["", *((DUE + timedelta(hours=h)).isoformat() for h in (-30, 0, 1, 20, 60))])
HANDED_IN = st.one_of(st.none(), st.builds(Submission, st.just({}), handed_in=TIMES))
CLASS = st.lists(st.tuples(HANDED_IN, GRADED), min_size=1, max_size=5)
LATE = st.builds(
    Late,
    due=st.sampled_from([{}, {LAB: DUE}, {"other": DUE}]),
    extensions=st.sampled_from([{}, {LAB: {"s0": timedelta(days=1)}}, {LAB: {}}]),
)


def assignment(trusted: bool) -> Assignment:
    source = 'run("ps1", "f", globals())' if trusted else "assert True"
    cells = tuple(
        MasterCell(name, "code", source if "G" in kinds else "", "", False, 2.0 if set(kinds) & {"G", "T"} else None)
        for name, kinds in CELLS.items()
    )
    masters = tuple(Master(name, "{}", None, cells) for name in NOTEBOOKS[:2])  # the third is not asked for
    return Assignment(LAB, masters, steps_of(Config()))


@contextmanager
def opened(due: datetime | None = DUE) -> Iterator[Any]:
    """A gradebook in memory, with one assignment of three notebooks."""
    with Book("sqlite:///:memory:", "course") as book:
        book.add_assignment(LAB, duedate=due)
        for notebook in NOTEBOOKS:
            book.add_notebook(notebook, LAB)
            for name, kinds in CELLS.items():
                if "G" in kinds:
                    book.add_grade_cell(name, notebook, LAB, max_score=2, cell_type="code")
                if "S" in kinds:
                    book.add_solution_cell(name, notebook, LAB)
                if "T" in kinds:
                    book.add_task_cell(name, notebook, LAB, max_score=2, cell_type="markdown")
        yield book


def all_rows(book: Any) -> list[Any]:
    """Every column that does not differ from run to run."""
    found: list[Any] = [book.find_assignment(LAB).duedate, sorted(one.id for one in book.students)]
    for one in sorted(book.assignment_submissions(LAB), key=lambda s: str(s.student.id)):
        found.append((one.student.id, one.timestamp, one.extension, one.score, one.needs_manual_grade))
        for nb in sorted(one.notebooks, key=lambda n: str(n.name)):
            found.append((nb.name, nb.flagged, nb.late_submission_penalty, nb.score))
            for grade in sorted(nb.grades, key=lambda g: str(g.name)):
                own = (grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
                found.append((grade.name, type(grade.cell).__name__, own, grade.max_score))
            comments = sorted(nb.comments, key=lambda c: (str(c.name), type(c.cell).__name__))
            found += [(c.name, type(c.cell).__name__, c.auto_comment, c.manual_comment) for c in comments]
    return found


def recorded(course: Course, trusted: bool, late: Late, results: list[Result], due: datetime | None) -> list[Any]:
    """What was told, and all rows. An extension where nothing is due is refused by nbgrader itself."""
    with opened(due) as book:
        told = record_all(Gradebook(book, course, Config(), late, assignment(trusted)), results)
        return [[str(one) for one in told], all_rows(book)]


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(trusted=st.booleans(), late=LATE, handed_in=CLASS, due=st.sampled_from([None, DUE.replace(tzinfo=None)]))
def test_rows_that_go_in_together_are_nbgraders(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
    late: Late,
    handed_in: list[tuple[Submission | None, Graded]],
    due: datetime | None,
) -> None:
    course = Course(tmp_path)
    results = [Result(f"s{number}", *one) for number, one in enumerate(handed_in)]
    together = recorded(course, trusted, late, results, due)
    with monkeypatch.context() as patched:
        patched.setattr(record, "unknown", lambda *_: [])
        one_by_one = recorded(course, trusted, late, results, due)
    assert together == one_by_one


def result(name: str, points: float) -> Result:
    marks = {"first": {"one": Mark(points), "two": Mark(points)}}
    return Result(name, Submission({}, handed_in=DUE.isoformat()), Graded(True, {}, marks=marks))


def test_one_that_cannot_be_written_stops_no_other(tmp_path: Path) -> None:
    results = [result("a", 1.0), result("b", "many"), result("c", 2.0)]  # type: ignore[arg-type] - no number
    with opened() as book:
        told = record_all(Gradebook(book, Course(tmp_path), Config(), Late(), assignment(True)), results)
        assert [isinstance(one, Exception) for one in told] == [False, True, False]
        assert {one.student.id: one.score for one in book.assignment_submissions(LAB)} == {"a": 2.0, "c": 4.0}


def test_what_is_there_is_changed_and_what_a_person_gave_stays(tmp_path: Path) -> None:
    with opened() as book:
        to = Gradebook(book, Course(tmp_path), Config(), Late(), assignment(True))
        record_all(to, [result("a", 1.0)])
        grade = book.find_grade("one", "first", LAB, "a")
        grade.manual_score = 2.0
        book.db.commit()
        record_all(to, [result("a", 0.0), result("b", 1.0)])
        grade = book.find_grade("one", "first", LAB, "a")
        assert (grade.auto_score, grade.manual_score, grade.needs_manual_grade) == (0.0, 2.0, True)
        assert book.find_grade("two", "first", LAB, "a").auto_score == 0.0
        assert book.find_submission(LAB, "b").score == 2.0
