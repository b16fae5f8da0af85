"""Lab 01 itself, as a student gets it, in JupyterLab and in Notebook 7: first open, first ✓, a restart, the quiz."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from labkit.workspace import copy_labs, trust

from .conftest import (
    PATIENCE,
    REPO,
    TABLES_FIT,
    TOKEN,
    Server,
    answer_by_keyboard,
    begin,
    change_theme,
    plan,
    student_room,
    wait_for_kernel,
)

LAB = "01-decoding"
NOTEBOOK = f"{LAB}/{LAB}.ipynb"
CELLS = "jupyterapp.shell.currentWidget.content.model.sharedModel.cells"
WRITE = f"""(answer) => {{
  const cell = {CELLS}.find((cell) => cell.source.startsWith('def apply_temperature('));
  cell.setSource(cell.source.replace('raise NotImplementedError()', answer));
}}"""
RIGHT = """if not temperature > 0:
        raise ValueError("temperature must be above 0")
    return logits / temperature"""
README = {"lab-01-tick", "lab-01-dark"}  # the pictures that stand there
NOBODY_LEFT = "() => { jupyterapp.shell.currentWidget.sessionContext.shutdown(); }"


@pytest.fixture(scope="module")
def room(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What `make lab` opens: all labs, blank, in a folder to work in."""
    root = tmp_path_factory.mktemp("hour")
    work = root / "work"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JUPYTER_DATA_DIR", str(root / "data"))
        trust([path for path in copy_labs(REPO / "labs", work) if path.suffix == ".ipynb"])
    with student_room(serve, root, work) as room:
        yield room


def picture(page: Page, name: str, folder: Path) -> None:
    """A small screenshot: for the README, where SCREENSHOTS names a folder and it stands there, else thrown away."""
    goal = Path((name in README and os.environ.get("SCREENSHOTS")) or folder).resolve()
    goal.mkdir(parents=True, exist_ok=True)
    path = goal / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    with Image.open(path) as seen:
        seen.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    assert 5_000 < path.stat().st_size < 150_000


def show(page: Page, text: str) -> Locator:
    """Scroll to the code cell that begins with this text."""
    index = page.evaluate(f"(text) => {CELLS}.findIndex((cell) => cell.source.startsWith(text))", text)
    assert index >= 0
    page.evaluate("(index) => { jupyterapp.shell.currentWidget.content.activeCellIndex = index; }", index)
    page.evaluate("(index) => jupyterapp.shell.currentWidget.content.scrollToItem(index, 'start')", index)
    return page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')


def run_all(page: Page) -> None:
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    # The last cell has run, and so have all: none of them ends the run.
    page.wait_for_function(f"() => {CELLS}.at(-1).execution_count !== null", timeout=4 * PATIENCE)


def first_tick(page: Page) -> Locator:
    """The checks of the first exercise pass, and the plot after them is drawn."""
    ticks = show(page, 'checks("apply_temperature")').locator(".jp-OutputArea-output")
    expect(ticks.locator(".ansi-green-fg").first).to_contain_text("apply_temperature: all")
    assert "✗" not in ticks.inner_text()
    return ticks


@pytest.mark.parametrize("place", ["lab/tree", "notebooks"])
def test_from_the_first_open_to_the_first_tick_a_restart_and_the_quiz(
    page: Page, room: Server, tmp_path: Path, place: str
) -> None:
    folder = room.labs / LAB
    shutil.copyfile(REPO / "labs" / NOTEBOOK, room.labs / NOTEBOOK)
    for left in (*folder.glob("*.jsonl"), *folder.glob(".quiz-*")):
        left.unlink()
    begin(folder, LAB, 0)
    name = "lab-01" if place == "lab/tree" else "lab-01-notebook-7"
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{room.address}/{place}/{NOTEBOOK}?token={TOKEN}{'&reset' if place == 'lab/tree' else ''}")
    wait_for_kernel(page)
    page.locator("h1", has_text="Lab 01").wait_for()
    picture(page, f"{name}-open", tmp_path)

    page.evaluate(WRITE, RIGHT)
    run_all(page)
    first_tick(page)
    picture(page, f"{name}-tick", tmp_path)
    waiting = show(page, 'checks("top_k_filter")').locator(".jp-OutputArea-output")
    expect(waiting).to_contain_text("top_k_filter is not written yet")
    assert page.evaluate(TABLES_FIT)

    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    wait_for_kernel(page)
    page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    run_all(page)
    first_tick(page)
    change_theme(page, "Dark")
    if place == "lab/tree":
        page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    plot = show(page, 'plots.next_tokens(\n    {f"τ = {t}"').locator("img.labkit-picture")
    assert "invert(0.93)" in plot.evaluate("(image) => getComputedStyle(image).filter")
    picture(page, f"{name}-dark", tmp_path)
    change_theme(page, "Light")

    quiz = show(page, "import labkit\n\nlabkit.quiz(").locator(".labkit-quiz")
    quiz.locator("h2").wait_for()
    answer_by_keyboard(page, plan(folder, LAB, range(1, 7)))
    page.keyboard.press("Enter")
    expect(quiz.locator(".headline")).to_have_text("Your grade: 75%. You passed.")
    picture(page, f"{name}-quiz", tmp_path)
    assert [json.loads(line)["score"] for line in (folder / "attempts.jsonl").read_text().splitlines()] == [0.75]
    said = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert {line["passed"] for line in said if line["exercise"] == "apply_temperature"} == {said[0]["total"]}
    page.evaluate(NOBODY_LEFT)


def test_validate_in_notebook_7(page: Page, room: Server) -> None:
    page.goto(f"{room.address}/notebooks/{NOTEBOOK}?token={TOKEN}")
    wait_for_kernel(page)
    page.locator(".validate-button").click()
    expect(page.locator(".jp-Dialog")).to_contain_text("top_k_filter is not written yet", timeout=4 * PATIENCE)
    page.locator(".jp-Dialog button").last.click()
    page.evaluate(NOBODY_LEFT)
