"""Whose a bank is, and what its course says of it: which banks are exams, whatever they say themselves."""

from __future__ import annotations

from pathlib import Path

from grader.course.config import CONFIG, read_config
from grader.course.paths import Course, find_course
from grader.course.settings import CourseSettings, load_settings


def course_of(bank: Path) -> Course | None:
    """The course in whose `quizzes/` a bank lies; None for a bank of anybody else."""
    folder = bank.resolve().parent
    return Course(folder.parent) if folder.name == "quizzes" and (folder.parent / CONFIG).is_file() else None


def settings_of(bank: Path) -> CourseSettings:
    """What the course of a bank says; for a bank of anybody else, the course around the working directory."""
    course = course_of(bank)
    try:
        return load_settings((course or find_course()).root)
    except LookupError:
        if course is not None:
            raise
        return CourseSettings()


def exams(course: Course) -> frozenset[str]:
    """The banks that the course makes exams: `c.Quizzes.exam = ["assessment"]` in its `nbgrader_config.py`.

    Raises:
        LookupError: it is no list of names, or names a bank that is not there.
    """
    return _banks(course, "exam")


def served(course: Course) -> frozenset[str]:
    """The exams that `grader serve` marks at once: `c.Quizzes.served = ["assessment"]`. Other attempts do not count.

    Raises:
        LookupError: as for `exams`.
    """
    return _banks(course, "served")


def _banks(course: Course, setting: str) -> frozenset[str]:
    said = read_config(course.root).Quizzes.get(setting, [])
    where = f"{course.root / CONFIG}: c.Quizzes.{setting}"
    if not isinstance(said, list | tuple | set) or not all(isinstance(name, str) for name in said):
        raise LookupError(f"{where}: a list of banks was expected, such as ['assessment'], found {said!r:.60}.")
    known = course.bank_files()
    for name in said:
        if name not in known:
            raise LookupError(f"{where}: no bank is called {name!r}; there are: {', '.join(known) or 'none'}.")
    return frozenset(said)


def made_exam(bank: Path) -> bool:
    """Whether the course of a bank makes it an exam."""
    course = course_of(bank)
    return course is not None and bank.stem in exams(course)
