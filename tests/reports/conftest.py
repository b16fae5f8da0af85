"""A graded class, once for all tests of reports."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.course.coursedir import gradebook
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import grade_class, write_rows
from grader.grading.demo_class import make_class

TOY = "01-toy"
STUDENTS = 6


@pytest.fixture(scope="session")
def graded_template(toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Six students of the toy lab, graded; a person gave the second points and a comment with markup."""
    root = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(toy_template.root, root)
    course = Course(root)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(ROOT_VARIABLE, str(root))
        make_class(course, TOY, size=STUDENTS)
        write_rows(course, TOY, grade_class(course, TOY))
    with gradebook(course) as book:
        grade = book.find_grade("mean-hidden", TOY, TOY, "demo-02")
        grade.manual_score, grade.extra_credit = 1.0, 0.0
        book.find_comment("mean", TOY, TOY, "demo-02").manual_comment = "Nearly <script>alert(1)</script>"
        book.db.commit()
    return course


@pytest.fixture
def graded(graded_template: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A graded toy course of one's own."""
    root = tmp_path / "course"
    shutil.copytree(graded_template.root, root)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.chdir(root)
    return Course(root)
