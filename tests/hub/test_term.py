"""Release, fetch, solve, Validate, submit, `grader watch`, feedback: on a real hub, by clicking; and who sees what.

It skips for others than root: only root can be several users.
"""

from __future__ import annotations

import contextlib
import json
import urllib.error
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from grader.course.coursedir import gradebook
from grader.course.paths import Course
from tests.hub.conftest import BIN, COURSE, GRADERS, LAB, PASSWORD, PATIENCE, STUDENTS, Hub, ask, readable, watching

pytestmark = pytest.mark.long
NOTEBOOK = f"{LAB}.ipynb"
OF_STUDENTS, OF_GRADERS = ["Assignment List"], ["Assignment List", "Course List", "Formgrader", "Create assignment"]
SPREAD = "def spread(values):\n    return max(values) - min(values)"
MEAN = "def mean(values):\n    return total(values) / len(values)"  # no values: another error than was asked for
CAREFUL = MEAN.replace("    return", '    if not values:\n        raise ValueError("no values")\n    return')
SOLVED, SCORES = {"ada": CAREFUL, "bob": MEAN}, {"ada": 5.0, "bob": 4.0}


@contextlib.contextmanager
def logged_in(browser: Browser, hub: Hub, user: str) -> Iterator[Page]:
    """A window in which a user has their JupyterLab."""
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{hub.address}/hub/login")
        page.fill("#username_input", user)
        page.fill("#password_input", PASSWORD)
        page.click("#login_submit")
        page.wait_for_url(f"**/user/{user}/lab**")
        page.wait_for_function("() => window.jupyterapp?.shell?.isAttached")
        yield page


def choose(page: Page, wanted: str, choices: Sequence[str]) -> None:
    """Choose from nbgrader's menu, which has these choices and no others."""
    page.locator(".lm-MenuBar-itemLabel", has_text="Nbgrader").click()
    labels = page.locator(".lm-Menu-item:not(.lm-mod-hidden) .lm-Menu-itemLabel")
    expect(labels).to_have_text(choices)
    labels.get_by_text(wanted, exact=True).click()


def press(page: Page, part: str, name: str) -> None:
    """Press a button in a part of the Assignments tab: `released`, `fetched` or `submitted`."""
    page.locator(f"#{part}_assignments_list").get_by_role("button", name=name, exact=True).click()


def write(page: Page, function: str) -> None:
    """Write the whole of a cell that says how its function begins."""
    page.locator(".jp-CodeCell .cm-content").filter(has_text=function.partition("(")[0]).click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(function)


def solve(page: Page, user: str) -> None:
    """Open the notebook from the tab, write both functions, save, and go back."""
    page.locator("#fetched_assignments_list .assignment-notebooks-link").click()
    page.locator("#fetched_assignments_list .nested_list_item").get_by_text(LAB, exact=True).click()
    for function in (SOLVED[user], SPREAD):
        write(page, function)
    with page.expect_response(lambda reply: reply.request.method == "PUT" and NOTEBOOK in reply.url):
        page.keyboard.press("Control+s")
    page.locator(".lm-TabBar-tab", has_text="Assignments").click()


def hand_in(page: Page, user: str, pictures: Path) -> None:
    """Fetch, solve, validate and submit, by the buttons of the tab; there is nothing of what instructors have."""
    choose(page, "Assignment List", OF_STUDENTS)
    press(page, "released", "Fetch")
    solve(page, user)
    press(page, "fetched", "Validate")
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Success! Your notebook passes all the tests.")
    page.screenshot(path=pictures / f"{user}-validated.png")
    dialog.get_by_role("button", name="Ok").click()
    press(page, "fetched", "Submit")
    page.locator("#submitted_assignments_list .nested_list_item").wait_for()
    page.screenshot(path=pictures / f"{user}-submitted.png")


def fetch_feedback(page: Page, user: str, pictures: Path) -> None:
    """Fetch the feedback and open it, by clicking; it tells the points."""
    press(page, "submitted", "Fetch Feedback")
    page.locator("#submitted_assignments_list").get_by_text("(view feedback)").click()
    page.locator(".jp-DirListing-item", has_text=f"{LAB}.html").dblclick()
    shown = page.frame_locator(".jp-HTMLViewer iframe")
    for words in (f"Feedback for {user} · handed in ", f"{SCORES[user]:g} of 5 points"):
        expect(shown.locator("body")).to_contain_text(words)
    page.screenshot(path=pictures / f"{user}-feedback.png")


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


def scores(hub: Hub) -> dict[str, float]:
    """What each student has of the lab, in the gradebook."""
    with gradebook(Course(hub.course)) as book:
        return {user: book.find_submission(LAB, user).score for user in STUDENTS}


def test_a_lab_goes_round(hub: Hub, browser: Browser, tmp_path: Path) -> None:
    hub.run(COURSE, str(BIN / "nbgrader"), "release_assignment", LAB)
    hub.start(STUDENTS)
    with contextlib.ExitStack() as stack:
        pages = {user: stack.enter_context(logged_in(browser, hub, user)) for user in STUDENTS}
        for user, page in pages.items():
            hand_in(page, user, tmp_path)
        process = stack.enter_context(watching(hub))
        assert process.stdout is not None
        assert rows(iter(process.stdout), STUDENTS) == SCORES
        for user, page in pages.items():
            fetch_feedback(page, user, tmp_path)
    assert scores(hub) == SCORES


def formgrader(page: Page) -> FrameLocator:
    """Formgrader, opened from the menu: JupyterLab shows it in a frame."""
    choose(page, "Formgrader", OF_GRADERS)
    return page.frame_locator("iframe[src*=formgrader]")


def open_submission(frame: FrameLocator, number: int) -> None:
    """Open the page of a submission."""
    frame.get_by_role("link", name="Manual Grading", exact=True).first.click()
    for heading in ("Assignment ID", "Notebook ID"):
        frame.locator("table", has_text=heading).get_by_role("link", name=LAB, exact=True).click()
    frame.get_by_role("link", name=f"Submission #{number}", exact=True).click()


def autograde(frame: FrameLocator, student: str) -> None:
    """Press Autograde beside a student's submission."""
    frame.locator(".breadcrumb").get_by_role("link", name="Manual Grading", exact=True).click()
    frame.get_by_role("link", name="Manage Assignments", exact=True).click()
    frame.locator("td.num-submissions a").click()
    frame.locator("tr", has_text=student).locator("td.autograde a").click()
    expect(frame.locator(".modal-body")).to_contain_text("Successfully autograded")


def comments(hub: Hub) -> dict[str, list[str]]:
    """What graders wrote to each student, in the gradebook."""
    with gradebook(Course(hub.course)) as book:
        found = {user: book.find_submission(LAB, user).notebooks[0].comments for user in STUDENTS}
        return {user: sorted(one.manual_comment for one in said if one.manual_comment) for user, said in found.items()}


def test_two_graders_have_formgrader_open_at_once(hub: Hub, browser: Browser, tmp_path: Path) -> None:
    """Both comment on both submissions, and grade; each may change what others and the course's account wrote."""
    hub.start(GRADERS)
    with contextlib.ExitStack() as stack:
        pages = {user: stack.enter_context(logged_in(browser, hub, user)) for user in GRADERS}
        frames = {user: formgrader(page) for user, page in pages.items()}
        for number in range(1, len(STUDENTS) + 1):
            for frame in frames.values():
                open_submission(frame, number)
            for cell, (user, frame) in enumerate(frames.items()):
                box = frame.locator("textarea.comment[placeholder]").nth(cell)  # the page fills it in when it has all
                box.fill(f"seen by {user}")
                with pages[user].expect_response(lambda reply: "/api/comment/" in reply.url) as saved:
                    box.press("Tab")
                assert saved.value.ok
                pages[user].screenshot(path=tmp_path / f"{user}-{number}.png")
        for (user, frame), student in zip(frames.items(), STUDENTS, strict=True):
            autograde(frame, student)
            pages[user].screenshot(path=tmp_path / f"{user}-autograded.png")
    said = [f"seen by {user}" for user in sorted(GRADERS)]
    assert comments(hub) == dict.fromkeys(STUDENTS, said)
    assert scores(hub) == SCORES
    for user in (GRADERS[0], COURSE):
        hub.run(user, str(BIN / "grader"), "feedback", LAB)
        for student in STUDENTS:
            text = (hub.course / "class" / "feedback" / student / LAB / f"{LAB}.html").read_text()
            assert all(words in text for words in said)


def refused(hub: Hub, user: str, path: str) -> int:
    """With which status a user's token is refused at an address of the hub."""
    with pytest.raises(urllib.error.HTTPError) as found:
        ask(f"{hub.address}/{path}", hub.token(user), "GET", None)
    with found.value as answer:
        return answer.code


def test_a_student_reads_nothing_of_others(hub: Hub) -> None:
    """Neither the course with its answers, nor homes, nor what others submitted, got back or compute now."""
    hub.start(["ada"])
    kernel = ask(f"{hub.address}/user/ada/api/kernels", hub.token("ada"), "POST", b"{}")["id"]
    (said,) = (hub.home("ada") / ".local" / "share" / "jupyter" / "runtime").glob(f"kernel-{kernel}.json")
    assert json.loads(said.read_text())["transport"] == "ipc"  # sockets in ada's home: who may not enter hears nothing
    assert refused(hub, "ada", "user/ada/formgrader") == 404
    for user in STUDENTS:
        others = [other for other in (*STUDENTS, *GRADERS, COURSE) if other != user]
        exchange = hub.folder / "exchange" / "rlhf"
        places = [hub.course, *map(hub.home, others), hub.folder / "hub", hub.folder / "hub.json"]
        places += [exchange / "inbound", exchange / "feedback"]
        assert readable(hub, user, places) == []
        assert readable(hub, user, [exchange / "outbound"])  # what was released
    assert refused(hub, "bob", "user/ada/api/contents") == 403
    assert refused(hub, "bob", "user/ada/lab") == 403
