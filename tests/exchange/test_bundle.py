"""Bundles: a student's has the labs and no answer, an instructor's can grade."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.build.leaks import find_leaks
from grader.build.leaks_quiz import secret_pieces
from grader.cli import app
from grader.course.paths import Course
from grader.exchange.bundle import instructor_bundle, leaks_in, student_bundle
from labkit.quiz.bank import packed, unpacked

LAB = "01-toy"


def test_students_get_the_labs_an_environment_a_readme_and_nothing_else(toy: Course) -> None:
    for left in ("progress.jsonl", "attempts.jsonl", ".quiz-toy.draft.json", f"{LAB}-hand-in.zip"):
        (toy.labs / LAB / left).write_text("{}")
    (toy.labs / LAB / ".ipynb_checkpoints").mkdir()
    (toy.labs / LAB / ".ipynb_checkpoints" / f"{LAB}.ipynb").write_text("{}")
    assert sorted(student_bundle(toy)) == [
        "rlhf-labs/README.md",
        "rlhf-labs/environment.yml",
        f"rlhf-labs/labs/{LAB}/{LAB}.ipynb",
    ]


@pytest.fixture(scope="module")
def given(repo: Course) -> dict[str, bytes]:
    """The real bundle."""
    return student_bundle(repo)


def test_the_real_bundle_is_labs_as_committed_and_clean(repo: Course, given: dict[str, bytes]) -> None:
    """The search itself is proved by the next test; here the files are those of labs/, byte for byte."""
    files = given
    inside = {name.removeprefix("rlhf-labs/labs/") for name in files if name.startswith("rlhf-labs/labs/")}
    assert set(files) - {f"rlhf-labs/labs/{name}" for name in inside} == {
        "rlhf-labs/README.md",
        "rlhf-labs/environment.yml",
    }
    for name in inside:
        assert files[f"rlhf-labs/labs/{name}"] == (repo.labs / name).read_bytes()
    for lab in repo.lab_names():
        assert f"{lab}/{lab}.ipynb" in inside
    words = ("solutions", "checks.py", "wrong.py", "secret")
    assert [name for name in files if any(word in name for word in words)] == []
    sources = [*repo.solutions.rglob("*.py"), *repo.quizzes.glob("*.yaml"), repo.quizzes / "secret"]
    contents = set(files.values())
    assert [path for path in sources if path.read_bytes() in contents] == []


def test_a_student_is_told_to_install_what_lies_in_the_bundle(given: dict[str, bytes], toy: Course) -> None:
    readme, environment = (given[f"rlhf-labs/{name}"].decode() for name in ("README.md", "environment.yml"))
    for name in ("labkit", "rlhf"):
        assert f"rlhf-labs/labs/{name}/pyproject.toml" in given
        assert f"      - -e ./labs/{name}\n" in environment
    assert readme.startswith("# RLHF Lab Kit: start here\n")
    assert "\npip install -e ./labkit -e ./rlhf  #" in readme
    assert "\npython -m rlhf.fetch  # the human ratings, 2.4 MB\npython -m labkit.room\n" in readme
    config = toy.root / "nbgrader_config.py"
    config.write_text(
        config.read_text().replace('"rlhf"\n', '"ps 1"\n') + "\nc.Grader.prepare = []\nc.Grader.title = ''\n"
    )
    others = student_bundle(toy)
    assert others["labs/README.md"].decode().startswith("# labs: start here\n")
    assert (
        "\npip install jupyterlab  # several minutes the first time\njupyter lab\n" in others["labs/README.md"].decode()
    )


@pytest.mark.parametrize("source", ["checks.py", "lab.py", "wrong.py"])
def test_an_answer_in_any_file_stops_the_bundle(toy: Course, source: str) -> None:
    files = {"labs/01-toy/notes.md": (toy.solutions / LAB / source).read_bytes()}
    assert leaks_in(toy, files) != []
    (toy.labs / LAB / "notes.md").write_bytes(files["labs/01-toy/notes.md"])
    assert find_leaks(toy) != []
    with pytest.raises(LookupError, match=r"answers are in it .*\nlabs/01-toy/notes\.md:\d+"):
        student_bundle(toy)


def test_instructors_get_the_course_without_classes_and_caches(toy: Course) -> None:
    (toy.class_dir / "submitted").mkdir(parents=True, exist_ok=True)
    (toy.class_dir / "submitted" / "private.txt").write_text("a student's")
    (toy.root / ".git").mkdir()
    (toy.root / ".git" / "config").write_text("")
    names = set(instructor_bundle(toy))
    assert f"rlhf-lab-kit/solutions/{LAB}/checks.py" in names
    assert "rlhf-lab-kit/nbgrader_config.py" in names
    assert [name for name in names if "/class/" in name or "/.git/" in name or "/build/" in name] == []


def test_the_command_writes_the_same_bytes_each_time(toy: Course, tmp_path: Path) -> None:
    made = []
    for name in ("one.zip", "two.zip"):
        result = CliRunner().invoke(app, ["bundle", "student", "--out", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert zipfile.ZipFile(io.BytesIO(made[0])).testzip() is None


def test_wrong_use_is_said(toy: Course) -> None:
    result = CliRunner().invoke(app, ["bundle", "everyone"])
    assert result.exit_code == 2
    assert "student or instructor" in result.stderr
    (toy.labs / LAB / f"{LAB}.ipynb").unlink()
    result = CliRunner().invoke(app, ["bundle", "student"])
    assert result.exit_code == 2
    assert f"run `grader build {LAB}` first" in result.stderr


def test_a_key_in_a_students_quiz_file_stops_the_bundle(quiz_course: Course) -> None:
    path = quiz_course.labs / "06-sample" / "sample.quiz.json"
    files = {"labs/06-sample/sample.quiz.json": path.read_bytes()}
    assert leaks_in(quiz_course, files) == []
    secret = max(secret_pieces(quiz_course.quizzes / "sample.yaml"), key=len)
    opened = packed(unpacked(path.read_bytes()).replace(b'"title": "', f'"title": "{secret} '.encode(), 1))
    assert leaks_in(quiz_course, {"labs/06-sample/sample.quiz.json": opened}) != []
