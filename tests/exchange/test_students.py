"""Who is who in a term: renamed, merged, removed, gone; each everywhere or nowhere. And a term in a file, and back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.known import gone
from grader.course.late import read_late
from grader.course.paths import ROOT_VARIABLE, Course
from grader.exchange import backup, students
from grader.exchange.students import JOURNAL, Change
from grader.grading.autograde import grade_class, write_rows
from grader.grading.demo_class import make_class
from grader.reports.class_report import write_report

LAB, MARK = "01-toy", "a word that only demo-03 wrote"
ROSTER = """platform,number,name,student,left
moodle,11,Ada Lovelace,demo-01,
canvas,12,Ada Lovelace,demo-01,
moodle,13,Grace Hopper,demo-02,
"""
LATE = """# written by hand
[policy]
per_day = 0.1

[due]
01-toy = "2026-11-30 12:00 UTC"

[extensions.01-toy]  # by mail
demo-01 = 3   # ill
"demo-02" = 1
"""


@pytest.fixture(scope="module")
def term(toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Four students of the toy lab, graded, with a roster, late.toml, history of attempts, and reports."""
    root = tmp_path_factory.mktemp("term") / "course"
    shutil.copytree(toy_template.root, root)
    course = Course(root)
    make_class(course, LAB, size=4)
    path = course.submitted / "demo-03" / LAB / f"{LAB}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(f'"{MARK}"'))
    nbformat.write(notebook, path)
    for at in (1, 2):
        (course.submitted / f"demo-0{at}" / LAB / "timestamp.txt").write_text(f"2026-11-0{at} 10:00:00 UTC")
    course.roster.write_text(ROSTER)
    (course.class_dir / "late.toml").write_text(LATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        write_rows(course, LAB, grade_class(course, LAB))
        write_report(course, [LAB], course.reports)
    taken = [{"student": f"demo-0{at}", "bank": "b", "attempt": f"a{at}"} for at in (1, 2, 3)]
    lines = [json.dumps(one) for one in taken]
    (course.class_dir / "history" / f"{LAB}.attempts.jsonl").write_text("\n".join(["{no line", *lines]) + "\n")
    return course


@pytest.fixture
def own(term: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    root = tmp_path / "course"
    shutil.copytree(term.root, root, symlinks=True)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    return Course(root)


def rows(course: Course) -> Mapping[str, tuple[Any, ...]]:
    """What the gradebook has of each student, whatever its rows are called."""
    with gradebook(course) as book:
        return {
            one.student.id: (
                one.score,
                one.timestamp,
                one.extension,
                sorted((g.name, g.auto_score, g.manual_score) for notebook in one.notebooks for g in notebook.grades),
                sorted((c.name, c.auto_comment or "") for notebook in one.notebooks for c in notebook.comments),
            )
            for one in book.assignment_submissions(LAB)
        }


def files(course: Course) -> Mapping[str, bytes]:
    """What lies in the class, but for the database, locks, and what is made anew."""
    found = {
        path.relative_to(course.class_dir).as_posix(): path.read_bytes()
        for path in course.class_dir.rglob("*")
        if path.is_file() and not path.name.startswith(("gradebook.db", "."))
    }
    return {name: content for name, content in found.items() if not name.startswith("cache/")}


def run(*arguments: object) -> tuple[int, Any, str]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout else None, result.stderr


def test_a_renamed_student_is_the_same_everywhere(own: Course) -> None:
    before, points = files(own), rows(own)
    code, told, _ = run("student", "rename", "demo-01", "ada", "--dry-run")
    assert (code, told["done"], files(own), rows(own)) == (0, False, before, points)
    assert run("student", "rename", "demo-01", "ada")[1]["changes"] == told["changes"]
    assert rows(own) == {"ada" if name == "demo-01" else name: of for name, of in points.items()}
    after = files(own)
    for folder in ("submitted", "autograded"):
        for name in (one for one in before if one.startswith(f"{folder}/demo-01/")):
            assert after[name.replace("demo-01", "ada")] == before[name]
    assert not any(
        "demo-01" in name or b"demo-01" in content for name, content in after.items() if ".ipynb" not in name
    )
    assert after["roster.csv"].decode().replace("\r\n", "\n") == ROSTER.replace("demo-01", "ada")
    assert after["late.toml"].decode() == LATE.replace("demo-01 =", '"ada" =')
    assert {*read_late(own).extensions[LAB]} == {"ada", "demo-02"}
    attempts = after[f"history/{LAB}.attempts.jsonl"].splitlines()
    assert (attempts[0], json.loads(attempts[1])["student"]) == (b"{no line", "ada")
    (row,) = grade_class(own, LAB, ["ada"])
    assert (row.score, row.executed) == (points["demo-01"][0], False)
    assert rows(own)["ada"] == points["demo-01"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rename", "demo-1", "ada"), "no student is called 'demo-1'; did you mean demo-01?"),
        (("rename", "demo-01", "demo-02"), "`grader student merge demo-01 demo-02`"),
        (("rename", "demo-01", "DEMO-02"), "demo-02 is there already"),
        (("rename", "demo-01", "a/b"), "give another one"),
        (("rename", "demo-01", "demo-01"), "is called so already"),
        (("merge", "demo-01", "demo-01"), "two different students"),
        (("merge", "demo-01", "demo-02", "--keep", "demo-03"), "--keep is demo-01 or demo-02"),
        (("merge", "demo-03", "demo-04"), "say whose counts, --keep demo-03 or demo-04"),
        (("remove", "nobody"), "no student is called 'nobody'"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(own: Course, arguments: tuple[str, ...], said: str) -> None:
    before, points = files(own), rows(own)
    code, _, stderr = run("student", *arguments)
    assert code == 2
    assert said in stderr
    assert (files(own), rows(own)) == (before, points)


CHANGES = [Change("demo-01", "ada"), Change("demo-01", "demo-02", (LAB,)), Change("demo-03")]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("step", ["_change_rows", "write_whole"])
def test_a_step_that_fails_undoes_all(own: Course, monkeypatch: pytest.MonkeyPatch, change: Change, step: str) -> None:
    before, points = files(own), rows(own)
    real = getattr(students, step)

    def fails(*arguments: Any, **more: Any) -> None:
        if step == "write_whole" and "journal" not in calls:
            calls.append("journal")
            real(*arguments, **more)
        elif "failed" not in calls:
            calls.append("failed")
            raise OSError(28, "No space left on device")
        else:
            real(*arguments, **more)

    calls: list[str] = []
    monkeypatch.setattr(students, step, fails)
    with pytest.raises(OSError, match="No space left"):
        students.make(own, change)
    assert (files(own), rows(own)) == (before, points)
    assert not (own.class_dir / JOURNAL).exists()
    assert not list(own.class_dir.rglob("*.removed"))


@pytest.mark.parametrize("change", CHANGES)
def test_a_killed_change_is_completed_by_the_next(
    own: Course, term: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Change
) -> None:
    class KilledError(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise KilledError

    other = tmp_path / "other"
    shutil.copytree(term.root, other, symlinks=True)
    with monkeypatch.context() as patch:  # what is undone is not, and what is cleared is not: as if it were killed
        patch.setattr(students, "_change_rows", killed)
        patch.setattr(students.contextlib, "suppress", lambda *_: killed())
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(KilledError):
            students.make(own, change)
    assert (own.class_dir / JOURNAL).exists()
    assert students.make(own, change) == [f"{change.old}: the change that was begun before is complete"]
    monkeypatch.setenv(ROOT_VARIABLE, str(other))
    students.make(Course(other), change)
    assert rows(Course(other)) == rows(own)
    assert {name: text for name, text in files(own).items() if not name.endswith(".made")} == files(Course(other))
    assert not list(own.class_dir.rglob("*.removed"))


def test_of_two_ids_the_later_hand_in_counts_and_history_is_one(own: Course) -> None:
    before, points = files(own), rows(own)
    assert run("student", "merge", "demo-01", "demo-02")[0] == 0
    assert rows(own) == {name: of for name, of in points.items() if name != "demo-01"}
    after = files(own)
    notebook = f"{LAB}/{LAB}.ipynb"
    assert after[f"submitted/demo-02/{notebook}"] == before[f"submitted/demo-02/{notebook}"]
    assert after[f"submitted/demo-02/.of-demo-01/{notebook}"] == before[f"submitted/demo-01/{notebook}"]
    assert not any("/demo-01/" in name for name in after)
    history = [json.loads(line)["student"] for line in after[f"history/{LAB}.jsonl"].splitlines()]
    assert sorted(history) == ["demo-02", "demo-02", "demo-03", "demo-04"]
    assert read_late(own).extensions == {LAB: {"demo-02": read_late(own).extensions[LAB]["demo-02"]}}
    assert [line.split(",")[3] for line in after["roster.csv"].decode().splitlines()[1:]] == ["demo-02"] * 3


def test_of_two_ids_the_one_that_is_named_counts(own: Course) -> None:
    before, points = files(own), rows(own)
    assert run("student", "merge", "demo-01", "demo-02", "--keep", "demo-01")[0] == 0
    assert rows(own) == {name: points["demo-01" if name == "demo-02" else name] for name in points if name != "demo-01"}
    after = files(own)
    for step in ("submitted", "autograded"):
        assert after[f"{step}/demo-02/{LAB}/{LAB}.ipynb"] == before[f"{step}/demo-01/{LAB}/{LAB}.ipynb"]
    kept = f"{LAB}/{LAB}.ipynb"
    assert after[f"submitted/demo-02/.of-demo-02/{kept}"] == before[f"submitted/demo-02/{kept}"]


def test_of_a_removed_student_nothing_is_left(own: Course) -> None:
    points = rows(own)
    everything = [path for path in own.class_dir.rglob("*") if path.is_file()]
    assert any(MARK.encode() in path.read_bytes() for path in everything if "cache" in path.parts)
    assert any(b"demo-03" in path.read_bytes() for path in everything if path.name == "gradebook.db")
    assert run("student", "remove", "demo-03")[0] == 0
    assert rows(own) == {name: of for name, of in points.items() if name != "demo-03"}
    for path in own.class_dir.rglob("*"):
        assert "demo-03" not in str(path.relative_to(own.class_dir))
        content = path.read_bytes() if path.is_file() else b""
        assert b"demo-03" not in content, path
        assert MARK.encode() not in content, path
    assert run("student", "list")[1][-1]["student"] == "demo-04"


def test_who_left_is_shown_and_not_exported(own: Course) -> None:
    points = rows(own)
    own.roster.write_text(ROSTER.replace("Grace Hopper,demo-02,", "Grace Hopper,demo-02,2026-11-05"))
    shutil.rmtree(own.submitted / "demo-04")
    assert dict(gone(own)) == {
        "demo-02": "left: 2026-11-05",
        "demo-04": "nothing of theirs is among what was handed in any more",
    }
    code, told, _ = run("grade", LAB)
    assert code == 0
    assert [(row["student"], row["score"], row["gone"]) for row in told] == [
        (name, of[0], name in ("demo-02", "demo-04")) for name, of in points.items()
    ]
    assert told[1]["reason"] == "gone: left: 2026-11-05"
    assert rows(own) == points, "their points stay"
    assert [row["student"] for row in run("export-grades", LAB)[1]] == ["demo-01", "demo-03"]
    run("report", LAB)
    (report,) = json.loads((own.reports / LAB / "report.json").read_text())
    assert (report["students"], [name for name, _ in report["gone"]]) == (2, ["demo-02", "demo-04"])
    assert "Gone: in no figure, not exported" in (own.reports / LAB / "report.html").read_text()
    assert [one["gone"] != "" for one in run("student", "list")[1]] == [False, True, False, True]
    code, _, said = run("grade", LAB, "--student", "demo-02")
    assert code == 2
    assert "demo-02 is gone (left: 2026-11-05)" in said


def test_an_unknown_name_is_told_with_the_nearest(own: Course, tmp_path: Path) -> None:
    path = own.class_dir / "late.toml"
    path.write_text(LATE.replace("demo-01 =", "dmeo-01 ="))
    code, _, said = run("grade", LAB)
    assert code == 2
    assert "[extensions.01-toy]: no student is called 'dmeo-01'; did you mean demo-01?" in said
    path.write_text(LATE.replace("[extensions.01-toy]", "[extensions.01-tyo]"))
    assert "no assignment is called '01-tyo'; did you mean 01-toy?" in run("grade", LAB)[2]
    path.unlink()
    listed = tmp_path / "moodle.csv"
    listed.write_text("username\ndemo-01\ndemo-02\ndemo-03\ndemo-4\n")
    code, _, said = run("export-grades", LAB, "--to", "moodle", "--roster", listed)
    assert code == 1
    assert f"demo-04: has grades here but is not in {listed}; did you mean demo-4?" in said


def test_a_term_comes_back_as_it_was(own: Course, toy_template: Course, tmp_path: Path) -> None:
    (own.submitted / "demo-04" / LAB / "link").symlink_to("/etc/passwd")
    before, points, secret = files(own), rows(own), own.secret()
    file = tmp_path / "term.tar.gz"
    code, told, _ = run("backup", file)
    assert code == 0
    assert told["files"]["gradebook.db"] == 1
    assert file.stat().st_mode & 0o077 == 0
    assert "is there already" in run("backup", file)[2]
    assert "4 students are here already" in run("restore", file)[2]
    root = tmp_path / "empty"
    shutil.copytree(toy_template.root, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        other = Course(root)
        nothing = files(other)
        damaged = tmp_path / "damaged.tar.gz"
        for content in (b"no backup", file.read_bytes()[:-3000]):
            damaged.write_bytes(content)
            code, _, said = run("restore", damaged)
            assert (code, files(other), rows(other)) == (2, nothing, {}), said
        assert run("restore", file)[0] == 0
        assert (files(other), rows(other), other.secret()) == (before, points, secret)
        assert (other.submitted / "demo-04" / LAB / "link").is_symlink()
        assert not list(other.class_dir.glob(".restored-*"))
        scores = {row.student: row.score for row in grade_class(other, LAB)}
        assert scores == {name: of[0] for name, of in points.items()}
        assert rows(other) == points


def test_a_restore_that_fails_changes_nothing(
    own: Course, toy_template: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "term.tar.gz"
    backup.back_up(own, file)
    root = tmp_path / "empty"
    shutil.copytree(toy_template.root, root)
    other = Course(root)
    before = files(other)

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_restore_gradebook", fails)
    with pytest.raises(OSError, match="No space left"):
        backup.restore(other, file)
    assert files(other) == before
