"""The student's JupyterLab is furnished apart: what it hides, its cards, and the start page's progress."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from labkit.room.furnish import EXTENSIONS, Room, furnish, has_exchange
from labkit.room.startpage import draw_progress
from labkit.workspace import trust

LABS = Path(__file__).resolve().parent.parent.parent / "labs"


def write(path: Path, *cells: nbformat.NotebookNode) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return path


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    new = nbformat.v4
    shown = new.new_code_cell('Progress("..")', id="one", metadata={"tags": ["progress"]})
    write(tmp_path / "work" / "00-start" / "00-start.ipynb", new.new_markdown_cell("# Start here"), shown)
    exercise = new.new_code_cell('checks("half")', id="two", metadata={"nbgrader": {"grade_id": "half-checks"}})
    write(tmp_path / "work" / "01-a b" / "01-a b.ipynb", new.new_markdown_cell("# Lab 01 · A: and so on"), exercise)
    (tmp_path / "work" / "data").mkdir()
    return tmp_path / "work"


def trusted(page: nbformat.NotebookNode) -> bool:
    with NotebookNotary() as signed:
        return signed.check_signature(page)


def read(path: Path) -> dict[str, object]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_instructors_tools_and_news_are_off_and_labs_are_cards(work: Path, tmp_path: Path) -> None:
    options = furnish(Room.of(work), tmp_path / "config")
    page = read(tmp_path / "config" / "labconfig" / "page_config.json")
    off = page["disabledExtensions"]
    tools = ("create-assignment", "formgrader", "course-list", "menu", "assignment-list")
    assert {f"@jupyter/nbgrader:{name}" for name in tools} <= set(off)
    assert "@jupyterlab/apputils-extension:announcements" in off
    assert "@jupyter/nbgrader:validate-assignment" not in off
    cards = json.loads(page["labkitRoom"])
    assert cards == {
        "labs": [
            {"path": "00-start/00-start.ipynb", "label": "Start here"},
            {"path": "01-a b/01-a b.ipynb", "label": "Lab 01 · A: and so on"},
        ],
        "assignments": False,
    }
    served = read(tmp_path / "config" / "jupyter_server_config.json")["ServerApp"]["jpserver_extensions"]
    assert served["nbgrader.server_extensions.formgrader"] is False
    assert served["nbgrader.server_extensions.validate_assignment"] is True
    assert "--LabApp.default_url=/lab/tree/00-start/00-start.ipynb" in options
    assert os.environ["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0] == str(tmp_path / "config")
    assert (EXTENSIONS / "labkit-room" / "static" / "room.js").is_file()


def test_where_there_is_an_exchange_assignments_are_offered(work: Path, tmp_path: Path) -> None:
    (work / "nbgrader_config.py").write_text(f"c = get_config()\nc.Exchange.root = {str(tmp_path / 'exchange')!r}\n")
    assert not has_exchange(work)
    (tmp_path / "exchange").mkdir()
    assert has_exchange(work)
    furnish(Room.of(work), tmp_path / "config")
    page = read(tmp_path / "config" / "labconfig" / "page_config.json")
    assert "@jupyter/nbgrader:assignment-list" not in page["disabledExtensions"]
    assert "@jupyter/nbgrader:formgrader" in page["disabledExtensions"]
    assert json.loads(page["labkitRoom"])["assignments"] is True


def test_a_folder_without_labs_is_furnished_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    (tmp_path / "empty").mkdir()
    options = furnish(Room.of(tmp_path / "empty"), tmp_path / "config")
    assert not [option for option in options if "default_url" in option]


def test_the_start_page_shows_progress_and_stays_trusted(work: Path) -> None:
    start = work / "00-start" / "00-start.ipynb"
    trust([start])
    assert draw_progress(start)
    page = nbformat.read(start, as_version=4)
    shown = page.cells[1].outputs[0].data["text/html"]
    assert 'href="../01-a%20b/01-a%20b.ipynb"' in shown
    assert "Run the cell above to look again" in shown
    assert page.cells[0].source == "# Start here"
    assert page.cells[1].execution_count is None
    assert trusted(page)
    assert not list(start.parent.glob("*.part"))


def test_a_notebook_that_nobody_trusted_is_not_trusted_after(work: Path) -> None:
    start = work / "00-start" / "00-start.ipynb"
    assert draw_progress(start)
    assert not trusted(nbformat.read(start, as_version=4))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 1}'])
def test_a_broken_start_page_is_left_alone(work: Path, content: str) -> None:
    start = work / "00-start" / "00-start.ipynb"
    start.write_text(content)
    assert not draw_progress(start)
    assert start.read_text() == content


def test_the_real_start_page_has_the_cell() -> None:
    page = nbformat.read(LABS / "00-start-here" / "00-start-here.ipynb", as_version=4)
    [cell] = [cell for cell in page.cells if "progress" in cell.metadata.get("tags", [])]
    assert cell.source == 'Progress("..")'
