"""A lab whose only graded cell is its quiz: built, verified, graded by nbgrader, and without keys under labs/."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from grader.build.leaks import find_leaks
from grader.build.problems import BuildError
from grader.build.release import build_lab, check_lab
from grader.build.verify import verify_lab
from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.grading.autograde import grade_class
from grader.grading.demo_class import make_class
from grader.grading.plain import autograde, autograde_plainly
from grader.quizzes.keep import read_secret
from grader.quizzes.kept import load_kept
from grader.quizzes.run import score_file
from grader.quizzes.score import score_attempts
from grader.quizzes.simulate import simulate
from grader.usage import FELL_SHORT, HELD, WRONG_USE
from labkit.quiz.bank import load_bank, packed, unpacked

LAB, BANK = "06-sample", "sample"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_sealed_bank_lies_in_source_and_labs_and_its_keys_are_kept(quiz_course: Course) -> None:
    sealed = quiz_course.labs / LAB / "sample.quiz.json"
    assert sealed.read_bytes() == (quiz_course.source / LAB / "sample.quiz.json").read_bytes()
    assert list(load_kept(quiz_course.banks)) == [load_bank(sealed).hash]
    with gradebook(quiz_course) as book:
        assert book.find_assignment(LAB).max_score == 9.5


def test_builds_are_equal_and_check_finds_drift_of_the_bank(quiz_course: Course) -> None:
    sealed = quiz_course.labs / LAB / "sample.quiz.json"
    before = sealed.read_bytes()
    sealed.unlink()
    assert build_lab(quiz_course, LAB) == [sealed]
    assert sealed.read_bytes() == before
    assert build_lab(quiz_course, LAB) == []
    assert check_lab(quiz_course, LAB) == []
    (sealed.parent / ".quiz-sample.draft.json").write_text("{}")
    sealed.write_bytes(packed(unpacked(before).replace(b"0.7", b"0.1", 1)))
    assert [str(drift.path) for drift in check_lab(quiz_course, LAB)] == [str(sealed)]


def test_a_changed_bank_keeps_the_old_one(quiz_course: Course) -> None:
    old = list(load_kept(quiz_course.banks))
    edit(quiz_course.quizzes / "sample.yaml", "Read the axis again.", "Read the axis once more.")
    build_lab(quiz_course, LAB)
    kept = load_kept(quiz_course.banks)
    assert set(old) < set(kept)
    assert len(kept) == 2
    line = simulate(kept[old[0]], random.Random(1), 1.0).line
    assert score_attempts(line.encode(), kept, BANK).points == 9.5


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("lab.py", '"points": 9.5', '"points": 9', "quiz-hidden says points 9, but an attempt at sample gives 9.5"),
        ("lab.py", '"sample")', '"other")', 'quiz-hidden must end in run_quiz("06-sample", "sample")'),
        ("lab.py", '"quiz-hidden"', '"quiz"', "the bank sample has no cell quiz-hidden"),
        ("lab.py", '"locked": true', '"locked": false', "quiz-hidden must be graded and locked"),
        ("sample.yaml", "kl(2.0) < kl(0.5)", "kl(2.0) > kl(0.5)", "what-beta-does: the key is false"),
        ("sample.yaml", "type: multiple", "type: many", "what-beta-does: "),
    ],
)
def test_what_is_not_in_order_is_refused_with_its_line(
    quiz_course: Course, file: str, old: str, new: str, says: str
) -> None:
    path = quiz_course.quizzes / file if file == "sample.yaml" else quiz_course.solutions / LAB / file
    edit(path, old, new)
    with pytest.raises(BuildError) as refused:
        build_lab(quiz_course, LAB)
    assert says in str(refused.value)
    assert f"{path}:" in str(refused.value)


def test_without_a_secret_nothing_is_sealed(quiz_course: Course) -> None:
    (quiz_course.quizzes / "secret").unlink()
    with pytest.raises(LookupError, match=r"quizzes/secret is missing"):
        read_secret(quiz_course.quizzes)
    assert CliRunner().invoke(app, ["build"]).exit_code == WRONG_USE


@pytest.mark.parametrize(
    "leak",
    [
        lambda c: bytes.fromhex("5e" * 32),
        lambda c: ("5e" * 32).encode(),
        lambda c: b"all( loss(u) > loss(2 * u) for u in grid)",
        lambda c: b'{"feedback": "<p>That would be a perfect model.</p>"}',
        lambda c: b"That would be a perfect\\n model.",
        lambda c: b"- text: a\n  claim: x > 1\n",
        lambda c: b"takes the start for the whole",
    ],
)
def test_keys_under_labs_are_found(quiz_course: Course, leak: Callable[[Course], bytes]) -> None:
    assert find_leaks(quiz_course) == []
    place = quiz_course.labs / LAB / "notes.txt"
    place.write_bytes(b"one line\n" + leak(quiz_course))
    found = find_leaks(quiz_course)
    assert found
    assert {(item.file, item.line in (2, 3)) for item in found} == {(place, True)}


def test_verify_proves_a_lab_without_checks(quiz_course: Course) -> None:
    found = verify_lab(quiz_course, LAB)
    assert (found.failures, found.exercises, found.points) == ([], 0, 9.5)


def test_three_roads_and_the_trusted_scorer_give_the_same_score(quiz_course: Course) -> None:
    students = make_class(quiz_course, LAB, 5)
    assert [student.expected for student in students[:2]] == [9.5, 0.0]
    rows = {row.student: row for row in grade_class(quiz_course, LAB, [s.name for s in students])}
    for student in students:
        row = rows[student.name]
        attempts = quiz_course.submitted / student.name / LAB / "attempts.jsonl"
        assert row.graded
        assert row.score == student.expected == score_file(quiz_course, LAB, BANK, attempts).points
    for road in (autograde, autograde_plainly):
        assert [road(quiz_course, LAB, student.name) for student in students] == [""] * len(students)
        with gradebook(quiz_course) as book:
            found = {s.student.id: s.score for s in book.assignment_submissions(LAB)}
        assert found == {student.name: student.expected for student in students}


def test_what_the_notebook_rewrites_while_it_is_graded_is_ignored(quiz_course: Course) -> None:
    make_class(quiz_course, LAB, 2)
    perfect = (quiz_course.submitted / "demo-01" / LAB / "attempts.jsonl").read_text()
    path = quiz_course.submitted / "demo-02" / LAB / f"{LAB}.ipynb"
    forged = nbformat.read(path, as_version=4)
    forged.cells.insert(0, nbformat.v4.new_code_cell(f"open('attempts.jsonl', 'w').write({perfect!r})"))
    nbformat.write(forged, path)
    (row,) = grade_class(quiz_course, LAB, ["demo-02"])
    assert (row.graded, row.score) == (True, 0.0)
    with gradebook(quiz_course) as book:
        assert book.find_submission(LAB, "demo-02").score == 0.0


def test_damaged_lines_are_told_and_the_missing_file_is_zero(quiz_course: Course) -> None:
    student = make_class(quiz_course, LAB, 2)[0]
    folder = quiz_course.submitted / student.name / LAB
    with (folder / "attempts.jsonl").open("a") as file:
        file.write("{\n")
    (quiz_course.submitted / "demo-02" / LAB / "attempts.jsonl").unlink()
    graded = CliRunner().invoke(app, ["grade", LAB, "--json"])
    assert graded.exit_code == HELD, graded.output
    first, second = json.loads(graded.stdout)
    assert (first["score"], first["graded"]) == (9.5, True)
    assert "attempts.jsonl: line 2: damaged" in first["events"][0]
    said = ["no attempts.jsonl was handed in beside the notebook: its quiz gives 0 points"]
    assert (second["score"], second["events"]) == (0.0, said)


def test_a_broken_bank_without_a_lab_is_wrong_use_with_its_line(quiz_course: Course) -> None:
    (quiz_course.quizzes / "later.yaml").write_text("title: Later\nitems: []\n")
    said = CliRunner().invoke(app, ["build", "--check"])
    assert said.exit_code == WRONG_USE
    assert "later.yaml:2: items: " in said.output


def test_build_check_from_the_command_line(quiz_course: Course) -> None:
    assert CliRunner().invoke(app, ["build", "--check"]).exit_code == HELD
    shutil.copyfile(quiz_course.quizzes / "sample.yaml", quiz_course.labs / LAB / "sample.yaml")
    assert CliRunner().invoke(app, ["build", "--check"]).exit_code == FELL_SHORT


def test_the_release_shows_no_line_of_the_grader(quiz_course: Course) -> None:
    released = nbformat.read(quiz_course.labs / LAB / f"{LAB}.ipynb", as_version=4)
    cell = next(cell for cell in released.cells if cell.metadata.get("nbgrader"))
    assert cell.source == "# Your highest attempt is counted here when your work is graded."
