"""From `solutions/` to `labs/`: reproducible, complete, without answers, and careful with what is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from grader.build.leaks import find_leaks
from grader.build.notebooks import read_source, solution_namespace, source_notebook
from grader.build.problems import BuildError
from grader.build.release import build_lab, check_lab
from grader.build.verify import verify_lab
from grader.course.coursedir import gradebook
from grader.course.paths import Course

LAB = "01-toy"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_build_is_the_same_to_the_byte(toy: Course) -> None:
    released = toy.labs / LAB / f"{LAB}.ipynb"
    before = released.read_bytes()
    released.unlink()
    assert build_lab(toy, LAB) == [released]
    assert released.read_bytes() == before
    assert build_lab(toy, LAB) == []
    assert check_lab(toy, LAB) == []


def test_ids_come_from_the_source(toy: Course) -> None:
    path = toy.solutions / LAB / "lab.py"
    first, second = read_source(path), read_source(path)
    assert [c["id"] for c in first.cells] == [c["id"] for c in second.cells]
    assert {"mean", "mean-checks", "mean-hidden"} <= {c["id"] for c in first.cells}


def test_the_release_has_stubs_and_no_outputs(toy: Course) -> None:
    released = nbformat.read(toy.labs / LAB / f"{LAB}.ipynb", as_version=4)
    cells = {c.metadata.nbgrader.grade_id: c for c in released.cells if "nbgrader" in c.metadata}
    assert cells["mean"].source.endswith("raise NotImplementedError()")
    assert cells["mean-hidden"].source == "# The hidden checks of `mean` run here when your work is graded."
    assert not any(c.get("outputs") for c in released.cells)


def test_the_assignment_is_registered_with_its_points(toy: Course) -> None:
    with gradebook(toy) as book:
        assert book.find_assignment(LAB).max_score == 5.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.write_text(f.read_text() + " "), "differs from its source"),
        (lambda f: f.unlink(), "is missing"),
        (lambda f: f.with_name("notes.txt").write_text("mine"), "was not made by the build"),
    ],
)
def test_drift_is_found_and_nothing_is_written(toy: Course, change: Callable[[Path], object], says: str) -> None:
    change(toy.labs / LAB / f"{LAB}.ipynb")
    files = {p: p.read_bytes() for p in toy.root.rglob("*") if p.is_file()}
    drift = check_lab(toy, LAB)
    assert len(drift) == 1
    assert says in str(drift[0])
    assert {p: p.read_bytes() for p in toy.root.rglob("*") if p.is_file()} == files


def test_a_build_deletes_nothing_that_it_did_not_make(toy: Course) -> None:
    mine = toy.labs / LAB / "notes.txt"
    mine.write_text("mine")
    edit(toy.solutions / LAB / "lab.py", "# # Toy", "# # A toy")
    assert build_lab(toy, LAB) == [toy.labs / LAB / f"{LAB}.ipynb"]
    assert mine.read_text() == "mine"


def test_a_changed_set_of_cells_is_refused_while_there_are_submissions(toy: Course) -> None:
    with gradebook(toy) as book:
        book.add_student("ada")
        book.add_submission(LAB, "ada")
    before = (toy.labs / LAB / f"{LAB}.ipynb").read_bytes()
    edit(toy.solutions / LAB / "lab.py", '"grade_id": "total"', '"grade_id": "sum"')
    with pytest.raises(BuildError, match="the gradebook has submissions of 01-toy"):
        build_lab(toy, LAB)
    assert (toy.labs / LAB / f"{LAB}.ipynb").read_bytes() == before


def test_a_build_works_on_a_fresh_clone_without_class_folder(toy: Course) -> None:
    shutil.rmtree(toy.class_dir)
    shutil.rmtree(toy.source)
    assert build_lab(toy, LAB) == []
    assert (toy.source / LAB / f"{LAB}.ipynb").exists()
    with gradebook(toy) as book:
        assert [assignment.name for assignment in book.assignments] == [LAB]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"points": 3', '"points": 4', "mean-hidden says points 4, but its checks give 3"),
        ('"grade_id": "spread-checks"', '"grade_id": "mean-checks"', "grade_id 'mean-checks' is used a second time"),
        (
            '"grade_id": "spread-checks"',
            '"grade_id": "x-checks"',
            "exercise spread of checks.py has no cell spread-checks",
        ),
        ('run("01-toy", "mean"', 'run("01-toy", "spread"', "mean-hidden must run its checks"),
        ("import math\n", "\n".join(["x = 1"] * 26) + "\n", "this cell has 26 lines, at most 25"),
        ('"points": 0', '"points": 1', "holds visible checks: set points to 0"),
        (
            '"locked": true, "schema_version": 3, "solution": false',
            '"locked": false, "schema_version": 3, "solution": false',
            "total is neither an answer nor locked",
        ),
        ("    ### BEGIN SOLUTION\n    if", "    if", "mean has no ### BEGIN SOLUTION"),
    ],
)
def test_a_source_that_is_not_in_order_is_refused_with_its_line(toy: Course, old: str, new: str, says: str) -> None:
    path = toy.solutions / LAB / "lab.py"
    edit(path, old, new)
    with pytest.raises(BuildError) as refused:
        source_notebook(toy, LAB)
    assert says in str(refused.value)
    assert f"{path}:" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "origin"),
    [
        ("labkit/a.py", "lowest, highest = min(values), max(values)\nreturn highest - lowest\n", "a solution"),
        ("a.md", "    highest  -  lowest\n### END SOLUTION\n", "the marker END SOLUTION"),
        (
            "a.py",
            "values = [float(v) for v in rng.normal(size=5)]\nresult = student.mean(values)  # x\n",
            "a hidden check",
        ),
        ("01-toy/b.py", "while values:\n\n    total += values.pop()\n", "a wrong answer"),
    ],
)
def test_answers_under_labs_are_found(toy: Course, name: str, text: str, origin: str) -> None:
    file = toy.labs / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    leaks = find_leaks(toy)
    assert leaks
    assert {leak.file for leak in leaks} == {file}
    assert any(origin in leak.origin for leak in leaks)


def test_an_answer_in_a_notebook_cell_is_found(toy: Course) -> None:
    file = toy.labs / LAB / f"{LAB}.ipynb"
    content = json.loads(file.read_text())
    content["cells"][0]["source"] = ["lowest, highest = min(values), max(values)\n", "return highest - lowest"]
    file.write_text(json.dumps(content))
    assert [leak.line for leak in find_leaks(toy)] == [0]


def test_a_clean_release_has_no_leak(toy: Course) -> None:
    assert find_leaks(toy) == []


def test_the_solution_namespace_leaves_out_demo_cells(toy: Course) -> None:
    assert solution_namespace(LAB, toy)["mean"]([1.0, 2.0]) == 1.5


def test_verify_proves_the_toy_lab(toy: Course) -> None:
    found = verify_lab(toy, LAB)
    assert found.failures == []
    assert (found.exercises, found.checks, found.points, found.wrong, found.caught) == (2, 3, 5.0, 6, 6)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("lab.py", "return highest - lowest", "return lowest - highest", "spans: the solution misses it"),
        (
            "wrong.py",
            "return values[-1] - values[0]",
            "return max(values) - min(values)",
            "last_less_first: spans passes it",
        ),
        ("wrong.py", 'hint="n − 1"', 'hint="n + 1"', "averages caught it with another hint"),
        ("checks.py", "equals(6.0, hint", "that(True, hint", "spans passes it"),
        (
            "checks.py",
            "    expect(student.spread([2.0, -1.0, 5.0]))",
            "    return\n    expect(student.spread([]))",
            "the blank release passes",
        ),
        (
            "wrong.py",
            'caught_by="refuses_nothing", hint="before',
            'caught_by="averages", hint="before',
            "no wrong answer proves",
        ),
    ],
)
def test_verify_finds_what_does_not_hold(toy: Course, file: str, old: str, new: str, says: str) -> None:
    edit(toy.solutions / LAB / file, old, new)
    assert any(says in failure for failure in verify_lab(toy, LAB, seeds=2).failures)
