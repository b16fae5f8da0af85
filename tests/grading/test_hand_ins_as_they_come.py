"""Honest hand-ins as they come: a class in which each student's notebook went another way, graded once.

`CASES` is the table: what is done to a notebook with all answers right (5 points) and a perfect quiz (10), the points
that it is worth all the same, and what the row says.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from typer.testing import CliRunner

from grader.build.release import build_lab
from grader.cli import app
from grader.course.as_they_come import MARKED, conflict_in, found_again
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import Row, grade_class, write_rows
from grader.grading.decided import move_all, take_side
from grader.grading.demo_class import make_class
from grader.quizzes.kept import load_kept
from grader.quizzes.simulate import simulate
from grader.reports.feedback import write_feedback
from labkit.quiz.bank import load_bank

LAB, OTHER = "01-toy", "02-rest"
FILES = Path(__file__).parents[1] / "files"
QUIZ = """
# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 10, "schema_version": 3, \
"solution": false, "task": false}
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("01-toy", "toy")
### END HIDDEN TESTS
"""
ALL, NO_QUIZ = 15.0, 5.0
CONFLICT = "<<<<<<< HEAD\n{}=======\n{}>>>>>>> theirs/branch\n"

Make = Callable[[Path, NotebookNode], object]


@dataclass(frozen=True)
class Case:
    """What is done to a folder with a notebook and attempts; the points; what the row says, in order."""

    make: Make
    points: float
    says: tuple[str, ...] = ()
    graded: bool = True


def raw(change: Callable[[str], str | bytes], name: str = f"{LAB}.ipynb") -> Make:
    """Another text or encoding of the same notebook, perhaps of another name."""

    def make(folder: Path, notebook: NotebookNode) -> None:
        (folder / f"{LAB}.ipynb").unlink()
        content = change(nbformat.writes(notebook))
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def edited(change: Callable[[NotebookNode], object], form: int = 4) -> Make:
    """Another notebook."""

    def make(folder: Path, notebook: NotebookNode) -> None:
        change(notebook)
        content = nbformat.convert(notebook, form) if form != notebook.nbformat else notebook
        text = nbformat.writes(content, version=form) if form == 3 else json.dumps(content)
        (folder / f"{LAB}.ipynb").write_text(text)

    return make


def same(text: str) -> str:
    return text


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def lines_of(text: str, name: str) -> tuple[str, str, str]:
    """The text before, in, and after the line of JSON with `name`."""
    before, _, rest = text.partition(name)
    start = before.rpartition("\n")
    return start[0] + "\n", start[2] + name + rest.partition("\n")[0] + "\n", rest.partition("\n")[2]


def in_conflict(text: str, here: str, mine: str, theirs: str) -> str:
    before, line, after = lines_of(text, here)
    return before + CONFLICT.format(line.replace(here, mine), line.replace(here, theirs)) + after


def in_outputs(notebook: NotebookNode) -> None:
    cell(notebook, "mean").execution_count = 7


def pasted(notebook: NotebookNode) -> None:
    """Answers alone, in a new notebook: imports, and what the student wrote."""
    kept = ("import math", "def mean", "def spread", "def total")
    own = [c.source for c in notebook.cells if c.source.startswith(kept)]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in own]
    notebook.metadata = NotebookNode()


def together(notebook: NotebookNode) -> None:
    pasted(notebook)
    notebook.cells = [nbformat.v4.new_code_cell("%matplotlib inline\n" + "\n\n".join(c.source for c in notebook.cells))]


def reordered(notebook: NotebookNode) -> None:
    pasted(notebook)
    notebook.cells = [notebook.cells[0], *reversed(notebook.cells[1:])]


def without_metadata(notebook: NotebookNode) -> None:
    for one in notebook.cells:
        one.metadata = NotebookNode()


def tried_twice(notebook: NotebookNode) -> None:
    pasted(notebook)
    notebook.cells.insert(1, nbformat.v4.new_code_cell("def mean(values):\n    return 0.0"))


def pasted_stubs(notebook: NotebookNode) -> None:
    pasted(notebook)
    notebook.cells = notebook.cells[:1]
    notebook.cells.append(nbformat.v4.new_code_cell("def spread(values):\n    return max(values) - min(values)"))


def retyped(notebook: NotebookNode) -> None:
    del cell(notebook, "mean").metadata["nbgrader"]


def merged(notebook: NotebookNode) -> None:
    """The second answer was put into the cell of the first."""
    cell(notebook, "mean").source += "\n\n" + cell(notebook, "spread").source
    notebook.cells.remove(cell(notebook, "spread"))


def other_lab(notebook: NotebookNode) -> None:
    found = nbformat.read(COURSE[0].labs / OTHER / f"{OTHER}.ipynb", as_version=4)
    notebook.cells = found.cells


def other_lab_pasted(notebook: NotebookNode) -> None:
    other_lab(notebook)
    without_metadata(notebook)


def both_labs(notebook: NotebookNode) -> None:
    found = nbformat.read(COURSE[0].labs / OTHER / f"{OTHER}.ipynb", as_version=4)
    notebook.cells += [one for one in found.cells if one.metadata.get("nbgrader", {}).get("solution")]


def colab(notebook: NotebookNode) -> None:
    notebook.nbformat_minor = 0
    notebook.metadata = NotebookNode(colab={"provenance": []}, kernelspec=dict(notebook.metadata.kernelspec))
    for at, one in enumerate(notebook.cells):
        del one["id"]
        one.metadata["id"] = f"c{at}"
    notebook.cells.insert(0, nbformat.v4.new_code_cell("!true"))
    del notebook.cells[0]["id"]


def vs_code(minor: int) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.nbformat_minor = minor
        for one in notebook.cells:
            del one["id"]
            one.metadata["vscode"] = {"languageId": "python"}

    return change


def widgets(notebook: NotebookNode) -> None:
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "x"}
    cell(notebook, "mean").outputs = [nbformat.v4.new_output("display_data", view)]
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}


def marked(notebook: NotebookNode) -> None:
    one = cell(notebook, "spread")
    one.source = f"{MARKED[0]}HEAD\n{one.source}\n=======\npass\n{MARKED[1]}b"


def renamed(*names: str) -> Make:
    def make(folder: Path, _: NotebookNode) -> None:
        path = folder / f"{LAB}.ipynb"
        for name in names:
            shutil.copyfile(path, folder / name)
        path.unlink()

    return make


def moved_folder(folder: Path, _: NotebookNode) -> None:
    folder.rename(folder.with_name(f"{LAB} (1)"))


def beside(folder: Path, _: NotebookNode) -> None:
    shutil.copyfile(folder / f"{LAB}.ipynb", folder / f"{LAB}-Copy1.ipynb")


def one_name(name: str | None) -> Make:
    def make(folder: Path, _: NotebookNode) -> None:
        path = folder / "attempts.jsonl"
        path.unlink() if name is None else path.rename(folder / name)

    return make


TAKEN = "was taken as 01-toy.ipynb"
KNOWN = "have lost nbgrader's metadata, and are known by"
FUNCTION = f"cells mean, spread {KNOWN} the function that they define"
ELSEWHERE = "are missing, and another cell defines what they ask for"
KERNEL = "it asks for another kernel, which was undone"
CASES: Mapping[str, Case] = {
    "as-it-is": Case(raw(same), ALL),
    "bom": Case(raw(lambda text: text.encode("utf-8-sig")), ALL),
    "utf-16": Case(raw(lambda text: text.encode("utf-16")), ALL),
    "utf-16-le": Case(raw(lambda text: text.encode("utf-16-le")), ALL),
    "utf-32": Case(raw(lambda text: text.encode("utf-32")), ALL),
    "windows": Case(
        raw(lambda text: text.replace("# Toy", "# Toy é").encode("cp1252")),
        ALL,
        ("01-toy.ipynb is not UTF-8 and was read as Windows-1252: accents may be wrong",),
    ),
    "crlf": Case(raw(lambda text: text.replace("\n", "\r\n")), ALL),
    "copy1": Case(renamed(f"{LAB}-Copy1.ipynb"), ALL, (f"01-toy-Copy1.ipynb {TAKEN}",)),
    "copy-of": Case(renamed(f"Copy of {LAB}.ipynb"), ALL, (f"Copy of 01-toy.ipynb {TAKEN}",)),
    "browser": Case(renamed(f"{LAB} (1).ipynb"), ALL, (f"01-toy (1).ipynb {TAKEN}",)),
    "capitals": Case(renamed("01-Toy.ipynb"), ALL, (f"01-Toy.ipynb {TAKEN}",)),
    "text": Case(renamed(f"{LAB}.ipynb.txt"), ALL, (f"01-toy.ipynb.txt {TAKEN}",)),
    "own-name": Case(renamed("ada_final.ipynb"), ALL, (f"ada_final.ipynb {TAKEN}",)),
    "two-copies": Case(
        renamed(f"{LAB}-Copy1.ipynb", f"{LAB}-Copy2.ipynb"),
        0.0,
        ("no 01-toy.ipynb, but 01-toy-Copy1.ipynb, 01-toy-Copy2.ipynb", "rename the one that counts to 01-toy.ipynb"),
        graded=False,
    ),
    "copy-beside": Case(
        beside, ALL, ("not of this assignment, and not graded: 01-toy-Copy1.ipynb", "left in submitted/")
    ),
    "folder": Case(
        moved_folder, 0.0, ("no folder 01-toy, but 01-toy (1)", "rename it to 01-toy, grade again"), graded=False
    ),
    "conflict-count": Case(
        raw(lambda text: in_conflict(text, '"execution_count": null', '"execution_count": 1', '"execution_count": 2')),
        ALL,
        ("01-toy.ipynb has git's conflict markers; both sides have the same cells",),
    ),
    "conflict": Case(
        raw(lambda text: in_conflict(text, "highest - lowest", "highest - lowest", "lowest")),
        0.0,
        (
            "01-toy.ipynb has git's conflict markers in line 157: HEAD or theirs/branch",
            "say which side counts: grader grade 01-toy --student conflict --side ours (HEAD) or --side theirs "
            "(theirs/branch), or ask for the file again; this one is kept as it is",
        ),
        graded=False,
    ),
    "conflict-half": Case(
        raw(lambda text: in_conflict(text, "highest - lowest", "highest - lowest", 'highest"]]')),
        0.0,
        ("HEAD or theirs/branch; theirs/branch cannot be read", "--side ours (HEAD), or ask"),
        graded=False,
    ),
    "conflict-cut": Case(
        raw(lambda text: in_conflict(text, "highest - lowest", "a", "b").replace("=======\n", "")),
        0.0,
        ("neither HEAD nor theirs/branch can be read alone", "ask for the file again"),
        graded=False,
    ),
    "conflict-in-cell": Case(
        edited(marked), 13.0, ("git's conflict markers stand in cell 8: a side was never chosen",)
    ),
    "colab": Case(edited(colab), ALL),
    "vs-code-2": Case(edited(vs_code(2)), ALL),
    "vs-code-5": Case(edited(vs_code(5)), ALL),
    "nbformat-3": Case(edited(lambda nb: None, 3), ALL),
    "widgets": Case(edited(widgets), ALL),
    "pasted": Case(edited(pasted), ALL, (FUNCTION, "cells total", "cells mean-checks", KERNEL)),
    "together": Case(edited(together), ALL, (f"cells mean {KNOWN}", f"cells spread {ELSEWHERE}", "", KERNEL)),
    "reordered": Case(edited(reordered), ALL, (FUNCTION, "", "", KERNEL)),
    "no-metadata": Case(edited(without_metadata), ALL, (FUNCTION, "", "cells quiz-hidden are missing")),
    "tried-twice": Case(edited(tried_twice), ALL, (FUNCTION, "", "", KERNEL)),
    "pasted-part": Case(edited(pasted_stubs), 12.0, (f"cells spread {KNOWN}", "are missing and were put back", KERNEL)),
    "retyped": Case(edited(retyped), ALL, (f"cells mean {KNOWN} the function that they define",)),
    "merged": Case(edited(merged), ALL, (f"cells spread {ELSEWHERE}",)),
    "other-lab": Case(
        edited(other_lab),
        0.0,
        ("this is 02-rest, handed in as 01-toy.ipynb", "grader grade 01-toy --student other-lab --move"),
        graded=False,
    ),
    "other-lab-pasted": Case(
        edited(other_lab_pasted), 0.0, ("this is 02-rest, handed in as 01-toy.ipynb", "--move"), graded=False
    ),
    "both-labs": Case(edited(both_labs), ALL, ("are not of this lab and give no points",)),
    "no-attempts": Case(
        one_name(None), NO_QUIZ, ("no attempts.jsonl was handed in beside the notebook: its quiz gives 0 points",)
    ),
    "attempts-copy": Case(one_name("attempts-Copy1.jsonl"), ALL, ("attempts-Copy1.jsonl was taken as attempts.jsonl",)),
    "page": Case(
        raw(lambda _: "\n<!DOCTYPE html><html></html>"), 0.0, ("01-toy.ipynb is a web page", "ask for"), graded=False
    ),
    "zip": Case(raw(lambda _: b"PK\x03\x04\xff"), 0.0, ("01-toy.ipynb is a zip", "unpack it there"), graded=False),
    "pdf": Case(raw(lambda _: b"%PDF-1.7\n%\xe2\xe3"), 0.0, ("01-toy.ipynb is a PDF", "ask for"), graded=False),
    "script": Case(
        raw(lambda _: "import math\n"), 0.0, ("01-toy.ipynb is no notebook but code or text", "ask for"), graded=False
    ),
    "lfs": Case(
        raw(lambda _: "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        0.0,
        ("01-toy.ipynb is a pointer of Git LFS", "git lfs pull"),
        graded=False,
    ),
    "cut": Case(
        raw(lambda text: text[: len(text) // 2]), 0.0, ("it breaks off, and its end is lost", "ask for"), graded=False
    ),
}
COURSE: list[Course] = []  # where the other lab lies


@pytest.fixture(scope="module")
def made(toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The toy lab with a quiz, another lab, and a student for each case."""
    root = tmp_path_factory.mktemp("as-they-come") / "course"
    shutil.copytree(toy_template.root, root)
    course = Course(root)
    build_all(course)
    COURSE[:] = [course]
    make_class(course, LAB, size=2)
    right = course.submitted / "demo-01" / LAB
    bank = load_kept(course.banks)[load_bank(course.labs / LAB / "toy.quiz.json").hash]
    for at, (name, case) in enumerate(CASES.items()):
        folder = course.submitted / name / LAB
        shutil.copytree(right, folder)
        (folder / "attempts.jsonl").write_text(simulate(bank, random.Random(at), 1.0).line)
        case.make(folder, nbformat.read(folder / f"{LAB}.ipynb", as_version=4))
    for name in ("demo-01", "demo-02"):
        shutil.rmtree(course.submitted / name)
    return course


def build_all(course: Course) -> None:
    source = course.solutions / LAB / "lab.py"
    source.write_text(source.read_text() + QUIZ)
    course.quizzes.mkdir()
    bank = (FILES / "quiz" / "small.yaml").read_text()
    (course.quizzes / "toy.yaml").write_text(bank.replace("  - id: powers\n", "  - id: powers\n    points: 10\n"))
    (course.quizzes / "secret").write_text("5e" * 32 + "\n")
    build_lab(course, LAB)
    other = course.solutions / OTHER
    shutil.copytree(FILES / "toy" / "solutions" / LAB, other)
    for path in other.iterdir():
        text = path.read_text().replace(LAB, OTHER)
        path.write_text(text.replace("mean", "middle").replace("spread", "reach").replace("total", "whole"))
    build_lab(course, OTHER)


@pytest.fixture(scope="module")
def rows(made: Course) -> Mapping[str, Row]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(made.root))
        found = grade_class(made, LAB)
        write_rows(made, LAB, found)
    return {row.student: row for row in found}


@pytest.mark.parametrize("name", CASES)
def test_each_is_worth_what_its_answers_are(rows: Mapping[str, Row], name: str) -> None:
    case, row = CASES[name], rows[name]
    assert (row.score, row.graded) == (case.points, case.graded), row
    said = [one for one in (row.reason, row.remedy, *row.events, *row.flags) if one]
    assert len(said) == len(case.says), said
    assert all(words in text for words, text in zip(case.says, said, strict=True)), said


def test_the_page_says_what_is_missing(made: Course, rows: Mapping[str, Row]) -> None:
    assert rows
    write_feedback(made, LAB)
    pages = {name: (made.feedback / name / LAB / f"{LAB}.html").read_text() for name in CASES}
    beside = "was handed in beside the notebook: your attempts at the quiz are in it."
    assert [name for name, page in pages.items() if beside in page] == ["folder", "no-attempts"]
    assert "this is 02-rest, handed in as 01-toy.ipynb. Ask your instructor" in pages["other-lab"]


@pytest.fixture
def own(made: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """The class with a few of the students."""
    root = tmp_path / "course"
    few = ("conflict", "conflict-half", "other-lab", "bom")
    shutil.copytree(made.root, root, ignore=lambda _, names: {*names} & {*CASES} - {*few})
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    return Course(root)


def run(*arguments: str) -> tuple[int, Any, str]:
    result = CliRunner().invoke(app, ["grade", LAB, *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout else None, result.stderr


def test_an_instructor_chooses_the_side(own: Course) -> None:
    folder = own.submitted / "conflict" / LAB
    before = (folder / f"{LAB}.ipynb").read_bytes()
    code, (row,), said = run("--student", "conflict", "--side", "theirs")
    assert (code, row["score"]) == (0, 13.0)  # the side without the right answer
    assert "the side theirs of 01-toy.ipynb counts" in said
    assert (folder / ".ipynb_checkpoints" / f"{LAB}-conflict.ipynb").read_bytes() == before
    (folder / f"{LAB}.ipynb").write_bytes(before)
    take_side(own, LAB, ["conflict"], "ours")
    assert "return highest - lowest" in (folder / f"{LAB}.ipynb").read_text()
    (said,) = take_side(own, LAB, ["conflict-half"], "theirs")
    assert "is no JSON on the side theirs" in said
    assert take_side(own, LAB, ["bom"], "ours") == ["bom: it has no conflict; grade it without --side"]
    assert run("--side", "ours")[0] == 2
    assert run("--student", "bom", "--side", "both")[0] == 2


def test_a_lab_under_another_name_is_moved_whole_or_not_at_all(own: Course) -> None:
    here, there = own.submitted / "other-lab" / LAB, own.submitted / "other-lab" / OTHER
    files = {path.name: path.read_bytes() for path in here.iterdir()}
    there.mkdir()
    assert move_all(own, LAB, ["other-lab", "bom"]) == []
    code, (row,), _ = run("--student", "other-lab", "--move")
    assert (code, row["remedy"]) == (1, "ask for 01-toy; 02-rest was handed in too")
    assert {path.name: path.read_bytes() for path in here.iterdir()} == files
    there.rmdir()
    code, (row,), said = run("--student", "other-lab", "--move")
    assert (code, row["reason"]) == (1, "nothing handed in")
    assert "other-lab: moved to 02-rest; grade it with `grader grade 02-rest`" in said
    files[f"{OTHER}.ipynb"] = files.pop(f"{LAB}.ipynb")
    assert {path.name: path.read_bytes() for path in there.iterdir()} == files
    assert not here.exists()


PIECES = st.lists(st.sampled_from(["<<<<<<< a\n", "||||||| base\n", "=======\n", ">>>>>>> b\n", "x\n", "y", "\r\n"]))


@given(PIECES)
def test_any_markers_are_read_or_not(pieces: list[str]) -> None:
    found = conflict_in("".join(pieces))
    for text in found.texts.values() if found else ():
        assert not any(line.startswith(("<<<<<<< ", ">>>>>>> ")) for line in text.splitlines())
        assert {*text} <= {*"".join(pieces)}


@given(st.text("xy\n"), st.text("xy\n"), st.text("xy\n"), st.booleans())
def test_each_side_is_what_stood_there(before: str, mine: str, theirs: str, base: bool) -> None:
    ends = [part + "\n" if part else "" for part in (before, mine, theirs)]
    held = "||||||| 123\nbase\n" if base else ""
    found = conflict_in(f"{ends[0]}<<<<<<< HEAD\n{ends[1]}{held}=======\n{ends[2]}>>>>>>> b\nend\n")
    assert found
    assert found.texts == {"ours": f"{ends[0]}{ends[1]}end\n", "theirs": f"{ends[0]}{ends[2]}end\n"}
    assert (found.labels, found.places, found.line) == (("HEAD", "b"), 1, ends[0].count("\n") + 1)


@given(st.lists(st.sampled_from(["mean", "spread", "total", "other"]), max_size=6), st.integers(0, 3))
def test_cells_are_found_once_each(released: NotebookNode, names: list[str], own: int) -> None:
    cells = [nbformat.v4.new_code_cell(f"def {name}(v):\n    return {at}") for at, name in enumerate(names)]
    kept = [copy.deepcopy(one) for one in released.cells if "nbgrader" in one.metadata][:own]
    found = found_again(nbformat.v4.new_notebook(cells=[*kept, *cells]), released)
    assert len({*found.places.values()}) == len(found.places)
    assert not {*found.places.values()} & {one.metadata.nbgrader.grade_id for one in kept}
    for place, name in found.places.items():
        assert name == names[place - own]
        assert name not in names[place - own + 1 :]


@pytest.fixture(scope="module")
def released(toy_template: Course) -> NotebookNode:
    return nbformat.read(toy_template.labs / LAB / f"{LAB}.ipynb", as_version=4)
