"""nbgrader's own commands and its server extensions work on this layout, as an instructor would use them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from sqlalchemy import text

from grader.course.coursedir import gradebook
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.demo_class import make_class

LAB = "01-toy"
BIN = Path(sys.executable).parent
TOKEN = "for-this-test"
LAB_OPTIONS = ["--no-browser", "--allow-root", "--port=0", f"--IdentityProvider.token={TOKEN}"]
Serve = Callable[[list[str], Path, dict[str, str]], AbstractContextManager[str]]


def environment(course: Course) -> dict[str, str]:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    return os.environ | {
        ROOT_VARIABLE: str(course.root),
        "PATH": path,
        "JUPYTER_CONFIG_DIR": str(course.root / "jupyter"),
    }


def nbgrader(course: Course, *args: str) -> str:
    done = subprocess.run(
        [str(BIN / "nbgrader"), *args], cwd=course.root, env=environment(course), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The toy course with a simulated class of four, ungraded."""
    root = tmp_path_factory.mktemp("nbgrader") / "course"
    shutil.copytree(toy_template.root, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        make_class(Course(root), LAB, size=4)
    return Course(root)


@pytest.fixture(scope="module")
def server(course: Course, serve: Serve) -> Iterator[str]:
    """JupyterLab at the root of the course, as `make instructor` starts it; gives its address."""
    with serve([str(BIN / "jupyter-lab"), *LAB_OPTIONS], course.root, environment(course)) as address:
        yield address


def ask(url: str, data: dict[str, str] | None = None) -> Any:
    body = None if data is None else json.dumps(data).encode()
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as reply:
        text = reply.read().decode()
    return json.loads(text) if text.startswith(("{", "[")) else text


def test_generate_assignment_gives_what_the_build_gave(course: Course) -> None:
    released = course.labs / LAB / f"{LAB}.ipynb"
    before = released.read_bytes()
    nbgrader(course, "generate_assignment", LAB, "--force")
    assert released.read_bytes() == before


def test_a_new_gradebook_is_of_the_revision_that_nbgrader_names(tmp_path: Path, course: Course) -> None:
    ask_nbgrader = [sys.executable, "-c", "import nbgrader.api; print(nbgrader.api.get_alembic_version())"]
    said = subprocess.run(ask_nbgrader, env=environment(course), capture_output=True, text=True, check=True)
    shutil.copyfile(course.root / "nbgrader_config.py", tmp_path / "nbgrader_config.py")
    with gradebook(Course(tmp_path)) as book:
        revision = book.db.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert revision == said.stdout.strip()


def test_autograde_gives_partial_credit_and_feedback_shows_promises_but_no_check(course: Course) -> None:
    nbgrader(course, "autograde", LAB, "--student=demo-03", "--force")
    with gradebook(course) as book:
        submission = book.find_submission(LAB, "demo-03")
        expected = {"mean-hidden": 1.0, "spread-hidden": 0.0, "mean-checks": 0.0, "spread-checks": 0.0}
        assert {g.cell.name: g.auto_score for n in submission.notebooks for g in n.grades} == expected
    nbgrader(course, "generate_feedback", LAB, "--student=demo-03", "--force")
    page = (course.class_dir / "feedback" / "demo-03" / LAB / f"{LAB}.html").read_text()
    assert "The mean is the sum divided by the count." in page
    assert "Did you divide by n − 1?" in page
    for secret in ("grader.checks", "run(", "rng", "BEGIN HIDDEN", "math.fsum"):
        assert secret not in page


def test_validate_skips_demo_cells_and_names_failing_visible_checks(course: Course) -> None:
    passed = nbgrader(course, "validate", str(course.submitted / "demo-01" / LAB / f"{LAB}.ipynb"))
    assert "Success! Your notebook passes all the tests." in passed
    failed = nbgrader(course, "validate", str(course.labs / LAB / f"{LAB}.ipynb"))
    assert "VALIDATION FAILED ON 2 CELL(S)" in failed


def test_formgrader_lists_the_lab_and_its_button_autogrades(server: str, course: Course) -> None:
    assert [row["name"] for row in ask(f"{server}/formgrader/api/assignments")] == [LAB]
    assert "formgrader" in ask(f"{server}/formgrader")
    done = ask(f"{server}/formgrader/api/submission/{LAB}/demo-01/autograde", {})
    assert done["success"], done
    row = ask(f"{server}/formgrader/api/submission/{LAB}/demo-01")
    assert (row["score"], row["max_score"], row["needs_manual_grade"]) == (5.0, 5.0, False)


def test_the_validate_button_answers_as_the_command_does(server: str, course: Course) -> None:
    solved = ask(f"{server}/assignments/validate", {"path": f"class/submitted/demo-01/{LAB}/{LAB}.ipynb"})
    assert solved["success"]
    assert solved["value"] == {}
    blank = ask(f"{server}/assignments/validate", {"path": f"labs/{LAB}/{LAB}.ipynb"})
    assert [cell["source"].splitlines()[0] for cell in blank["value"]["failed"]] == [
        "assert mean([1.0, 2.0]) == 1.5",
        "assert spread([1.0, 4.0]) == 3.0",
    ]


def test_released_notebooks_open_through_the_server(server: str) -> None:
    content = ask(f"{server}/api/contents/labs/{LAB}/{LAB}.ipynb")["content"]
    nbformat.validate(nbformat.from_dict(content))
