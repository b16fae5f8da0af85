"""Run All on a lab as it is handed out: every cell is told or runs, none stops the run, and the quiz stands there."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from grader.course.paths import Course


def run(labs: Path, lab: str, folder: Path) -> nbformat.NotebookNode:
    """The released notebook of a lab after all its cells, in a real kernel; a cell that stops the run raises."""
    (folder / lab).mkdir(parents=True)
    for file in (path for path in (labs / lab).iterdir() if path.is_file()):
        shutil.copy(file, folder / lab)
    notebook = nbformat.read(labs / lab / f"{lab}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder / lab)}}).execute()
    return notebook


@pytest.mark.parametrize("lab", ["03-ppo", "04-partition-function", "05-dpo", "07-grpo"])
def test_run_all_reaches_the_quiz(lab: str, repo: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    cells = [cell for cell in run(repo.labs, lab, tmp_path).cells if cell.cell_type == "code"]
    told = [output.get("text", "") for cell in cells for output in cell.outputs]
    assert sum("this cell waits for it." in text for text in told) > 3
    [quiz] = [cell for cell in cells if "labkit.quiz(" in cell.source]
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in quiz.outputs)


def test_under_nbgrader_the_same_notebook_stops(repo: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    with pytest.raises(CellExecutionError, match=r"NotImplementedError|not written yet"):
        run(repo.labs, "04-partition-function", tmp_path)
