"""nbgrader's own configuration of a course, and what its gradebook needs to open."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import nbgrader.api
from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_files
from sqlalchemy import text
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

import grader.course.formgrader  # noqa: F401 - formgrader shows what counts
from grader.course.config import read_config
from grader.course.paths import Course, Layout, find_course
from grader.files import MAX_NOTEBOOK_BYTES, read_plain
from grader.times import MOST_BYTES, TIMESTAMP, time_of

# nbgrader 0.9.6 builds its rows in an order that newer SQLAlchemy remarks on at every submission; the rows are right.
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")


@cache
def _schema_version() -> str | None:
    """The revision of nbgrader's tables, written into each new database."""
    from alembic.script import ScriptDirectory  # half a second, for new databases alone

    return ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic")).get_current_head()


# nbgrader 0.9.6 starts `alembic heads`, from PATH, and waits four seconds to be told the same.
nbgrader.api.get_alembic_version = _schema_version


def time_in(folder: Path) -> datetime | None:
    """The time in a submission's `timestamp.txt`; None where there is none, no plain file, or none that can be read."""
    try:
        return time_of(read_plain(folder / TIMESTAMP, MOST_BYTES, cut=True))
    except OSError:
        return None


# nbgrader 0.9.6 opens a student's `timestamp.txt` whatever it is, and parses it whatever its size, in quadratic time;
# one that cannot be read or holds no time stops formgrader's list of the class. Here such a time says nothing.
CourseDirectory.get_existing_timestamp = lambda _, folder: time_in(Path(folder))
NbGraderAPI.get_submitted_timestamp = lambda self, lab, student: time_in(
    Path(self.coursedir.format_path(self.coursedir.submitted_directory, student, lab))
)

_copy_files = BaseConverter.init_assignment


def _copy_plainly(self: Any, lab: str, student: str) -> None:
    """Before conversion: files of the course are copied, those of a student only where they are plain files.

    Where the configuration lists `grader.grading.folder.KeepInert`, that step writes a student's files.

    Raises:
        ValueError: a student's notebook is a link, no plain file or too large, or the time of the submission is plain
            words that tell none; nbgrader goes on with the others.
    """
    if not isinstance(self, Autograde):
        _copy_files(self, lab, student)
        return
    if words := _words_for_time(Path(self._format_source(lab, student))):
        raise ValueError(f"{TIMESTAMP} holds no time: {words}")
    for path in map(Path, self.notebooks):
        linked = any(place.is_symlink() for place in (path, path.parent, path.parent.parent))
        if linked or not path.is_file() or path.stat().st_size > MAX_NOTEBOOK_BYTES:
            raise ValueError(f"{path} is a link, no plain file, or larger than {MAX_NOTEBOOK_BYTES // 2**20} MB")
    if not any("KeepInert" in str(step) for step in self.sanitize_preprocessors):
        _copy_plain_files(self, Path(self._format_source(lab, student)), Path(self._format_dest(lab, student)))


def _words_for_time(folder: Path) -> str:
    """What `timestamp.txt` says where it is a short text, as a person writes it, and no time."""
    try:
        raw = read_plain(folder / TIMESTAMP, MOST_BYTES)
        words = raw.decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if time_of(raw) else words


def _copy_plain_files(self: Any, folder: Path, goal: Path) -> None:
    """As nbgrader's own, without links and pipes, and bounded by its `max_file_size` (in kilobytes)."""
    for name in find_all_files(str(folder), [*self.coursedir.ignore, "*.ipynb"]):
        path = Path(name)
        try:
            content = read_plain(path, 1000 * self.coursedir.max_file_size)
        except OSError as refused:
            self.log.warning("Left out %s: %s", name, refused.strerror)
            continue
        copy = goal / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        copy.write_bytes(content)


# nbgrader 0.9.6 reads a submitted notebook and copies what lies beside it wherever links lead, however large it is: one
# to /dev/zero fills the disk. `grader.grading.folder.KeepInert` writes what may stand beside a graded notebook.
BaseConverter.init_assignment = _copy_plainly


def load_config(course: Course, **coursedir: str) -> Config:
    """What nbgrader's configuration says of the course; `coursedir` replaces settings of `CourseDirectory`.

    Raises:
        LookupError: a configuration file cannot be read.
    """
    config = read_config(course.root)
    config.CourseDirectory.setdefault("root", str(course.root))
    if db := course.db or os.environ.get("GRADER_DB", ""):
        config.CourseDirectory.db_url = db
    for name, value in coursedir.items():
        config.CourseDirectory[name] = value
    return config


def converter(kind: type[Any], config: Config, **traits: Any) -> Any:
    """One of nbgrader's converters (GenerateAssignment, Autograde, GenerateFeedback), ready to `start()`."""
    return kind(coursedir=CourseDirectory(config=config), config=config, **traits)


def course_of(step: Any, db: str = "") -> Course:
    """The course that nbgrader's converter works on, whose exporter a step belongs to; else the one around us."""
    owner = step
    while owner is not None:
        if hasattr(owner, "coursedir"):
            return Course(Path(owner.coursedir.root), Layout.of(owner.config), db)
        owner = getattr(owner, "parent", None)
    return replace(find_course(), db=db)


def convert(
    kind: type[Any], course: Course, lab: str, student: str, said: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """Run one of nbgrader's converters on one student's work. Returns in one line what went wrong, or nothing.

    Args:
        kind: Autograde or GenerateFeedback.
        course: the course.
        lab: the assignment.
        student: whose work.
        said: settings by section that replace the configuration's.
    """
    config = load_config(course, assignment_id=lab, student_id=student)
    for section, values in (said or {}).items():
        for name, value in values.items():
            config[section][name] = value
    log = logging.getLogger(f"grader.{kind.__name__}.{student}")
    log.setLevel(logging.WARNING)
    log.propagate = False
    heard = _Heard()
    log.addHandler(heard)
    try:
        converter(kind, config, log=log, force=True).start()
    except NbGraderException:
        return heard.cause() or f"nbgrader's {kind.__name__} failed"
    finally:
        log.removeHandler(heard)
    return ""


class _Heard(logging.Handler):
    """Keeps the errors that nbgrader logs, to say in one line what happened."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += record.getMessage().strip().splitlines()

    def cause(self) -> str:
        """The exception at the end of a traceback if one was logged, else the first error."""
        ends = [line for line in self.lines if line and not line[0].isspace() and "Error" in line.split(":")[0]]
        return "".join(ends[-1:] or self.lines[:1])[:200]


@contextmanager
def gradebook(course: Course) -> Iterator[Any]:
    """The course's gradebook, opened through nbgrader's API and closed again."""
    directory = CourseDirectory(config=load_config(course))
    if directory.db_url.startswith("sqlite:///"):
        Path(directory.db_url.removeprefix("sqlite:///").partition("?")[0]).parent.mkdir(parents=True, exist_ok=True)
    with Gradebook(directory.db_url, directory.course_id) as opened:
        if opened.engine.dialect.name == "sqlite":
            # Readers (formgrader) and the recorder do not wait for one another, nor for the disk at every submission.
            for setting in ("journal_mode = WAL", "synchronous = NORMAL"):
                opened.db.execute(text(f"PRAGMA {setting}"))
            opened.db.commit()
        yield opened


def assignment_names(course: Course) -> list[str]:
    """The assignments that can be graded: those of the gradebook, and this course's own with trusted checks."""
    with gradebook(course) as book:
        return sorted({*course.assignments(), *(one.name for one in book.assignments)})


def held_cells(book: Any, lab: str) -> list[Any]:
    """The cells of an assignment: while somebody holds them, a session reads them once and not for each student.

    Raises:
        MissingEntry: the gradebook does not have the assignment.
    """
    notebooks = book.find_assignment(lab).notebooks
    return [
        cell
        for one in notebooks
        for cell in (*one.grade_cells, *one.solution_cells, *one.task_cells, *one.source_cells)
    ]


def submitters(book: Any, lab: str) -> list[str]:
    """Every student with a row for a lab, in order.

    Their submissions are read one by one (`book.find_submission`): one row that cannot be read stops no other.
    """
    found = book.db.query(Student.id).join(SubmittedAssignment).join(Assignment).filter(Assignment.name == lab)
    return sorted(student for (student,) in found)
