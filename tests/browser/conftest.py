"""A real JupyterLab on a copy of the labs, a real Chromium, axe-core, and a person with a keyboard."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import urllib.request
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from grader.quizzes.keep import read_secret
from grader.quizzes.keyed import KeyedBank, KeyedPart
from grader.quizzes.prove import proved_bank
from grader.quizzes.rendered import keyed
from labkit.quiz.bank import load_bank
from labkit.quiz.drafts import Draft, draft_path, load_draft, save_draft
from labkit.quiz.draw import Drawn, draw
from labkit.workspace import trust
from tests.tools.chromium import chromium
from tests.tools.needed import needed
from tests.tools.node import package

REPO = Path(__file__).resolve().parent.parent.parent
FILES = REPO / "tests" / "files" / "quiz"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TOKEN = "for-this-test"
JUPYTER_LAB = [
    str(Path(sys.executable).parent / "jupyter"),
    "lab",
    "--no-browser",
    "--allow-root",
    "--port=0",
    f"--IdentityProvider.token={TOKEN}",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
]
SECONDS = 1000
PATIENCE = 60 * SECONDS  # how long a busy machine may take; nothing waits longer than it has to
FOCUS = """() => {
  const at = document.activeElement;
  const inside = at.closest('.labkit-quiz') !== null;
  return {inside, tag: at.tagName, type: at.type || '', name: at.name || at.id, value: at.value,
          text: at.innerText || '', class: at.className};
}"""


KERNEL_READY = """() => {
  const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
  const kernel = context?.session?.kernel;
  return context?.isReady && kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""


TABLES_FIT = """() => [...document.querySelectorAll('.jp-RenderedHTMLCommon table')].every((table) => {
  const area = table.closest('.jp-OutputArea-output, .jp-MarkdownOutput');
  return area.scrollWidth <= area.clientWidth + 1;
})"""


def notebook(*sources: str) -> str:
    """A notebook of code cells as JSON."""
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for i, source in enumerate(sources)
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5})


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its address, and the folder that it serves."""

    address: str
    labs: Path

    def ask(self, path: str, method: str = "GET") -> Any:
        """What the server's REST interface answers."""
        headers = {"Authorization": f"token {TOKEN}"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.address}{path}", None, headers, method=method)
        ) as reply:
            return json.loads(reply.read() or b"null")


def lab_environment(root: Path) -> dict[str, str]:
    """The environment of a JupyterLab that keeps its settings under `root`, and asks nobody on the network."""
    kept = {name: str(root / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    kept |= {f"JUPYTERLAB_{name}_DIR": str(root / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    settings = root / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}  # and no box over the pictures
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    return {**os.environ, **kept}


@contextmanager
def student_room(serve: Any, root: Path, work: Path) -> Iterator[Server]:
    """`python -m labkit.room` on a folder of labs, as a student starts it; `root` is for settings and data."""
    environment = lab_environment(root)
    # Settings of JupyterLab that other tests make quiet stay as JupyterLab has them: the room is quiet by itself.
    shutil.rmtree(root / "settings")
    environment["JUPYTER_DATA_DIR"] = str(root / "data")
    options = [*JUPYTER_LAB[2:-2], *(option for option in JUPYTER_LAB if "expose_app" in option)]
    with serve([sys.executable, "-m", "labkit.room", str(work), *options], root, environment) as address:
        yield Server(address, work)


@pytest.fixture(scope="session")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab on a copy of the labs, beside which `90-sample` holds banks with every type of item."""
    root = tmp_path_factory.mktemp("browser")
    labs = root / "labs"
    for folder in sorted(REPO.glob("labs/[0-9]*")):
        ignored = shutil.ignore_patterns(".*", "*.jsonl", "*.zip")
        shutil.copytree(folder, labs / folder.name, ignore=ignored)
    trust(list(labs.rglob("*.ipynb")))
    (labs / "90-sample").mkdir()
    for bank in ("sample", "sample-exam"):
        shutil.copyfile(FILES / f"{bank}.quiz.json", labs / "90-sample" / f"{bank}.quiz.json")
        text = notebook("import labkit", f'import labkit\n\nquiz = labkit.quiz("{bank}")\nquiz')
        (labs / "90-sample" / f"{bank}.ipynb").write_text(text)
    shutil.copyfile(REPO / "labs" / "nbgrader_config.py", labs / "nbgrader_config.py")
    with serve(JUPYTER_LAB, labs, lab_environment(root)) as address:
        yield Server(address, labs)


@pytest.fixture(scope="module")  # not longer: while Playwright runs, no other test could start an event loop
def browser() -> Iterator[Browser]:
    program = needed(chromium).path
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh window; an error that a script throws fails the test."""
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        yield page
        assert [error for error in thrown if "rlhf" in error or "player" in error] == []


def open_notebook(page: Page, server: Server, path: str) -> None:
    """Open a notebook in a workspace of its own, and wait for its kernel."""
    page.goto(f"{server.address}/lab/tree/{path}?reset&token={TOKEN}")
    wait_for_kernel(page)


def wait_for_kernel(page: Page) -> None:
    """JupyterLab ignores whoever runs a cell before it is connected."""
    page.wait_for_function(KERNEL_READY)


def run_quiz(page: Page) -> None:
    """Run the cell that imports labkit and the cell of the quiz, and wait until the quiz stands there anew."""
    for source in ("import labkit", "labkit.quiz("):
        page.locator(".jp-CodeCell .cm-content").filter(has_text=source).first.click()
        page.keyboard.press("Control+Enter")
    page.locator(".labkit-quiz h2").wait_for()


def focus(page: Page) -> dict[str, Any]:
    """What has the keyboard now."""
    return page.evaluate(FOCUS)


def tab_until(
    page: Page, reached: Callable[[dict[str, Any]], bool], key: str = "Tab", most: int = 120
) -> dict[str, Any]:
    """Press Tab until the focus is where it should be. Fails if it never gets there."""
    for _ in range(most):
        page.keyboard.press(key)
        found = focus(page)
        if reached(found):
            return found
    return pytest.fail(f"{most} times {key} did not get there; the focus is at {focus(page)}")


def answer_by_keyboard(page: Page, wanted: dict[tuple[int, str], str]) -> None:
    """Go through the quiz with Tab, give each control its answer ((question, part) -> answer), end on Submit."""
    left = dict(wanted)
    while True:
        found = tab_until(page, lambda at: at["inside"])
        if found["tag"] == "BUTTON" and found["text"] == "Submit":
            break
        number, _, part = found["name"].removeprefix("labkit-quiz-").partition("-")[2].partition("-")
        answer = left.pop((int(number), part), None) if number.isdigit() else None
        if answer is not None:
            give(page, found, answer)
    assert left == {}, "these controls were not reached by keyboard"


def give(page: Page, control: dict[str, Any], answer: str) -> None:
    if control["type"] == "radio":
        for _ in range(10):
            if focus(page)["value"] == answer:
                break
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
    elif control["type"] == "checkbox":
        if answer == "1":
            page.keyboard.press("Space")
    elif control["tag"] == "SELECT":
        for _ in range(10):
            if focus(page)["value"] == answer:
                break
            page.keyboard.press("ArrowDown")
        assert focus(page)["value"] == answer
    else:
        page.keyboard.insert_text(answer)


def begin(folder: Path, bank: str, seed: int) -> None:
    """Let the next attempt at a bank be the one with this seed; 0 draws the first question of each pool."""
    save_draft(draft_path(folder, bank), Draft(load_bank(folder / f"{bank}.quiz.json").hash, seed, {}))


def drawn_now(folder: Path, bank: str) -> tuple[Drawn, ...]:
    """What the attempt in progress shows, from its draft."""
    draft, problem = load_draft(draft_path(folder, bank))
    assert draft is not None, problem
    return draw(load_bank(folder / f"{bank}.quiz.json"), draft.seed)


@lru_cache(maxsize=4)
def keys_of(bank: str) -> KeyedBank:
    """A bank of the course with its keys."""
    path = REPO / "quizzes" / f"{bank}.yaml"
    return keyed(proved_bank(path), read_secret(path.parent))


def fitting(part: KeyedPart, right: bool) -> list[str]:
    """Answers to a part that are right, or that are not."""
    best = max(answer.credit for answer in part.answers)
    return [answer.answer for answer in part.answers if (answer.credit == best) == right] or ["42"]


def plan(folder: Path, bank: str, right: Container[int]) -> dict[tuple[int, str], str]:
    """Answers to the attempt in progress: those questions rightly, the others wrongly."""
    return {
        (number, part.id): fitting(part, number in right)[0]
        for number, question in enumerate(drawn_now(folder, bank), start=1)
        for part in keys_of(bank).by_id[question.item].variants[question.variant].parts
    }


def change_theme(page: Page, theme: str) -> None:
    """Switch JupyterLab to its theme `Light` or `Dark`, and wait until its style sheet has arrived."""
    page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
    page.locator(f'body[data-jp-theme-name="JupyterLab {theme}"]').wait_for(state="attached")
    dark = "getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim() === '#111'"
    page.wait_for_function(dark if theme == "Dark" else f"!({dark})")


def violations(page: Page, place: str = ".labkit-quiz", undecided: bool = True) -> list[Any]:
    """What axe-core finds in a part of the page, the player if nothing else is said; and what it cannot decide."""
    axe = needed(lambda: package("axe-core")) / "axe.min.js"
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.evaluate("(place) => axe.run(place, {resultTypes: ['violations', 'incomplete']})", place)
    assert len(found["passes"]) > 10  # it did look
    told = [(rule["id"], node["html"]) for rule in found["violations"] for node in rule["nodes"]]
    unsure = [(rule["id"], node["html"]) for rule in found["incomplete"] for node in rule["nodes"]]
    # It judges no contrast of signs such as ✗ and ∑; the words beside them have the same colour.
    unsure = [one for one in unsure if re.search(r"\w", re.sub(r"<[^>]*>", "", one[1]))]
    return told + (unsure if undecided else [])
