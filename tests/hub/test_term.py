"""Release, fetch, solve, Validate, submit, `grader watch`, feedback: on a real hub, by clicking; and who sees what.

It has not passed yet: both students log in and get their servers, and it waits there before the Assignments tab opens.
It skips for others than root: only root can be several users.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from grader.course.coursedir import gradebook
from grader.course.paths import Course
from tests.hub.conftest import BIN, COURSE, GRADERS, LAB, PASSWORD, STUDENTS, Hub, readable

pytestmark = pytest.mark.long
PATIENCE = 180_000  # milliseconds; nothing waits longer than it has to
FOR_INSTRUCTORS = ("nbgrader:open-formgrader", "nbgrader:open-create-assignment", "nbgrader:open-course-list")
SOLVED = {"ada": ("if not values:\n    raise ValueError('no values')\nreturn total(values) / len(values)", 5.0)}
SOLVED["bob"] = ("return total(values) / len(values)", 4.0)  # no values: another error than the docstring says
BUTTON = '.item_status button:text-is("{}")'
SPREAD = "return max(values) - min(values)"
SOLVE = """
import sys, nbformat
path, mean, spread = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
for cell in notebook.cells:
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    body = {"mean": mean, "spread": spread}.get(name)
    if body is not None:
        head = cell.source.split('\"\"\"')
        lines = ["    " + line for line in body.splitlines()]
        cell.source = '\"\"\"'.join(head[:2]) + '\"\"\"\\n' + "\\n".join(lines) + "\\n"
nbformat.write(notebook, path)
"""


@contextlib.contextmanager
def logged_in(browser: Browser, hub: Hub, user: str) -> Iterator[Page]:
    """A window in which a user has their server."""
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(f"{hub.address}/hub/login")
        page.fill("#username_input", user)
        page.fill("#password_input", PASSWORD)
        page.click("#login_submit")
        page.wait_for_url(f"**/user/{user}/lab**")
        page.wait_for_function("() => window.jupyterapp?.shell?.isAttached")
        yield page


def has_command(page: Page, command: str) -> bool:
    return bool(page.evaluate("(command) => window.jupyterapp.commands.hasCommand(command)", command))


def open_assignments(page: Page) -> None:
    """The Assignments tab, from the palette."""
    page.wait_for_function("() => window.jupyterapp.commands.hasCommand('nbgrader:open-assignment-list')")
    page.keyboard.press("Control+Shift+c")
    page.locator('#modal-command-palette li[data-command="nbgrader:open-assignment-list"]').click()


def listed(name: str) -> str:
    """The assignments of one of the tab's lists."""
    return f"#{name}_assignments_list > .list_item"


def solve(hub: Hub, user: str) -> None:
    path = hub.home(user) / LAB / f"{LAB}.ipynb"
    hub.run(user, sys.executable, "-c", SOLVE, str(path), SOLVED[user][0], SPREAD)


def hand_in(page: Page, hub: Hub, user: str, pictures: Path) -> None:
    """Fetch, solve, validate and submit, by the buttons of the tab."""
    for command in FOR_INSTRUCTORS:
        assert not has_command(page, command), command
    open_assignments(page)
    page.locator(listed("released")).get_by_text("Fetch", exact=True).click()
    page.locator(listed("fetched")).locator(BUTTON.format("Submit")).wait_for()
    solve(hub, user)
    page.locator(f'#fetched_assignments_list a:text("{LAB}")').click()
    page.locator(f"#fetched_assignments_list {BUTTON.format('Validate')}").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Success!")
    page.screenshot(path=pictures / f"{user}-validated.png")
    dialog.locator("button").last.click()
    page.locator(listed("fetched")).locator(BUTTON.format("Submit")).click()
    expect(page.locator(listed("submitted"))).to_have_count(1)
    page.screenshot(path=pictures / f"{user}-submitted.png")


@contextlib.contextmanager
def watching(hub: Hub) -> Iterator[subprocess.Popen[str]]:
    """`grader watch` as the account of the course."""
    command = hub.command(COURSE, str(BIN / "grader"), "watch", LAB, "--jobs", "1", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def rows(lines: Iterator[str], students: Sequence[str]) -> dict[str, float]:
    """The score of each of these, as `grader watch` tells it."""
    found: dict[str, float] = {}
    for line in lines:
        told = json.loads(line)
        assert told["row"] is not None, told
        found[told["student"]] = told["row"]["score"]
        if set(found) == set(students):
            return found
    raise AssertionError(f"grader watch ended; it told of {found}")


def test_a_lab_goes_round(hub: Hub, browser: Browser, tmp_path: Path) -> None:
    hub.run(COURSE, str(BIN / "nbgrader"), "release_assignment", LAB)
    with contextlib.ExitStack() as stack:
        pages = {user: stack.enter_context(logged_in(browser, hub, user)) for user in STUDENTS}
        for user, page in pages.items():
            hand_in(page, hub, user, tmp_path)
        process = stack.enter_context(watching(hub))
        assert process.stdout is not None
        assert rows(iter(process.stdout), STUDENTS) == {user: SOLVED[user][1] for user in STUDENTS}
        for user, page in pages.items():
            page.locator("#refresh_assignments_list").click()
            page.locator(listed("submitted")).locator(BUTTON.format("Fetch Feedback")).click()
            page.locator("#submitted_assignments_list").get_by_text("(view feedback)").first.wait_for(state="attached")
            (feedback,) = (hub.home(user) / LAB / "feedback").rglob("*.html")
            assert f"{SOLVED[user][1]:g}" in feedback.read_text()
            page.screenshot(path=tmp_path / f"{user}-feedback.png")
    with gradebook(Course(hub.course)) as book:
        assert {user: book.find_submission(LAB, user).score for user in STUDENTS} == {
            user: SOLVED[user][1] for user in STUDENTS
        }


def test_a_student_reads_nothing_of_others(hub: Hub) -> None:
    """Neither the course with its answers, nor homes, nor what others submitted and got back."""
    exchange = hub.folder / "exchange" / "rlhf"
    for user in STUDENTS:
        others = [hub.home(other) for other in (*STUDENTS, *GRADERS, COURSE) if other != user]
        places = [hub.course, *others, hub.folder / "hub", hub.folder / "hub.json"]
        places += [exchange / "inbound", exchange / "feedback"]
        assert readable(hub, user, places) == []
        assert readable(hub, user, [exchange / "outbound"])  # what was released


def test_two_graders_have_formgrader_open_at_once(hub: Hub, browser: Browser, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        pages = {user: stack.enter_context(logged_in(browser, hub, user)) for user in GRADERS}
        for user, page in pages.items():
            page.wait_for_function("() => window.jupyterapp.commands.hasCommand('nbgrader:open-formgrader')")
            page.goto(f"{hub.address}/user/{user}/formgrader/manage_submissions/{LAB}")
        for user, page in pages.items():
            for student in STUDENTS:
                expect(page.locator("table")).to_contain_text(student)
            page.screenshot(path=tmp_path / f"{user}-formgrader.png")
        for comment, (user, page) in enumerate(pages.items()):  # each gives points, one after the other
            page.goto(f"{hub.address}/user/{user}/formgrader/gradebook/{LAB}/{LAB}")
            page.locator("table a").first.click()
            box = page.locator("textarea.comment").first
            box.fill(f"seen by {user}")
            box.press("Tab")
            expect(page.locator(".save-icon, .comment-saved").first).to_be_attached()
            assert comment < len(GRADERS)
