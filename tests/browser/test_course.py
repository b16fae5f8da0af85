"""The course in JupyterLab, as a student and an instructor meet it: notebooks, checks, buttons, formgrader, pages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pytest
from nbformat import NotebookNode
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from grader.build.notebooks import read_source
from grader.build.release import build_lab
from grader.cells import grade_id, is_demo
from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.paths import ROOT_VARIABLE, Course
from grader.course.settings import load_settings
from grader.grading.autograde import grade_class, write_rows
from grader.grading.demo_class import MARKER_LINE, make_class

from .conftest import (
    JUPYTER_LAB,
    PATIENCE,
    REPO,
    TOKEN,
    Server,
    answer_by_keyboard,
    begin,
    lab_environment,
    open_notebook,
    plan,
    violations,
    wait_for_kernel,
)

LABS = sorted(path.parent.name for path in REPO.glob("labs/[0-9]*/*.ipynb"))
EXERCISED = [lab for lab in LABS if Course(REPO).has_checks(lab)]
DECODING, START, TOY, QUIZ = "01-decoding", "00-start-here", "01-toy", "06-sample"
STUDENTS = 4
DEMOS_KEPT = (
    "rlhf.load_policy(name)",
    "loop_ids = ",
    "plots.sliders(",
    "labkit.quiz(",
)  # what stands in the demo cells that we keep
PICTURES = Path(os.environ.get("SCREENSHOTS", ""))  # a folder: pictures for the README go there
CELLS = "jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"
ALL_RUN = """() => {
  const cells = jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells;
  const code = cells.filter((cell) => cell.cell_type === 'code');
  const failed = code.some((cell) => cell.outputs.some((output) => output.output_type === 'error'));
  return failed || code.every((cell) => cell.execution_count);  // the first error stops the run
}"""


def released(lab: str) -> NotebookNode:
    return nbformat.read(REPO / "labs" / lab / f"{lab}.ipynb", as_version=4)


def solved(lab: str) -> NotebookNode:
    """The released notebook of a lab with every exercise filled in from its solution."""
    source = read_source(REPO / "solutions" / lab / "lab.py")
    right = {grade_id(cell): MARKER_LINE.sub("", cell.source) for cell in source.cells if grade_id(cell)}
    filled = released(lab)
    for cell in filled.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = right[grade_id(cell)]
    return filled


def failing(lab: str) -> set[str]:
    """The exercises with visible checks, which all fail in a released notebook."""
    names = (grade_id(cell) or "" for cell in released(lab).cells)
    return {name.removesuffix("-checks") for name in names if name.endswith("-checks")}


def called(kernel: str) -> str:
    """What JupyterLab calls a kernel of the course."""
    settings = load_settings(REPO)
    return settings.kernels.get(kernel, settings.kernel_name)


def put(notebook: NotebookNode, folder: Path, lab: str) -> Path:
    folder.mkdir(parents=True)
    for file in (REPO / "labs" / lab).glob("*.json"):  # the quiz, the visible checks
        shutil.copy(file, folder)
    nbformat.write(notebook, folder / f"{lab}.ipynb")
    return folder


@pytest.fixture(scope="module", autouse=True)
def no_kernels_left(server: Server) -> Iterator[None]:
    yield
    for session in server.ask("/api/sessions"):
        server.ask(f"/api/sessions/{session['id']}", "DELETE")


def command(page: Page, name: str, **options: Any) -> None:
    """Give JupyterLab a command; what it returns may be the whole application, so it stays there."""
    page.evaluate("([name, options]) => { jupyterapp.commands.execute(name, options); }", [name, options])


def test_every_notebook_opens_with_its_kernel_and_a_table_of_contents(page: Page, server: Server) -> None:
    open_notebook(page, server, f"{START}/{START}.ipynb")
    command(page, "toc:show-panel")
    for lab in LABS:
        command(page, "docmanager:open", path=f"{lab}/{lab}.ipynb")
        page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabLabel", has_text=f"{lab}.ipynb").wait_for()
        wait_for_kernel(page)
        text = "\n".join(cell.source for cell in released(lab).cells if cell.cell_type == "markdown")
        headings = [line.lstrip("#").strip().replace("`", "") for line in re.findall(r"^#+ .+$", text, re.M)]
        shown = page.locator("#table-of-contents .jp-tocItem-content:visible")
        expect(shown).to_have_text(headings)
        kernel = page.locator(".jp-NotebookPanel:visible .jp-Toolbar-kernelName")
        expect(kernel).to_have_text(called(released(lab).metadata["kernelspec"]["name"]))
        assert page.locator(".jp-Dialog").count() == 0
        page.evaluate("() => { jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")


@pytest.mark.parametrize("lab", LABS)
def test_headings_go_down_one_level_at_a_time(lab: str) -> None:
    text = "\n".join(cell.source for cell in released(lab).cells if cell.cell_type == "markdown")
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.M)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def decoding_session(folder: Path) -> None:
    """Lab 01, solved, with the demo cells of the sliders and the quiz, and last a wrong answer before its checks."""
    lab = solved(DECODING)
    kept = [c for c in lab.cells if not is_demo(c) or any(need in c.source for need in DEMOS_KEPT)]
    checks = next(cell for cell in lab.cells if grade_id(cell) == "apply_temperature-checks")
    wrong = "def apply_temperature(logits, temperature):\n    return logits * temperature"
    kept = [cell for cell in kept if "labkit.hand_in()" not in cell.source]
    lab.cells = [*kept, *(nbformat.v4.new_code_cell(source) for source in (wrong, checks.source))]
    put(lab, folder, DECODING)


def show_cell(page: Page, text: str) -> Any:
    """Scroll to the last cell with this text, and return its element."""
    index = page.evaluate(f"(text) => {CELLS}.findLastIndex((cell) => cell.source.includes(text))", text)
    assert index >= 0
    page.evaluate("(index) => { jupyterapp.shell.currentWidget.content.activeCellIndex = index; }", index)
    page.evaluate("(index) => { jupyterapp.shell.currentWidget.content.scrollToItem(index); }", index)
    return page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')


def test_lab_01_as_a_student_who_solved_it(page: Page, server: Server) -> None:
    folder = server.labs / "solved" / DECODING
    decoding_session(folder)
    begin(folder, DECODING, 0)
    open_notebook(page, server, f"solved/{DECODING}/{DECODING}.ipynb")
    command(page, "notebook:run-all-cells")
    page.wait_for_function(ALL_RUN, timeout=4 * PATIENCE)

    cells = [cell for cell in page.evaluate(CELLS) if cell["cell_type"] == "code"]
    errors = [cell for cell in cells if any(one["output_type"] == "error" for one in cell["outputs"])]
    assert [cell["source"] for cell in errors] == [cells[-1]["source"]]
    passed = show_cell(page, 'checks("top_k_filter")').locator(".jp-OutputArea-output")
    expect(passed).to_contain_text("top_k_filter: all 4 checks pass")
    expect(passed.locator(".ansi-green-fg")).to_have_text(["top_k_filter: all 4 checks pass", *4 * ["✓"]])
    missed = show_cell(page, 'checks("apply_temperature")').locator(".jp-OutputArea-output")
    expect(missed).to_contain_text("hint: Did you multiply by τ? A high temperature must flatten the distribution.")
    expect(missed.locator(".ansi-red-fg").first).to_have_text("✗ τ = 0.5 doubles the logits (2, 1, 0).")
    assert "Traceback" not in missed.inner_text()
    assert len(missed.inner_text().splitlines()) < 24

    box = show_cell(page, "plots.sliders(")
    before = box.locator("img").get_attribute("src")
    readout = box.locator(".widget-readout").first
    expect(readout).to_have_text("off")
    box.locator("[role=slider]").first.focus()
    page.keyboard.press("ArrowRight")
    expect(readout).to_have_text("1.1")
    expect(box.locator("img")).not_to_have_attribute("src", before)

    quiz = show_cell(page, "labkit.quiz(").locator(".labkit-quiz")
    quiz.locator("h2").wait_for()
    answer_by_keyboard(page, plan(folder, DECODING, range(1, 7)))
    page.keyboard.press("Enter")
    expect(quiz.locator(".headline")).to_have_text("Your grade: 75%. You passed.")
    assert [json.loads(line)["score"] for line in (folder / "attempts.jsonl").read_text().splitlines()] == [0.75]


def test_the_validate_button_names_what_fails_and_praises_what_holds(page: Page, server: Server) -> None:
    put(solved(DECODING), server.labs / "valid" / DECODING, DECODING)
    open_notebook(page, server, f"{DECODING}/{DECODING}.ipynb")
    dialog = page.locator(".jp-Dialog")
    page.locator(".jp-NotebookPanel:visible .validate-button").click()
    for name in failing(DECODING):
        expect(dialog).to_contain_text(f"{name} is not written yet")
    dialog.locator("button").last.click()
    open_notebook(page, server, f"valid/{DECODING}/{DECODING}.ipynb")
    page.locator(".jp-NotebookPanel:visible .validate-button").click()
    expect(dialog).to_contain_text("Success! Your notebook passes all the tests.")


def test_validate_judges_each_lab(tmp_path: Path) -> None:
    """Its own command, in the folder that students work in: solved it passes, blank every cell of checks fails."""
    shutil.copyfile(REPO / "labs" / "nbgrader_config.py", tmp_path / "nbgrader_config.py")
    notebooks = {"solved": {lab: solved(lab) for lab in LABS}, "blank": {lab: released(lab) for lab in EXERCISED}}
    nbgrader = [str(Path(sys.executable).parent / "nbgrader"), "validate"]
    environment = lab_environment(tmp_path)
    runs = {}
    for kind, labs in notebooks.items():  # all of a kind in one process, which spends much on its own imports
        paths = [str(put(notebook, tmp_path / kind / lab, lab) / f"{lab}.ipynb") for lab, notebook in labs.items()]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        runs[kind] = subprocess.Popen([*nbgrader, *paths], cwd=tmp_path, env=environment, **pipes)
    said = {kind: "".join(run.communicate()) for kind, run in runs.items()}
    assert said["solved"].count("Success! Your notebook passes all the tests.") == len(LABS)
    _, *blank = re.split(r"VALIDATION FAILED ON (?=\d+ CELL)", said["blank"])
    for lab, text in zip(EXERCISED, blank, strict=True):
        assert int(text.split()[0]) == len(failing(lab)), lab
        # An exercise whose checks need the answer to an earlier one names that one.
        named = re.findall(r"(\w+) is not written yet", text)
        assert len(named) >= len(failing(lab))
        assert set(named) <= set(failing(lab))


def test_the_start_page_leads_to_every_lab_and_quiz(page: Page, server: Server) -> None:
    open_notebook(page, server, f"{START}/{START}.ipynb")
    for text in ("from labkit import Progress", 'Progress("..")'):
        page.locator(".jp-CodeCell .cm-content").filter(has_text=text).first.click()
        page.keyboard.press("Control+Enter")
    labs, quizzes = (page.locator("table").filter(has=page.locator("caption", has_text=name)) for name in CAPTIONS)
    expect(quizzes.locator("tbody tr")).to_have_count(8)
    expect(labs.locator("tbody td:first-child")).to_have_text(LABS[1:])
    titles = [next(c.source for c in released(lab).cells).splitlines()[0].removeprefix("# ") for lab in LABS[1:]]
    expect(labs.locator("a")).to_have_text(titles)
    quizzes.locator("a").last.click()
    page.locator(".lm-TabBar-tabLabel", has_text=f"{LABS[-1]}.ipynb").wait_for()
    wait_for_kernel(page)


CAPTIONS = ("Labs", "Quizzes")


@pytest.fixture(scope="module")
def graded(quiz_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A class of four in a lab with exercises and in one with a quiz, graded, with feedback and a report."""
    root = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(quiz_template.root, root)
    shutil.copytree(REPO / "tests" / "files" / "toy" / "solutions" / TOY, root / "solutions" / TOY)
    course = Course(root)
    build_lab(course, TOY)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(ROOT_VARIABLE, str(root))
        for lab in (TOY, QUIZ):
            make_class(course, lab, size=STUDENTS)
            write_rows(course, lab, grade_class(course, lab))
        for command in ("feedback", "report"):
            result = CliRunner().invoke(app, [command])
            assert result.exit_code == 0, result.output
    return course


@pytest.fixture(scope="module")
def instructor(serve: Any, graded: Course) -> Iterator[Server]:
    """JupyterLab at the root of the course, as `make instructor` starts it."""
    environment = lab_environment(graded.root) | {ROOT_VARIABLE: str(graded.root)}
    with serve(JUPYTER_LAB, graded.root, environment) as address:
        yield Server(address, graded.labs)


def test_formgrader_lists_the_labs_and_shows_a_graded_submission(
    page: Page, instructor: Server, graded: Course
) -> None:
    page.goto(f"{instructor.address}/lab?reset&token={TOKEN}")
    page.wait_for_function("window.jupyterapp?.commands.hasCommand('nbgrader:open-formgrader')")
    page.evaluate("jupyterapp.restored.then(() => true)")
    command(page, "nbgrader:open-formgrader")
    frame = page.frame_locator("iframe")
    expect(frame.locator("#manage_assignments_table, table").first).to_contain_text(TOY)
    expect(frame.locator("table").first).to_contain_text(QUIZ)
    assert page.locator(".jp-Dialog").count() == 0
    with gradebook(graded) as book:
        (notebook,) = book.find_submission(TOY, "demo-01").notebooks
        points = {grade.name: grade.auto_score for grade in notebook.grades}
        address = f"/formgrader/submissions/{notebook.id}/"
    assert sum(points.values()) == 5.0
    page.goto(f"{instructor.address}{address}?token={TOKEN}")
    expect(page.locator("body")).to_contain_text(TOY)
    for name, given in points.items():  # a script asks for them after the page is there
        expect(page.locator(f"input.score[id='{name}']")).to_have_attribute("placeholder", f"{given:g}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_feedback_and_report_keep_nobody_out(browser: Browser, graded: Course, theme: Any) -> None:
    pages = [graded.feedback / "demo-03" / lab / f"{lab}.html" for lab in (TOY, QUIZ)]
    for path in (*pages, *graded.reports.glob("*.html")):
        with browser.new_context(color_scheme=theme, viewport={"width": 1000, "height": 900}) as context:
            page = context.new_page()
            page.goto(f"file://{quote(str(path))}")
            page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
            assert violations(page, "html", undecided=False) == [], path


def test_pictures_of_pages(browser: Browser, page: Page, server: Server, graded: Course, tmp_path: Path) -> None:
    """Small pictures for the README; of the labs themselves if CLASS names the root of a course with a graded class."""
    goal = PICTURES.resolve() if os.environ.get("SCREENSHOTS") else tmp_path
    goal.mkdir(exist_ok=True)
    course = Course(Path(os.environ.get("CLASS", graded.root)).resolve())
    lab = next(lab for lab in (DECODING, TOY) if (course.feedback / "demo-03" / lab).is_dir())
    sights = {"feedback": course.feedback / "demo-03" / lab / f"{lab}.html"}
    sights["report"] = next(path for path in sorted(course.reports.glob("*.html")))
    for name, path in sights.items():
        with browser.new_context(viewport={"width": 1000, "height": 860}) as context:
            sight = context.new_page()
            sight.goto(f"file://{quote(str(path))}")
            sight.screenshot(path=goal / f"{name}.png")
    open_notebook(page, server, f"{START}/{START}.ipynb")
    for text in ("from labkit import Progress", 'Progress("..")'):
        page.locator(".jp-CodeCell .cm-content").filter(has_text=text).first.click()
        page.keyboard.press("Control+Enter")
    page.locator("caption", has_text="Quizzes").wait_for()
    command(page, "application:toggle-left-area")
    page.set_viewport_size({"width": 1000, "height": 860})
    page.locator("h2", has_text="Where you stand").evaluate("(node) => node.scrollIntoView()")
    page.screenshot(path=goal / "start.png", animations="disabled")
    for name in (*sights, "start"):
        path = goal / f"{name}.png"
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        assert 5_000 < path.stat().st_size < 150_000
