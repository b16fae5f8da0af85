"""The student's JupyterLab in Chromium: progress drawn, labs as cards, nothing for instructors, Run All to the quiz."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, expect

from labkit.workspace import copy_labs, trust

from .conftest import FILES, PATIENCE, REPO, TABLES_FIT, TOKEN, Server, change_theme, student_room, wait_for_kernel

START = "00-start-here/00-start-here.ipynb"
SMALL = "01-small"
FOR_INSTRUCTORS = ("open-formgrader", "open-formgrader-local", "open-course-list", "open-create-assignment")
STUB = "def half(x: float) -> float:\n    raise NotImplementedError()"
CHECKS = 'with checks("half") as check:\n    check.equal(half(3.0), 1.5, "halves")'


def small_lab(folder: Path) -> None:
    """A lab with a stub, checks, a drawing that needs the answer, what rests on it, and a quiz."""
    folder.mkdir()
    shutil.copyfile(FILES / "sample.quiz.json", folder / "sample.quiz.json")
    new = nbformat.v4
    stub, checks = new.new_code_cell(STUB, id="stub"), new.new_code_cell(CHECKS, id="checks")
    stub.metadata["nbgrader"] = {"grade_id": "half", "solution": True, "grade": False, "locked": False}
    checks.metadata["nbgrader"] = {"grade_id": "half-checks", "solution": False, "grade": True, "points": 0}
    cells = [
        new.new_markdown_cell("# Lab 01 · Halves: a small lab", id="title"),
        new.new_code_cell("import labkit\nfrom labkit import checks", id="imports"),
        *(stub, checks),
        new.new_code_cell("halves = [half(x) for x in range(9)]", id="demo"),
        new.new_code_cell("print(sum(halves))", id="after"),
        new.new_code_cell('labkit.quiz("sample")', id="quiz"),
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new.new_notebook(cells=cells, metadata={"kernelspec": spec}), folder / f"{SMALL}.ipynb")
    trust([folder / f"{SMALL}.ipynb"])


@pytest.fixture(scope="module")
def room(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`python -m labkit.room` on a copy of the start page and a small lab, as a student starts it."""
    root = tmp_path_factory.mktemp("room")
    labs, work = root / "labs", root / "work"
    shutil.copytree(REPO / "labs" / "00-start-here", labs / "00-start-here", ignore=shutil.ignore_patterns(".*"))
    for name in ("README.md", "nbgrader_config.py"):
        shutil.copyfile(REPO / "labs" / name, labs / name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JUPYTER_DATA_DIR", str(root / "data"))
        trust(copy_labs(labs, work)[2:])
        small_lab(work / SMALL)
    with student_room(serve, root, work) as room:
        yield room


def picture(page: Page, name: str) -> None:
    """Keep a screenshot, where the variable SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_the_start_page_opens_with_progress_drawn_and_nothing_in_the_way(page: Page, room: Server) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{room.address}/?token={TOKEN}")
    page.wait_for_url("**/lab/tree/00-start-here/00-start-here.ipynb*")
    chart = page.locator('.jp-OutputArea img.labkit-picture[alt^="Your progress."]')
    chart.wait_for(timeout=2 * PATIENCE)
    wait_for_kernel(page)
    counts = "jupyterapp.shell.currentWidget.model.sharedModel.cells.map((cell) => cell.execution_count ?? null)"
    assert set(page.evaluate(counts)) == {None}
    expect(page.get_by_text("Next: try half in 01-small.")).to_be_visible()
    assert page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    assert page.evaluate(TABLES_FIT)
    picture(page, "first-open-1024")
    change_theme(page, "Dark")
    assert "invert(0.93)" in chart.evaluate("(image) => getComputedStyle(image).filter")
    picture(page, "first-open-dark")
    change_theme(page, "Light")
    assert chart.evaluate("(image) => getComputedStyle(image).filter") == "none"


def test_there_is_no_tool_of_instructors(page: Page, room: Server) -> None:
    page.goto(f"{room.address}/lab/tree/{START}?reset&token={TOKEN}")
    wait_for_kernel(page)
    listed = page.evaluate("jupyterapp.commands.listCommands()")
    assert [name for name in FOR_INSTRUCTORS if f"nbgrader:{name}" in listed] == []
    assert "nbgrader:open-assignment-list" not in listed  # there is no exchange
    page.locator(".jp-NotebookPanel:visible .validate-button").wait_for()
    for text in ("Create Assignment", "Formgrader", "Course List", "Nbgrader"):
        assert page.get_by_text(text, exact=True).count() == 0
        assert page.locator(f'[title="{text}"]').count() == 0
    status = room.ask("/api/status")
    assert "started" in status
    for path in ("/formgrader", "/courses", "/assignments"):
        with pytest.raises(Exception, match="404"):
            room.ask(path)


def test_the_launcher_has_a_card_for_each_lab(page: Page, room: Server) -> None:
    page.goto(f"{room.address}/lab?reset&token={TOKEN}")
    page.wait_for_function("window.jupyterapp?.commands.hasCommand('launcher:create')")
    page.evaluate("jupyterapp.commands.execute('launcher:create')")
    cards = page.locator('.jp-LauncherCard[data-category="Notebook"]:visible')
    expect(cards.nth(0)).to_contain_text("Start here")
    expect(cards.nth(1)).to_contain_text("Lab 01 · Halves")
    assert cards.nth(1).get_attribute("title") == "Lab 01 · Halves: a small lab"
    picture(page, "launcher")
    cards.nth(1).click()
    page.locator(".jp-MarkdownOutput h1").get_by_text("Halves").wait_for()


@pytest.mark.parametrize("path", ["lab/tree", "notebooks"])
def test_run_all_reaches_the_quiz(page: Page, room: Server, path: str) -> None:
    (room.labs / SMALL / "progress.jsonl").unlink(missing_ok=True)
    query = "?reset&" if path == "lab/tree" else "?"
    page.goto(f"{room.address}/{path}/{SMALL}/{SMALL}.ipynb{query}token={TOKEN}")
    wait_for_kernel(page)
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    page.locator(".labkit-quiz h2").wait_for()
    texts = page.locator(".jp-OutputArea-output").all_inner_texts()
    assert any("half is not written yet: this cell waits for it." in text for text in texts)
    assert any("This cell waits for half, which is not written yet" in text for text in texts)
    assert not any("Traceback" in text for text in texts)
    said = [json.loads(line) for line in (room.labs / SMALL / "progress.jsonl").read_text().splitlines()]
    assert [(line["exercise"], line["passed"]) for line in said] == [("half", 0)]
    page.evaluate("() => { jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")


def test_from_the_first_open_to_the_first_tick_and_through_a_restart(page: Page, room: Server) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{room.address}/lab/tree/{SMALL}/{SMALL}.ipynb?reset&token={TOKEN}")
    wait_for_kernel(page)
    answer = STUB.replace("raise NotImplementedError()", "return x / 2")
    write = "(source) => jupyterapp.shell.currentWidget.model.sharedModel.cells[2].setSource(source)"
    page.evaluate(write, answer)
    green = page.locator(".jp-OutputArea-output .ansi-green-fg")
    for restarted in (False, True):
        if restarted:
            page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
            wait_for_kernel(page)
            page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
            expect(green).to_have_count(0)
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        expect(green).to_have_text(["half: the check passes", "✓"])
        page.locator(".labkit-quiz h2").wait_for()
        assert page.get_by_text("18.0", exact=True).count() == 1
        picture(page, "restarted-1024" if restarted else "first-tick-1024")
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.evaluate(write, STUB)  # as the other tests found it
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("() => { jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
