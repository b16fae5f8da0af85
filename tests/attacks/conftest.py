"""Graded classes of honest students, beside whom a test puts others."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from whole_way import QUIZ, TOY, everything_written, go, honest_class

from grader.course.paths import ROOT_VARIABLE, Course


@pytest.fixture(scope="session")
def quiz_alone(quiz_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Course, Any]]:
    """Honest students of the quiz, graded, and all that was written of them."""
    yield from graded_alone(quiz_template, tmp_path_factory.mktemp("alone") / "course", QUIZ)


@pytest.fixture(scope="session")
def toy_alone(toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Course, Any]]:
    """Honest students of the exercises, graded, and all that was written of them."""
    yield from graded_alone(toy_template, tmp_path_factory.mktemp("alone") / "course", TOY)


def graded_alone(template: Course, root: Path, lab: str) -> Iterator[tuple[Course, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        course = honest_class(template, root, lab)
        go(course, lab)
    yield course, everything_written(course, lab)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Course], Course]:
    """`beside(course)` is a copy of a graded class, to which others come."""

    def copied(course: Course) -> Course:
        root = tmp_path / "class of others"
        shutil.copytree(course.root, root, symlinks=True)
        monkeypatch.setenv(ROOT_VARIABLE, str(root))
        monkeypatch.chdir(root)
        return Course(root)

    return copied
