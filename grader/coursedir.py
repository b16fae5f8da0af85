"""nbgrader's own configuration of a course, and what its gradebook needs to open."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import nbgrader.api
import nbgrader.apps.api
import nbgrader.coursedir
from alembic.script import ScriptDirectory
from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import text
from sqlalchemy.exc import SAWarning
from traitlets.config import Config, PyFileConfigLoader

from grader.paths import Course
from grader.times import time_of

# nbgrader 0.9.6 builds its rows in an order that newer SQLAlchemy remarks on at every submission; the rows are right.
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")


@cache
def _schema_version() -> str | None:
    """The revision of nbgrader's tables, written into each new database."""
    return ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic")).get_current_head()


# nbgrader 0.9.6 starts `alembic heads`, from PATH, and waits four seconds to be told the same.
nbgrader.api.get_alembic_version = _schema_version

# nbgrader 0.9.6 parses a student's `timestamp.txt` whatever its size, in quadratic time, and one that holds no time
# stops formgrader's list of the class. Here a time that cannot be read says nothing.
nbgrader.coursedir.parse_utc = nbgrader.apps.api.parse_utc = time_of


def load_config(course: Course, **coursedir: str) -> Config:
    """What `nbgrader_config.py` of the course says; `coursedir` replaces settings of `CourseDirectory`."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course.root)).load_config()
    for name, value in coursedir.items():
        config.CourseDirectory[name] = value
    return config


def converter(kind: type[Any], config: Config, **traits: Any) -> Any:
    """One of nbgrader's converters (GenerateAssignment, Autograde, GenerateFeedback), ready to `start()`."""
    return kind(coursedir=CourseDirectory(config=config), config=config, **traits)


@contextmanager
def gradebook(course: Course) -> Iterator[Any]:
    """The course's gradebook, opened through nbgrader's API and closed again."""
    course.class_dir.mkdir(parents=True, exist_ok=True)
    settings = load_config(course).CourseDirectory
    with Gradebook(settings.db_url, settings.course_id) as opened:
        if opened.engine.dialect.name == "sqlite":
            # Readers (formgrader) and the recorder do not wait for one another, nor for the disk at every submission.
            for setting in ("journal_mode = WAL", "synchronous = NORMAL"):
                opened.db.execute(text(f"PRAGMA {setting}"))
            opened.db.commit()
        yield opened


def submitters(book: Any, lab: str) -> list[str]:
    """Every student with a row for a lab, in order.

    Their submissions are read one by one (`book.find_submission`): one row that cannot be read stops no other.
    """
    found = book.db.query(Student.id).join(SubmittedAssignment).join(Assignment).filter(Assignment.name == lab)
    return sorted(student for (student,) in found)
