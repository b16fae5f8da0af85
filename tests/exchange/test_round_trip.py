"""The whole way: student bundle, answers on machines of their own, downloads of two platforms, grades, grade files."""

from __future__ import annotations

import csv
import io
import random
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

import labkit
from grader.build.release import build_lab
from grader.cells import grade_id
from grader.cli import app
from grader.course.paths import Course
from grader.quizzes.kept import load_kept
from grader.quizzes.keyed import KeyedBank
from labkit.handin import hand_in

TOY, QUIZ = "01-toy", "06-sample"
MEAN = """\
def mean(values):
    if not values:
        raise ValueError("no values")
    return sum(values) / len(values)
"""
SPREAD = "def spread(values):\n    return max(values) - min(values)\n"
LAST_LESS_FIRST = "def spread(values):\n    return values[-1] - values[0]\n"
LATE_RULES = f"""\
[policy]
per_day = 0.1
[due]
{QUIZ} = "2026-11-25 12:00 UTC"
"""
EARLY, OVERDUE = (2026, 11, 20, 12, 0, 0), (2026, 11, 26, 9, 0, 0)
MOODLE_USERS = """\
Identifier,Full name,Username
Participant 71,Ada Lovelace,ada
Participant 72,Bob Bayes,bob
"""
CANVAS_GRADEBOOK = """\
Student,ID,SIS User ID,SIS Login ID,Section
    Points Possible,,,,
"Hopper, Grace",4712,s2,grace,Monday
"""


@pytest.fixture
def course(toy: Course, quiz_template: Course) -> Course:
    """The toy course with the quiz as a second lab."""
    for folder in ("solutions", "quizzes"):
        shutil.copytree(quiz_template.root / folder, toy.root / folder, dirs_exist_ok=True)
    for lab in (TOY, QUIZ):
        build_lab(toy, lab)
    return toy


def ran(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def answer_notebook(folder: Path, answers: Mapping[str, str]) -> None:
    path = folder / TOY / f"{TOY}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(grade_id(cell), cell.source)
    nbformat.write(notebook, path)


def take_quiz(folder: Path, kept: KeyedBank, skill: float, rng: random.Random) -> float:
    """Take the quiz as the player does, some parts rightly; the share of the points that the player then shows."""
    quiz = labkit.quiz("sample", folder / QUIZ)
    for drawn in quiz.drawn:
        for part in kept.by_id[drawn.item].variants[drawn.variant].parts:
            right = [key.answer for key in part.answers if key.credit == 1]
            wrong = "0" if part.kind == "check" else "no such answer"
            quiz.put(drawn.item, part.id, (right or ["0"])[0] if rng.random() < skill else wrong)
    quiz.hand_over()
    assert quiz.result is not None
    return quiz.result.score


def zipped(files: Mapping[str, tuple[bytes, tuple[int, ...]]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (content, time) in files.items():
            archive.writestr(zipfile.ZipInfo(name, time), content)
    return made.getvalue()


def lines_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_from_the_students_bundle_to_the_grade_file_of_a_platform(course: Course, tmp_path: Path) -> None:
    """Ada and Bob come by Moodle, Grace by Canvas, which calls her quiz late; each is worth what was answered."""
    ran("bundle", "student", "--out", tmp_path / "labs.zip")
    (kept,) = load_kept(course.banks).values()
    answers = {
        "ada": ({"mean": MEAN, "spread": SPREAD}, 1.0),
        "bob": ({"mean": MEAN, "spread": LAST_LESS_FIRST}, 0.5),
        "grace": ({"spread": SPREAD}, 0.5),
    }
    shares, packed = {}, {}
    for student, (code, skill) in answers.items():
        home = tmp_path / "homes" / student
        with zipfile.ZipFile(tmp_path / "labs.zip") as bundle:
            bundle.extractall(home)
        folder = home / "rlhf-labs" / "labs"
        answer_notebook(folder, code)
        shares[student] = take_quiz(folder, kept, skill, random.Random(student))
        for lab in (TOY, QUIZ):
            hand_in(folder / lab)
            packed[student, lab] = (folder / lab / f"{lab}-hand-in.zip").read_bytes()
    assert shares["ada"] == 1.0
    assert all(0.0 < shares[student] < 1.0 for student in ("bob", "grace"))

    (course.class_dir / "late.toml").write_text(LATE_RULES)
    rosters = {"moodle": tmp_path / "users.csv", "canvas": tmp_path / "gradebook.csv"}
    rosters["moodle"].write_text(MOODLE_USERS)
    rosters["canvas"].write_text(CANVAS_GRADEBOOK)
    for lab in (TOY, QUIZ):
        name = f"{lab}-hand-in.zip"
        moodle = {
            f"Ada Lovelace_71_assignsubmission_file/{name}": (packed["ada", lab], EARLY),
            f"Bob Bayes_72_assignsubmission_file/{name}": (packed["bob", lab], EARLY),
        }
        late = "LATE_" if lab == QUIZ else ""
        canvas = {f"hoppergrace_{late}4712_9_{name}": (packed["grace", lab], OVERDUE if late else EARLY)}
        for platform, files in (("moodle", moodle), ("canvas", canvas)):
            download = tmp_path / f"{platform}-{lab}.zip"
            download.write_bytes(zipped(files))
            ran("collect", download, "--roster", rosters[platform])
        ran("grade", lab)

    points = {student: round(9.5 * share, 2) for student, share in shares.items()}
    points["grace"] -= round(0.1 * points["grace"], 2)  # a day late, begun
    ada, bob, grace = (f"{points[student]:g}" for student in ("ada", "bob", "grace"))
    for platform, roster in rosters.items():
        CliRunner().invoke(app, ["export-grades", "--to", platform, "--roster", str(roster)])
    assert lines_of(course.reports / "grades-moodle.csv") == [
        ["Username", "Toy", "Sample"],
        ["ada", "5", ada],
        ["bob", "3", bob],
    ]
    assert lines_of(course.reports / "grades-canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Toy", "Sample"],
        ["    Points Possible", "", "", "", "", "5", "9.5"],
        ["Hopper, Grace", "4712", "s2", "grace", "Monday", "2", grace],
    ]
