"""The assessment as a student takes it in JupyterLab: by keyboard, submitted, retaken, reloaded, after a restart."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Container
from pathlib import Path

from playwright.sync_api import Page, expect

from .conftest import (
    Server,
    answer_by_keyboard,
    begin,
    change_theme,
    drawn_now,
    focus,
    open_notebook,
    plan,
    run_quiz,
    tab_until,
    violations,
    wait_for_kernel,
)

LAB, BANK = "06-assessment", "assessment"
NOTEBOOK = f"{LAB}/{LAB}.ipynb"
SEVENTY = "Your latest: 70% · Your highest: 70% · To pass you need at least 70%. We keep your highest score."
FORTY = "Your latest: 40% · Your highest: 70% · To pass you need at least 70%. We keep your highest score."
SECTION = "11 · Train a language model"
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")  # a folder: pictures for the README go there


def take(page: Page, folder: Path, right: Container[int]) -> None:
    """Answer and submit, with the keyboard alone."""
    answer_by_keyboard(page, plan(folder, BANK, right))
    expect(page.locator(".labkit-quiz .count")).to_have_text("10 of 10 answered.")
    page.keyboard.press("Enter")
    expect(page.locator(".labkit-quiz .headline")).to_be_focused()


def test_the_assessment_from_opening_to_a_restarted_kernel(page: Page, server: Server) -> None:
    folder = fresh(server)
    open_notebook(page, server, NOTEBOOK)
    run_quiz(page)
    take(page, folder, right=range(1, 8))

    quiz = page.locator(".labkit-quiz")
    expect(quiz.locator(".headline")).to_have_text("Your grade: 70%. You passed.")
    expect(quiz.locator(".standing")).to_have_text(SEVENTY)
    assert [text.split("\n")[0] for text in quiz.locator(".verdict strong").all_inner_texts()] == (
        7 * ["Correct"] + 3 * ["Incorrect"]
    )
    assert all(len(text) > 20 for text in quiz.locator(".feedback").all_inner_texts())
    assert quiz.locator(".option .feedback").count() == 10
    assert quiz.locator(".review a").count() == 3
    first = [(one["item"], one["variant"]) for one in json.loads((folder / "attempts.jsonl").read_text())["draw"]]

    tab_until(page, lambda at: at["text"] == "Take it again")
    page.keyboard.press("Enter")
    expect(quiz.locator("h2")).to_be_focused()
    again = [(question.item, question.variant) for question in drawn_now(folder, BANK)]
    assert all(old != new for old, new in zip(first, again, strict=True))
    take(page, folder, right=range(1, 5))
    expect(quiz.locator(".headline")).to_have_text("Your grade: 40%. Not passed yet.")
    expect(quiz.locator(".standing")).to_have_text(FORTY)

    with page.expect_response(lambda reply: reply.request.method == "PUT" and NOTEBOOK in reply.url):
        page.keyboard.press("Control+s")
    page.reload()
    expect(quiz.locator(".standing")).to_have_text(FORTY)
    expect(quiz.locator(".headline")).to_have_text("Your grade: 40%. Not passed yet.")

    (session,) = [one for one in server.ask("/api/sessions") if one["path"] == NOTEBOOK]
    server.ask(f"/api/kernels/{session['kernel']['id']}/restart", "POST")
    page.reload()
    wait_for_kernel(page)
    page.evaluate("document.querySelectorAll('.labkit-quiz').forEach((old) => old.remove())")
    run_quiz(page)
    expect(quiz.locator(".standing")).to_have_text(FORTY)
    assert quiz.locator(".verdict.right").count() == 4
    assert [json.loads(line)["score"] for line in (folder / "attempts.jsonl").read_text().splitlines()] == [0.7, 0.4]


def test_a_link_to_review_opens_the_lab_at_its_section(page: Page, server: Server) -> None:
    folder = fresh(server)
    open_notebook(page, server, NOTEBOOK)
    run_quiz(page)
    take(page, folder, right=range(1, 10))
    tab_until(page, lambda at: at["tag"] == "A")
    assert focus(page)["text"] == "Lab 05, section 11: train a language model"
    page.keyboard.press("Enter")
    page.locator(".lm-TabBar-tabLabel", has_text="05-dpo.ipynb").wait_for()
    expect(page.locator(".jp-NotebookPanel:visible h2", has_text=SECTION)).to_be_in_viewport()


def test_pictures_and_axe_in_both_themes(page: Page, server: Server, tmp_path: Path) -> None:
    folder = fresh(server)
    goal = Path(SCREENSHOTS or tmp_path).resolve()
    open_notebook(page, server, NOTEBOOK)
    run_quiz(page)
    for theme in ("Light", "Dark"):
        change_theme(page, theme)
        assert violations(page) == []
    take(page, folder, right=range(2, 9))
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    for theme in ("Light", "Dark"):
        change_theme(page, theme)
        assert violations(page) == []
        page.set_viewport_size({"width": 1000, "height": 860})
        page.locator(".labkit-quiz h2").evaluate("(node) => node.scrollIntoView()")
        page.evaluate("document.activeElement.blur()")
        page.mouse.move(0, 0)
        page.screenshot(path=goal / f"player-{theme.lower()}.png", animations="disabled")
        assert (goal / f"player-{theme.lower()}.png").stat().st_size > 10_000


def fresh(server: Server) -> Path:
    """The assessment's folder without attempts or kernel, about to ask the first question of each subject."""
    folder = server.labs / LAB
    for left in (folder / "attempts.jsonl", *folder.glob(".quiz-*")):
        left.unlink(missing_ok=True)
    shutil.rmtree(folder / ".ipynb_checkpoints", ignore_errors=True)
    for session in server.ask("/api/sessions"):
        server.ask(f"/api/sessions/{session['id']}", "DELETE")
    begin(folder, BANK, 0)
    return folder
