"""Whatever a course executes notebooks with, student code is shut in, and the row says which way was taken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grader.course.coursedir import load_config
from grader.course.paths import Course
from grader.grading.autograde import Row, grade_class
from grader.grading.configured import steps_of
from grader.grading.load import load_assignment
from grader.reports import notebook_feedback

from .making import answer, answers, at, graded, hand_in, notebook, release, write

NAME = "ps1"
OWN = "from nbgrader.preprocessors import Execute\n\n\nclass Mine(Execute):\n    pass\n"
STEPS = "nbgrader.preprocessors."
CONFIG = """import sys
sys.path.insert(0, {folder!r})
c = get_config()
c.Autograde.autograde_preprocessors = [{execute!r}, "{steps}LimitOutput", "{steps}SaveAutoGrades"]
{more}
"""
HOOK = "c.Autograde.post_convert_hook = lambda **_: None"


def made(root: Path, execute: str, more: str = "") -> Course:
    """A course of one student, whose test sees whether the machine is there."""
    canary = root / "canary"
    tests = f"import os\nassert not os.path.exists({str(canary)!r})"
    cells = [answer("one", "ONE = 1"), graded("shut-in", 2, tests), graded("one-is", 1, "assert ONE == 1")]
    (root / "modules").mkdir(parents=True)
    canary.touch()
    (root / "modules" / "own_execute.py").write_text(OWN)
    said = CONFIG.format(folder=str(root / "modules"), execute=execute, steps=STEPS, more=more)
    (root / "nbgrader_config.py").write_text(said)
    write(root / "source" / NAME, {"problem.ipynb": notebook(*cells)})
    release(root, NAME)
    hand_in(root, NAME, "ada", answers(one="ONE = 1"))
    return Course(root)


def row_of(course: Course, monkeypatch: pytest.MonkeyPatch) -> Row:
    monkeypatch.setattr(sys, "path", list(sys.path))  # the configuration adds to it
    with at(course.root):
        [row] = grade_class(course, NAME)
    return row


@pytest.mark.parametrize(
    ("execute", "more", "said"),
    [
        ("own_execute.Mine", "", "nbgrader's own Execute ran it, because own_execute.Mine executes"),
        ("nbconvert.preprocessors.ExecutePreprocessor", "", "ExecutePreprocessor executes"),
        ("own_execute.Mine", HOOK, "one after another, because c.Autograde.post_convert_hook is set"),
        (STEPS + "Execute", HOOK, "one after another, because c.Autograde.post_convert_hook is set"),
    ],
)
def test_student_code_is_shut_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, execute: str, more: str, said: str
) -> None:
    row = row_of(made(tmp_path / "course", execute, more), monkeypatch)
    assert (row.graded, row.score) == (True, 3), row
    assert said in " ".join(row.events)


def test_trusted_checks_need_plain_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = made(tmp_path / "course", STEPS + "Execute")
    line = f'run("{NAME}", "one", globals())'
    other = {"name": "shell", "display_name": "Shell", "language": "python"}
    spec = tmp_path / "data" / "kernels" / "shell"
    write(spec, {"kernel.json": '{"argv": ["sh", "{connection_file}"], "display_name": "Shell", "language": "python"}'})
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))
    write(course.source_of("ps2"), {"problem.ipynb": notebook(graded("checked", 1, line), kernel=other)})
    release(course.root, "ps2")
    with pytest.raises(LookupError, match="trusted checks, which need plain Python, and a notebook for shell"):
        load_assignment(course, "ps2")


def test_the_guides_configuration_is_nbgraders_with_our_execute(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "grader" / "README.md").read_text()
    [block] = [part for part in guide.split("```") if part.startswith("python\nc.Autograde.autograde_preprocessors")]
    (tmp_path / "stock").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n" + block.removeprefix("python\n"))
    ours, stock = (steps_of(load_config(Course(root))).autograde for root in (tmp_path, tmp_path / "stock"))
    assert [name for name in ours if name not in stock] == ["grader.grading.nbgrader_execute.Execute"]
    assert [name.rpartition(".")[2] for name in ours] == [name.rpartition(".")[2] for name in stock]


def test_a_page_that_cannot_be_made_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = made(tmp_path / "course", STEPS + "Execute")
    hand_in(course.root, NAME, "bob", answers(one="ONE = 1"))
    with at(course.root):
        grade_class(course, NAME)
        broken = course.folder("autograded", "ada", NAME) / "problem.ipynb"
        broken.chmod(0o644)
        broken.write_text("{")
        pages, failures = notebook_feedback.write_notebook_feedback(course, NAME)
    assert [path.relative_to(course.feedback).as_posix() for path in pages] == [f"bob/{NAME}/problem.html"]
    [line] = failures
    assert line.startswith("ada: no page was written: ")
    assert "Error" in line
