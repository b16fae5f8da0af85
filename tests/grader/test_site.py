"""`grader site`: pages from what students receive and what solved runs show, and never from what they must not see."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import lxml.html
import nbformat
import pytest
from typer.testing import CliRunner

from grader.build.leaks import leaks_under
from grader.build.release import build_lab
from grader.cli import app
from grader.course.paths import ROOT_VARIABLE, Course
from grader.site.page import Page, lab_page, slug
from grader.site.solved import RunError, solved
from grader.site.write import MARK, write_site

REPO = Path(__file__).resolve().parent.parent.parent
LAB = "07-lines"
WIDGET = "application/vnd.jupyter.widget-view+json"
SOURCE = '''# %% [markdown]
# # Lines: a lab to read
#
# A line is $y = ax + b$; see [the start](../00-start/00-start.ipynb#First-Steps) and [below](#Worked-Example).
#
# | a | b |
# |---|---|
# | 1 | 2 |

# %%
import math

# %% [markdown]
# ## Worked example

# %% nbgrader={"grade": false, "grade_id": "line", "locked": false, "schema_version": 3, "solution": true}
def line(a: float, b: float, x: float) -> float:
    """a x + b."""
    ### BEGIN SOLUTION
    product_of_both = math.prod([a, x])
    return math.fsum([product_of_both, b])
    ### END SOLUTION

# %% tags=["demo"]
print("at 3:", line(1.0, 2.0, 3.0))
from IPython.display import HTML
HTML("<p>drawn by <b>the demo</b></p>")

# %% tags=["demo", "raises-exception"]
1 / 0

# %% [markdown]
# ## Worked example
'''


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course of one lab without checks, built."""
    root = tmp_path / "course"
    (root / "solutions" / LAB).mkdir(parents=True)
    (root / "labs").mkdir()
    (root / "solutions" / LAB / "lab.py").write_text(SOURCE)
    (root / "quizzes").mkdir()
    shutil.copyfile(REPO / "nbgrader_config.py", root / "nbgrader_config.py")
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.chdir(root)
    course = Course(root)
    released = nbformat.v4.new_notebook(cells=[])
    from grader.build.notebooks import read_source

    for cell in read_source(root / "solutions" / LAB / "lab.py").cells:
        kept = cell.source.split("    ### BEGIN SOLUTION")[0]
        cell.source = kept + "    raise NotImplementedError()" if kept != cell.source else kept
        released.cells.append(cell)
    (root / "labs" / LAB).mkdir()
    nbformat.write(released, root / "labs" / LAB / f"{LAB}.ipynb")
    return course


def test_a_page_shows_stubs_and_what_the_solved_lab_shows(course: Course, tmp_path: Path) -> None:
    pages, leaks = write_site(course, [LAB], tmp_path / "site")
    assert (pages, leaks) == ([f"{LAB}.html"], [])
    text = lxml.html.parse(str(tmp_path / "site" / f"{LAB}.html")).getroot().text_content()
    assert "raise NotImplementedError()" in text
    assert "at 3: 5.0" in text
    assert "drawn by the demo" in text
    assert "ZeroDivisionError" in text
    assert "product_of_both" not in text
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == sorted(
        [MARK, f"{LAB}.html", "index.html", "search.js", "site.css", "site.js"]
    )


def test_links_lead_to_pages_and_headings_have_ids_of_their_own(course: Course) -> None:
    page = page_of(course)
    assert 'href="00-start.html#first-steps"' in page.body
    assert 'href="#worked-example"' in page.body
    ids = lxml.html.fromstring(f"<main>{page.body}</main>").xpath("//*[@id]/@id")
    assert ids == ["lines-a-lab-to-read", "worked-example", "worked-example-2"]
    assert slug("Wörter, § 3: Σ!") == "wörter-3-σ"
    assert page.title == "Lines: a lab to read"


def page_of(course: Course) -> Page:
    released = nbformat.read(course.labs / LAB / f"{LAB}.ipynb", as_version=4)
    return lab_page(LAB, released, solved(course, LAB), None)


def test_search_knows_every_section(course: Course, tmp_path: Path) -> None:
    write_site(course, [LAB], tmp_path / "site")
    script = (tmp_path / "site" / "search.js").read_text()
    sections = json.loads(script.removeprefix("window.SECTIONS = ").rstrip().removesuffix(";"))
    assert [(one["title"], one["anchor"]) for one in sections] == [
        ("Lines: a lab to read", "lines-a-lab-to-read"),
        ("Worked example", "worked-example"),
        ("Worked example", "worked-example-2"),
    ]
    assert "at 3: 5.0" in sections[1]["text"]


def test_a_run_is_kept_until_its_source_changes(course: Course) -> None:
    first = solved(course, LAB)
    [kept] = (course.root / "build" / "site-runs").glob("*.ipynb")
    kept.write_text(kept.read_text().replace("at 3: 5.0", "from the cache"))
    assert "from the cache" in nbformat.writes(solved(course, LAB))
    source = course.solutions / LAB / "lab.py"
    source.write_text(SOURCE.replace("at 3:", "now at 3:"))
    again = solved(course, LAB)
    assert "now at 3: 5.0" in nbformat.writes(again)
    assert len(list((course.root / "build" / "site-runs").glob("*.ipynb"))) == 1
    assert first.cells[0].source == again.cells[0].source


def test_a_solution_that_does_not_run_is_told(course: Course) -> None:
    (course.solutions / LAB / "lab.py").write_text(SOURCE.replace("import math", "import maths"))
    with pytest.raises(RunError, match=f"{LAB}: the solution notebook did not run through: ModuleNotFoundError"):
        solved(course, LAB)


def test_nothing_is_written_where_an_answer_stands_in_a_page(course: Course, tmp_path: Path) -> None:
    """Though in a page each word of it has a colour, and an element, of its own."""
    path = course.labs / LAB / f"{LAB}.ipynb"
    released = nbformat.read(path, as_version=4)
    answer = "product_of_both = math.prod([a, x])\nreturn math.fsum([product_of_both, b])"
    released.cells.append(nbformat.v4.new_code_cell(answer))
    nbformat.write(released, path)
    _, leaks = write_site(course, [LAB], tmp_path / "site")
    assert {leak.file.name for leak in leaks} == {f"{LAB}.html"}
    assert not (tmp_path / "site").exists()
    result = CliRunner().invoke(app, ["site", "--out", str(tmp_path / "other")])
    assert result.exit_code == 1
    assert not (tmp_path / "other").exists()


def test_only_a_site_is_replaced(course: Course, tmp_path: Path) -> None:
    goal = tmp_path / "site"
    goal.mkdir()
    (goal / "mine.txt").write_text("mine")
    with pytest.raises(LookupError, match="has files that are not of a site"):
        write_site(course, [LAB], goal)
    assert (goal / "mine.txt").read_text() == "mine"
    (goal / "mine.txt").unlink()
    write_site(course, [LAB], goal)
    (goal / "old.html").write_text("old")
    write_site(course, [LAB], goal)
    assert not (goal / "old.html").exists()


def test_a_widget_is_shown_as_it_stood() -> None:
    new = nbformat.v4
    cell = new.new_code_cell("sliders()", id="one")
    output: dict[str, Any] = {WIDGET: {"model_id": "box", "version_major": 2, "version_minor": 0}}
    run = new.new_notebook(
        cells=[new.new_code_cell("sliders()", id="one", outputs=[new.new_output("display_data", output)])]
    )
    state = {
        "box": {"model_name": "VBoxModel", "state": {"children": ["IPY_MODEL_slider", "IPY_MODEL_html"]}},
        "slider": {"model_name": "SelectionSliderModel", "state": {"value": "3"}},
        "html": {"model_name": "HTMLModel", "state": {"value": "<img alt='a plot'>"}},
    }
    run.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    page = lab_page("01-a", new.new_notebook(cells=[cell]), run, None)
    assert "<img alt='a plot'>" in page.body
    assert "sliders move this picture" in page.body


def test_exams_have_no_page(quiz_course: Course, tmp_path: Path) -> None:
    bank = next(iter(quiz_course.bank_files().values()))
    bank.write_text(bank.read_text().replace("mode: practice", "mode: exam"))
    if "mode: exam" not in bank.read_text():
        bank.write_text(bank.read_text() + "\nmode: exam\n")
    lab = quiz_course.solutions / "06-sample" / "lab.py"
    lab.write_text(lab.read_text().replace('raise RuntimeError("grading must not run a demo cell")', "pass"))
    build_lab(quiz_course, "06-sample")
    pages, leaks = write_site(quiz_course, ["06-sample"], tmp_path / "site")
    assert (pages, leaks) == (["06-sample.html"], [])
    assert not (tmp_path / "site" / "quizzes").exists()
    assert "<iframe" not in (tmp_path / "site" / "06-sample.html").read_text()
    assert leaks_under(quiz_course, tmp_path / "site") == []
