"""What a student handed in changes no grade and calls no API, whatever an instructor clicks or opens; in Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect
from playwright.sync_api import Error as PlaywrightError
from typer.testing import CliRunner

from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import Row, grade_class, write_rows

from .conftest import JUPYTER_LAB, PATIENCE, TOKEN, Server, lab_environment

LAB, MALLORY, OTHER = "01-toy", "mallory", "other"
EXTENSION = "--ServerApp.jpserver_extensions=grader.served=True"
REPO = Path(__file__).resolve().parents[2]
# What an attacker runs once there is a script: full points for a student, through formgrader's own API.
EXPLOIT = """
document.title = 'attacked';
const headers = {'X-attack': '1', 'X-XSRFToken': (document.cookie.match(/_xsrf=([^;]+)/) || [])[1]};
const ask = (path, rest) => fetch(path, {headers, ...rest}).then((reply) => reply.json());
ask('/formgrader/api/submitted_notebooks/LAB/LAB').then(async (all) => {
  const one = all.find((found) => found.student === 'STUDENT');
  for (const grade of await ask('/formgrader/api/grades?submission_id=' + one.id))
    await ask('/formgrader/api/grade/' + grade.id,
              {method: 'PUT', body: JSON.stringify({manual_score: grade.max_score, extra_credit: 0})});
  document.title = 'done';
});
"""


def exploit(student: str) -> str:
    return EXPLOIT.replace("LAB", LAB).replace("STUDENT", student)


SCRIPT = f"<script>{exploit(MALLORY)}</script>"
FORM = (
    '<form action="/api/contents/attack" method="post"><input type="submit" id="s"></form><a href="/api/attack">x</a>'
)
REFRESH = '<meta http-equiv="refresh" content="0;url=/api/attack?refresh">'
HTML = (
    f'<!DOCTYPE html><html><body onload="document.title=1">{SCRIPT}{FORM}{REFRESH}<img src=/api/attack></body></html>'
)
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="document.title=1"><script>{exploit(MALLORY)}</script></svg>'
XHTML = f'<html xmlns="http://www.w3.org/1999/xhtml"><script><![CDATA[{exploit(MALLORY)}]]></script></html>'
XML = '<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="working.html"?>' + XHTML
PDF = """%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert('attack'))>>>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>> endobj
trailer <</Root 1 0 R>>
"""
FILES = {
    **dict.fromkeys(("working.html", "x.htm", "page", "x.HTML", "x.shtml", "note.txt", "x.html.txt", "x.json"), HTML),
    **{
        "x.svg": SVG,
        "x.xml": XML,
        "x.xhtml": XHTML,
        "x.xsl": XML,
        "x.pdf": PDF,
        "x.js": exploit(MALLORY),
        "x.md": HTML,
    },
    **{"x.csv": HTML, "ab:x.html?.txt": HTML, "deep/working.html": HTML, "x.png": HTML},
}
TEXTS = [
    "[my working](working.html) [x](javascript:document.title='attacked') [y](data:text/html,x) <javascript:alert(1)>",
    "[a](/formgrader/api/grades) ![b](/api/attack) [c](../../api/attack) [d](//127.0.0.1/api/attack) [e](x.svg)",
    f"[f](http://127.0.0.1:8888/formgrader?path=class/submitted/{MALLORY}/{LAB}) http://localhost:8888/api/attack",
    "[g][h] [i](&#106;avascript:alert(1)) [j](java\tscript:alert(1))\n\n[h]: javascript:alert(1)",
    f"{HTML} <svg/onload=alert(1)> <a href='javascript:alert(1)'>k</a>\n\n```mermaid\n{SVG}\n```",
    "# mean-hidden\n\nmean-hidden\n===\n\n$\\href{javascript:alert(1)}{x}$ [ok](https://a.example/b) [up](#top)",
]
OUTPUTS = """from IPython.display import HTML, SVG, Javascript, Markdown, display
page = %r
display(HTML(page), Javascript("document.title = 'attacked'"), Markdown("[x](javascript:alert(1))"))
display({"text/html": page, "image/svg+xml": %r, "text/plain": page}, raw=True)
print(page, "\\x1b]8;;javascript:alert(1)\\x07link\\x1b]8;;\\x07")
raise ValueError(page)"""


def notebook(course: Course) -> nbformat.NotebookNode:
    """The released notebook, blank, with hostile cells; it claims outputs of its own, which grading throws away."""
    made = nbformat.read(course.labs / LAB / f"{LAB}.ipynb", as_version=4)
    outputs = [new_output("display_data", {"text/html": HTML, "image/svg+xml": SVG, "application/javascript": EXPLOIT})]
    made.cells += [new_markdown_cell(text) for text in TEXTS]
    made.cells += [new_raw_cell(HTML, metadata={"raw_mimetype": "text/html"})]
    made.cells += [new_code_cell(OUTPUTS % (HTML, SVG), outputs=outputs)]
    made.metadata["title"] = f"</title>{SCRIPT}"
    return made


@dataclass(frozen=True)
class Hostile:
    """A graded class with an attacker in it, shown by a JupyterLab as `make instructor` starts it."""

    server: Server
    course: Course
    rows: dict[str, Row]

    def submission(self, student: str) -> str:
        """The path of formgrader's page of a student."""
        with gradebook(self.course) as book:
            (found,) = book.find_submission(LAB, student).notebooks
            return f"/formgrader/submissions/{found.id}/"

    def scores(self) -> dict[str, float]:
        with gradebook(self.course) as book:
            return {one.student.id: one.score for one in book.assignment_submissions(LAB)}


@dataclass
class Watched:
    """A window of an instructor who is logged in, and what it asked for since."""

    page: Page
    came_from: str  # jupyter_server gives files only to who comes from itself
    asked: list[tuple[str, str]] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    own: set[str] = field(default_factory=set)

    def look(self, request: Request) -> None:
        path = urlsplit(request.url).path
        self.asked.append((request.method, path))
        api = re.match(r"/(?:formgrader/)?api/", path) and f"{request.method} {path}" not in self.own
        if api or request.method not in ("GET", "HEAD") or "x-attack" in request.headers or "attack" in request.url:
            self.odd.append(_line(request))

    def refused(self, request: Request) -> None:
        """The browser tells of requests that a policy keeps it from sending, too."""
        if request.failure == "csp":
            self.odd.remove(_line(request))

    def open(self, address: str) -> None:
        """Open an address as if it were typed or clicked; a download is none of a page's."""
        try:
            self.page.goto(address, wait_until="load", referer=self.came_from)
        except PlaywrightError as error:
            if not re.search("Download is starting|ERR_ABORTED", str(error)):
                raise

    def nothing_happened(self) -> None:
        assert self.odd == []
        assert self.page.title() not in ("attacked", "done", "1")


def _line(request: Request) -> str:
    return f"{request.method} {request.url} ({request.resource_type})"


@pytest.fixture(scope="module")
def hostile(serve: Any, toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    root = tmp_path_factory.mktemp("hostile") / "course"
    shutil.copytree(toy_template.root, root)
    course = Course(root)
    for student in (MALLORY, OTHER):
        folder = course.submitted / student / LAB
        folder.mkdir(parents=True)
        nbformat.write(notebook(course), folder / f"{LAB}.ipynb")
        for name, content in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content.replace(MALLORY, student))
        nbformat.write(notebook(course), folder / "deep" / "inner.ipynb")
        (folder / "nbgrader_config.py").write_text(f"open({str(root / 'owned')!r}, 'w').close()")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(ROOT_VARIABLE, str(root))
        rows = grade_class(course, LAB)
        write_rows(course, LAB, rows)
        for command in ("feedback", "report"):
            result = CliRunner().invoke(app, [command])
            assert result.exit_code == 0, result.output
    environment = lab_environment(root) | {ROOT_VARIABLE: str(root)}
    with serve([*JUPYTER_LAB, EXTENSION], root, environment) as address:
        yield Hostile(Server(address, course.labs), course, {row.student: row for row in rows})


@pytest.fixture
def window(browser: Browser, hostile: Hostile) -> Iterator[Watched]:
    with browser.new_context() as context:
        yield logged_in(context, hostile)


def logged_in(context: BrowserContext, hostile: Hostile) -> Watched:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    status = f"{hostile.server.address}/api/status?token={TOKEN}"
    assert context.request.get(status, timeout=PATIENCE).ok  # the cookie of all pages
    page.goto(f"{hostile.server.address}/formgrader/manage_assignments")
    watched = Watched(
        page,
        f"{hostile.server.address}/lab",
        own={f"GET /formgrader/api/{kind}" for kind in ("grades", "comments", "assignments")},
    )
    context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())  # nothing outside is asked
    context.on("request", watched.look)
    context.on("requestfailed", watched.refused)
    context.on("page", lambda opened: watched.odd.append(f"a new window: {opened.url}"))
    context.on("dialog", lambda dialog: (watched.odd.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    return watched


def test_without_the_walls_one_look_at_a_page_gives_full_points(hostile: Hostile, window: Watched) -> None:
    """The other tests would see it: here the file is put where it may not stand, and the header is taken off."""
    where = hostile.course.autograded / OTHER / LAB / "working.html"
    where.write_text(FILES["working.html"].replace(MALLORY, OTHER).replace(REFRESH, ""))

    def bare(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, headers={"content-type": reply.headers["content-type"]})

    window.page.route("**/working.html", bare)
    window.open(f"{hostile.server.address}{hostile.submission(OTHER)}working.html")
    expect(window.page).to_have_title("done")
    assert any(line.startswith("PUT ") for line in window.odd)
    assert hostile.scores() == {MALLORY: 0.0, OTHER: 5.0}
    where.unlink()


def test_formgraders_page_shows_the_work_and_no_click_does_anything(hostile: Hostile, window: Watched) -> None:
    said: list[str] = []
    window.page.on("console", lambda line: said.append(line.text))
    address = f"{hostile.server.address}{hostile.submission(MALLORY)}"
    window.open(address)
    expect(window.page.locator("input.score[id='mean-hidden']")).to_have_attribute("placeholder", "0")
    links = window.page.locator("main a")
    leads = [link.get_attribute("href") for link in links.all()]
    assert set(leads) == {"https://a.example/b", "#top"}
    shown = window.page.locator("main").inner_text()
    for written in ("[my working](working.html)", "[x](javascript:document.title='attacked')", "<svg/onload=alert(1)>"):
        assert written in shown
    assert window.page.locator("main :is(script, svg, img, iframe, object, embed, form, meta)").count() == 0
    for place in range(len(leads)):
        links.nth(place).click(no_wait_after=True)
        window.open(address)
    for text in window.page.locator("main .text_cell_render, main pre").all():
        text.click(no_wait_after=True)
    window.nothing_happened()
    assert hostile.scores()[MALLORY] == 0.0
    assert [line for line in said if "Content Security Policy" in line] == []


def test_the_page_itself_works_under_its_policy(hostile: Hostile, window: Watched) -> None:
    """Scripts of its own run: points by a button, the student's name by an eye; one put into it does not."""
    window.open(f"{hostile.server.address}{hostile.submission(OTHER)}")
    score = window.page.locator("input.score[id='spread-hidden']")
    expect(score).to_have_attribute("placeholder", "0")
    expect(window.page.locator("a.name-shown")).to_be_hidden()
    window.page.locator("span.name-hidden").first.click()
    expect(window.page.locator("a.name-shown")).to_be_visible()
    with window.page.expect_response(re.compile("/formgrader/api/grade/")) as saved:
        window.page.locator(".nbgrader_cell", has=score).locator(".full-credit").click()
    assert saved.value.ok
    injected = '<img src=data:, onerror="document.title=1"><a href="javascript:document.title=1">x</a>'
    window.page.locator("main").evaluate("(node, html) => { node.innerHTML = html; }", injected)
    window.page.locator("main a").click()
    expect(window.page.locator("main img")).to_have_count(1)
    assert window.page.title() != "1"


def places(hostile: Hostile) -> list[str]:
    """Every address under which the server gives a file of a student's, in any way that we know."""
    submission, here = hostile.submission(MALLORY), f"{MALLORY}/{LAB}"
    names = [name.replace("?", "%3F") for name in (*FILES, "deep/inner.ipynb", "nbgrader_config.py", f"{LAB}.ipynb")]
    found = [folder + name for folder in (f"/files/class/submitted/{here}/", submission) for name in names]
    found += [f"{submission}..%2f..%2f..%2fsubmitted/{here}/working.html", f"{submission}deep/../x.svg"]
    found += [f"/files/class/autograded/{here}/working.html", f"/files/labs/%2e%2e/class/submitted/{here}/x.svg"]
    found += [f"/nbconvert/html/class/{kind}/{here}/{LAB}.ipynb" for kind in ("submitted", "autograded")]
    return [*found, f"/nbconvert/html/class/submitted/{here}/deep/inner.ipynb"]


def test_no_file_of_a_student_acts_under_any_address(hostile: Hostile, window: Watched) -> None:
    """As an older class left them, too: files that may not pass stand in `class/autograded`."""
    graded = hostile.course.autograded / MALLORY / LAB
    assert {path.name for path in graded.rglob("*") if path.is_file()} == {*INERT, f"{LAB}.ipynb"}
    shutil.copytree(hostile.course.submitted / MALLORY / LAB, graded, dirs_exist_ok=True)
    try:
        for place in places(hostile):
            address = f"{hostile.server.address}{place}"
            window.open(address)
            came = {"Referer": window.came_from}
            reply = window.page.context.request.get(address, headers=came, timeout=PATIENCE)
            assert reply.status == 200, place
            assert reply.headers["content-security-policy"].startswith("sandbox; default-src 'none'"), place
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert (reply.headers.get("content-disposition") == "attachment") is place.endswith(".pdf"), place
            window.nothing_happened()
        window.open(f"{hostile.server.address}{hostile.submission(MALLORY)}working.html")
        window.page.locator("#s").click(no_wait_after=True)
        window.open("about:blank")
        window.nothing_happened()
    finally:
        shutil.rmtree(graded)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv(ROOT_VARIABLE, str(hostile.course.root))
            grade_class(hostile.course, LAB, [MALLORY])
    assert hostile.scores()[MALLORY] == 0.0


INERT = {"note.txt", "x.html.txt", "x.json", "x.csv"}


def test_formgrader_runs_no_configuration_of_a_student(hostile: Hostile, window: Watched) -> None:
    folder = hostile.course.submitted / MALLORY / LAB
    for path in (str(folder), f"class/submitted/{MALLORY}/{LAB}", f"{folder}&path="):
        for start in ("/formgrader", "/formgrader/"):
            reply = window.page.goto(f"{hostile.server.address}{start}?path={path}")
            assert reply is not None
            assert reply.status == 403
    assert not (hostile.course.root / "owned").exists()
    reply = window.page.goto(f"{hostile.server.address}/formgrader?path={hostile.course.root}")
    assert reply is not None
    assert reply.ok
    window.nothing_happened()


def test_feedback_and_report_lead_nowhere(hostile: Hostile, window: Watched) -> None:
    course = hostile.course
    assert {path.suffix for path in course.feedback.rglob("*") if path.is_file()} == {".html", ".txt"}
    pages = [course.feedback / MALLORY / LAB / f"{LAB}.html", *course.reports.rglob("*.html")]
    assert len(pages) > 1
    for path in pages:
        addresses = (f"{hostile.server.address}/files/{path.relative_to(course.root)}", path.as_uri())
        for address in addresses:
            window.open(address)
            window.page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
            for link in window.page.locator("a").all():
                assert re.match(r"https?://|#", link.get_attribute("href") or "")
                link.click(no_wait_after=True)
                window.open(address)
            window.nothing_happened()
    assert hostile.scores()[MALLORY] == 0.0


def test_the_row_says_what_was_left_in_submitted(hostile: Hostile) -> None:
    row = hostile.rows[MALLORY]
    assert any(line.startswith("left in submitted/: ") for line in row.events)
    assert row.score == 0.0


def test_make_instructor_starts_the_server_with_the_second_wall() -> None:
    rule = (REPO / "Makefile").read_text().split("\ninstructor:")[1].split("\n\n")[0]
    assert EXTENSION in rule
