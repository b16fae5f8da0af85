"""labkit and the grader in an environment of their own, which has nothing of this course, grade an ordinary one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .assignments import quickstart
from .making import clean_environment

KIT = Path(__file__).resolve().parent.parent.parent
COURSES_OWN = ("torch", "transformers", "trl", "datasets", "rlhf")


@pytest.mark.long
def test_an_installation_without_this_course_grades_an_ordinary_one(tmp_path: Path) -> None:
    """Over a minute: pip installs JupyterLab's relatives and nbgrader from the index."""
    quickstart.make(tmp_path / "course")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", KIT / "labs" / "labkit", KIT], check=True)
    find = f"import importlib.util as u; print([name for name in {COURSES_OWN} if u.find_spec(name)])"
    found = subprocess.run([python, "-c", find], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
    done = subprocess.run(
        [python.with_name("grader"), "grade", quickstart.NAME, "--json"],
        cwd=tmp_path / "course",
        env=clean_environment(python),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    scores = {row["student"]: row["score"] for row in json.loads(done.stdout)}
    assert scores.keys() == quickstart.STUDENTS.keys()
    assert scores["bitdiddle"] == 3
    assert scores["nothing"] == 0
