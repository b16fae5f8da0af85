"""`class/autograded` holds the same inert files and texts whichever road graded; what an earlier run left is gone."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_raw_cell

from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import grade_class
from grader.grading.demo_class import make_class
from grader.grading.folder import files_of
from grader.grading.plain import STOCK_STEPS, autograde

LAB, STUDENT = "01-toy", "demo-01"
ACTIVE = ["working.html", "a/b.svg", "README.md", "json.py", f"old/{LAB}.ipynb", "nbgrader_config.json", "x.html;.txt"]
INERT = ["attempts.jsonl", "a/notes.txt", "timestamp.txt"]


@pytest.fixture
def handed_in(toy: Course) -> Course:
    """One student with files of all kinds, in a course whose release has a picture that is a program: its own."""
    make_class(toy, LAB, size=1)
    folder = toy.submitted / STUDENT / LAB
    for name in (*ACTIVE, "figure.svg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("<script>alert(1)</script>")
    for name in INERT:
        (folder / name).write_text("2026-11-28 12:00:00 UTC\n")
    hostile = nbformat.read(folder / f"{LAB}.ipynb", as_version=4)
    hostile.cells += [new_markdown_cell("[x](javascript:a) <b>", metadata={"x": "<b>"}), new_raw_cell("<script>")]
    nbformat.write(hostile, folder / f"{LAB}.ipynb")
    (folder / "secret.txt").symlink_to(toy.solutions / LAB / "checks.py")
    (toy.source / LAB / "figure.svg").write_text("<svg>the release's</svg>")
    return toy


def texts_of(course: Course) -> dict[str, str]:
    """Everything in the graded folder, by name; of a notebook, what its text cells say."""
    folder = course.autograded / STUDENT / LAB
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    return {
        str(path.relative_to(folder)): _texts(path) if path.suffix == ".ipynb" else path.read_text() for path in paths
    }


def _texts(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(f"{cell.cell_type} {cell.metadata}: {cell.source}" for cell in cells if cell.cell_type != "code")


def test_all_roads_leave_the_same_folder(handed_in: Course, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    found = {}
    for road in ("safe", "stock"):
        root = handed_in.root.parent / road
        shutil.copytree(handed_in.root, root, symlinks=True)
        monkeypatch.setenv(ROOT_VARIABLE, str(root))
        monkeypatch.chdir(root)
        assert autograde(Course(root), LAB, STUDENT, STOCK_STEPS if road == "stock" else None) == ""
        found[road] = texts_of(Course(root))
    monkeypatch.setenv(ROOT_VARIABLE, str(handed_in.root))
    (row,) = grade_class(handed_in, LAB)
    found["ours"] = texts_of(handed_in)
    assert found["ours"].keys() == {f"{LAB}.ipynb", "figure.svg", *INERT}
    assert found["ours"]["figure.svg"] == "<svg>the release's</svg>"
    assert found["ours"][f"{LAB}.ipynb"].endswith("markdown {}: [x]&#40;javascript:a) &lt;b>\nmarkdown {}: &lt;script>")
    assert found["safe"] == found["stock"] == found["ours"]
    (line,) = row.events
    assert line.startswith("left in submitted/: README.md, a/b.svg, json.py, ")
    assert "and 2 more" in line
    assert row.score == row.max_score


def test_what_an_earlier_run_left_goes(handed_in: Course) -> None:
    folder = handed_in.autograded / STUDENT / LAB
    (folder / "a.html").mkdir(parents=True)
    (folder / "a.html" / "x.html").write_text("<script>")
    (folder / "link.txt").symlink_to(Path("/etc/passwd"))
    grade_class(handed_in, LAB)
    assert texts_of(handed_in).keys() == {f"{LAB}.ipynb", "figure.svg", *INERT}
    shutil.rmtree(handed_in.submitted / STUDENT / LAB)
    (handed_in.submitted / STUDENT / LAB).mkdir()
    grade_class(handed_in, LAB)
    assert not folder.exists()


def test_on_nbgraders_road_a_folder_that_cannot_be_read_is_named_with_what_to_do(toy: Course, caplog: Any) -> None:
    with pytest.raises(OSError, match="No such file"):
        files_of(toy, LAB, "ada", logging.getLogger("nbgrader"))
    assert caplog.messages == [
        f"submitted/ada/{LAB} cannot be read: No such file or directory. "
        "Look at its rights: chmod -R u+rX submitted/ada"
    ]
