"""`grader self-check`: one's own notebook, graded as a class's is, with nothing of a class touched."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.build.notebooks import read_source, write_notebook
from grader.cli import app
from grader.course.paths import Course
from grader.kernels.sandbox import SandboxError
from grader.reports import self_check as module

LAB = "01-toy"


def solved(course: Course, folder: Path) -> Path:
    path = folder / f"{LAB}.ipynb"
    write_notebook(read_source(course.solutions / LAB / "lab.py"), path)
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_ones_own_notebook_is_graded_apart_from_the_class(toy: Course, tmp_path: Path) -> None:
    path, before = solved(toy, tmp_path / "mine"), files_of(toy.root)
    done = CliRunner().invoke(app, ["self-check", LAB, str(path), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["points"] == said["most"] == 5
    assert any(line.startswith("  ✓ ") for line in said["told"])
    assert "<html" in Path(said["page"]).read_text()
    assert files_of(toy.root) == before


def test_without_a_sandbox_it_runs_in_process_and_says_so(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SandboxError("no user namespaces")

    monkeypatch.setattr(module, "grade_class", refuse)
    found = module.self_check(toy, LAB, solved(toy, tmp_path / "mine"))
    assert (found.points, found.most) == (5, 5)
    assert "No sandbox can be had here (no user namespaces)" in found.notes[0]
    assert found.page == ""


def test_a_notebook_that_is_not_there_says_where_it_was_looked_for(toy: Course) -> None:
    shutil.rmtree(toy.root / "work", ignore_errors=True)
    done = CliRunner().invoke(app, ["self-check", LAB])
    assert done.exit_code == 2
    assert f"work/{LAB}/{LAB}.ipynb" in done.output
