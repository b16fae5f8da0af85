"""The counted part of quizzes/README.md: what the banks hold, as their files say."""

from __future__ import annotations

from pathlib import Path

from grader.build.release import Drift
from grader.paths import Course
from grader.quizzes.load import load
from grader.quizzes.table import counted
from grader.settings import load_settings


def write_counts(course: Course) -> list[Path]:
    """Count the banks anew; the README if it changed."""
    path, text = _made(course)
    if not path.exists() or path.read_text(encoding="utf-8") == text:
        return []
    path.write_text(text, encoding="utf-8")
    return [path]


def check_counts(course: Course) -> list[Drift]:
    """Whether the README counts what the banks hold."""
    path, text = _made(course)
    same = not path.exists() or path.read_text(encoding="utf-8") == text
    return [] if same else [Drift(path, "does not count what the banks hold; run `grader build`")]


def _made(course: Course) -> tuple[Path, str]:
    path = course.quizzes / "README.md"
    if not path.exists():
        return path, ""
    banks = {name: load(file).model for name, file in course.bank_files().items()}
    return path, counted(path.read_text(encoding="utf-8"), banks, load_settings(course.root).families)
