"""Every lab through nbgrader: a small simulated class gets the scores that its answers are worth."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from grader.build.release import build_lab
from grader.grading.autograde import grade_class
from grader.grading.demo_class import make_class
from grader.paths import ROOT_VARIABLE, Course

REPO = Course(Path(__file__).resolve().parents[2])


def put_back(path: Path) -> None:
    """Make of a notebook what was handed out while the course's library was part of labkit."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            source = cell.source.replace("import rlhf\n", "").replace("from rlhf", "from labkit")
            cell.source = source.replace("rlhf.", "labkit.")
            assert "rlhf" not in cell.source
    nbformat.write(notebook, path)


@pytest.mark.parametrize("lab", REPO.assignments())
def test_three_students_get_what_their_answers_are_worth(
    lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The solution, a blank and a mixture, each in a sandboxed kernel; the mixture as an older release has it."""
    course = Course(tmp_path)
    shutil.copytree(REPO.solutions / lab, course.solutions / lab)
    shutil.copytree(REPO.quizzes, course.quizzes)
    shutil.copyfile(REPO.root / "nbgrader_config.py", tmp_path / "nbgrader_config.py")
    (tmp_path / "build").mkdir()
    for name in ("claims", "keys"):  # what is proved and stretched already
        (REPO.root / "build" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "build" / name).symlink_to(REPO.root / "build" / name)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    build_lab(course, lab)
    students = make_class(course, lab, size=3)
    put_back(course.submitted / students[2].name / lab / f"{lab}.ipynb")
    rows = grade_class(course, lab)
    assert [(row.student, row.score, row.graded) for row in rows] == [(s.name, s.expected, True) for s in students]
    assert (rows[0].score, rows[1].score) == (rows[0].max_score, 0.0)
    if course.has_checks(lab):  # a mixture; in a quiz the third student may have had no luck at all
        assert 0 < rows[2].score < rows[2].max_score
