"""The player with every type of item, in JupyterLab in Chromium: by keyboard, in both themes, nothing told early."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocket, expect

from labkit.quiz.bank import unpacked

from .conftest import (
    FILES,
    TOKEN,
    Server,
    answer_by_keyboard,
    change_theme,
    drawn_now,
    focus,
    open_notebook,
    run_quiz,
    violations,
    wait_for_kernel,
)

SAMPLE = "90-sample/sample.ipynb"


@pytest.fixture
def folder(server: Server) -> Path:
    """The folder of the sample, without what other tests left."""
    place = server.labs / "90-sample"
    for left in (place / "attempts.jsonl", *place.glob(".quiz-*")):
        left.unlink(missing_ok=True)
    for session in server.ask("/api/sessions"):
        server.ask(f"/api/sessions/{session['id']}", "DELETE")
    return place


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    return json.loads((FILES / "sample.kept.json").read_text())


def test_every_type_is_answered_by_keyboard_alone(
    page: Page, server: Server, folder: Path, kept: dict[str, Any], quiz_keys: Callable[..., dict[str, str]]
) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    right = {}
    for number, drawn in enumerate(drawn_now(folder, "sample"), start=1):
        right |= {(number, part): key for part, key in quiz_keys(kept, drawn.item, drawn.variant).items()}
    answer_by_keyboard(page, right)
    expect(page.locator(".labkit-quiz .count")).to_have_text("8 of 8 answered.")
    page.keyboard.press("Enter")
    expect(page.locator(".labkit-quiz .headline")).to_have_text("Your grade: 100%. You passed.")
    assert "headline" in focus(page)["class"]
    assert page.locator(".labkit-quiz .verdict.right").count() == 8
    assert (
        page.locator(".labkit-quiz [role=status]").inner_text().startswith("Your grade: 100%. You passed. Your latest:")
    )


def test_unanswered_questions_are_named_before_submitting(page: Page, server: Server, folder: Path) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    for number in (1, 8):
        page.locator(f'[data-number="{number}"] input').first.check()
    page.locator('[data-number="3"] input').fill("a lot")
    page.locator('[data-number="3"] input').press("Tab")
    expect(page.locator('[data-number="3"] .problem')).to_contain_text("is no number")
    assert page.locator('[data-number="3"] input').get_attribute("aria-invalid") == "true"
    page.locator('[data-number="3"] input').fill("4,480")
    page.locator('[data-number="3"] input').press("Tab")
    expect(page.locator('[data-number="3"] .problem')).to_contain_text("4480 or 4.48?")
    page.locator('[data-number="3"]').get_by_role("button", name="4.48", exact=True).click()
    expect(page.locator('[data-number="3"] input')).to_have_value("4.48")
    expect(page.locator('[data-number="3"] .problem')).to_be_hidden()
    page.locator('[data-number="3"] input').fill("4,480")
    page.locator(".submit").click()
    confirm = page.locator(".confirm")
    expect(confirm).to_contain_text("6 unanswered: questions 2, 3, 4, 5, 6, 7.")
    expect(confirm).to_contain_text("Question 3: '4,480' may be two numbers: 4480 or 4.48?")
    expect(confirm).to_be_focused()
    assert not (folder / "attempts.jsonl").exists()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator('[data-number="2"] h3')).to_be_focused()
    page.locator('[data-number="2"] input').first.check()
    expect(confirm).to_contain_text("5 unanswered: questions 3, 4, 5, 6, 7.")
    page.get_by_role("button", name="Submit all the same").click()
    expect(page.locator(".headline")).to_contain_text("Your grade: ")
    assert len((folder / "attempts.jsonl").read_text().splitlines()) == 1


def test_one_question_at_a_time(page: Page, server: Server, folder: Path) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    page.get_by_label("One question at a time").check()
    shown = page.locator(".question:visible")
    expect(shown).to_have_count(1)
    expect(page.locator(".where")).to_have_text("Question 1 of 8")
    expect(page.locator(".previous")).to_be_disabled()
    page.locator(".next").focus()
    page.keyboard.press("Enter")
    expect(page.locator('[data-number="2"] h3')).to_be_focused()
    expect(shown).to_have_count(1)
    assert violations(page) == []
    page.locator(".submit").click()
    page.get_by_role("button", name="Question 7").click()
    expect(page.locator('[data-number="7"] h3')).to_be_focused()
    expect(page.locator(".where")).to_have_text("Question 7 of 8")


def test_answers_survive_a_reload_and_a_restarted_kernel(page: Page, server: Server, folder: Path) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    chosen = page.locator('[data-number="1"] input').nth(2).get_attribute("value")
    page.locator('[data-number="1"] input').nth(2).check()
    page.locator('[data-number="6"] input.text').fill("<img src=x onerror=alert(1)> & partition")
    expect(page.locator(".count")).to_have_text("1 of 8 answered.")
    with page.expect_response(lambda reply: reply.request.method == "PUT" and SAMPLE in reply.url):
        page.keyboard.press("Control+s")  # JupyterLab's, while the focus is in the quiz
    page.reload()
    expect(page.locator(".count")).to_have_text("1 of 8 answered.")
    assert page.locator('[data-number="1"] input:checked').get_attribute("value") == chosen
    (session,) = [one for one in server.ask("/api/sessions") if one["path"] == SAMPLE]
    server.ask(f"/api/kernels/{session['kernel']['id']}/restart", "POST")
    page.reload()
    wait_for_kernel(page)
    page.evaluate("document.querySelectorAll('.labkit-quiz').forEach((old) => old.remove())")
    run_quiz(page)
    assert page.locator('[data-number="1"] input:checked').get_attribute("value") == chosen
    typed = page.locator('[data-number="6"] input.text')
    assert typed.input_value() == "<img src=x onerror=alert(1)> & partition"
    assert page.locator('.labkit-quiz img[src="x"]').count() == 0


def test_letters_typed_in_the_quiz_are_no_shortcuts_of_jupyterlab(page: Page, server: Server, folder: Path) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    page.locator('[data-number="1"] input').first.focus()
    for key in ("a", "b", "d", "d", "x", "m", "Enter"):
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert focus(page)["inside"]


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing(page: Page, server: Server, folder: Path, theme: str) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    change_theme(page, theme)
    assert violations(page) == []
    page.locator('[data-number="3"] input').fill("a lot")
    page.locator('[data-number="1"] input').first.check()
    page.locator('[data-number="2"] input').first.check()
    page.locator(".submit").click()
    expect(page.locator(".confirm")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Submit all the same").click()
    expect(page.locator(".headline")).to_be_visible()
    assert violations(page) == []


def test_nothing_that_tells_a_key_reaches_the_browser_before_submitting(
    page: Page, server: Server, folder: Path, kept: dict[str, Any]
) -> None:
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(as_text(frame)))

    page.on("websocket", listen)
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    for number in (1, 8):
        page.locator(f'[data-number="{number}"] input').first.check()
    expect(page.locator(".count")).to_have_text("2 of 8 answered.")
    received = "\n".join(frames)
    assert '"stem"' in received  # it did listen
    told = [text for text in feedbacks(kept) if json.dumps(text)[1:-1] in received]
    assert told == []
    sealed = [cipher for cipher in ciphertexts(folder) if cipher in received]
    assert sealed == []


def test_an_exam_says_that_the_grader_will_score_it(page: Page, server: Server, folder: Path) -> None:
    open_notebook(page, server, "90-sample/sample-exam.ipynb")
    run_quiz(page)
    page.locator(".submit").click()
    page.get_by_role("button", name="Submit all the same").click()
    expect(page.locator(".headline")).to_have_text(
        "Your answers are recorded. The grader will score them: this page cannot."
    )
    assert page.locator(".verdict").count() == 0
    assert page.locator(".retake").count() == 0
    expect(page.locator(".left")).to_have_text("No attempts are left.")
    assert violations(page) == []


def test_a_silent_kernel_is_mentioned(page: Page, server: Server, folder: Path) -> None:
    """Also where only an answer was given, and the window does not know that the kernel was restarted elsewhere."""
    page.clock.install()
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    (session,) = [one for one in server.ask("/api/sessions") if one["path"] == SAMPLE]
    server.ask(f"/api/kernels/{session['kernel']['id']}/restart", "POST")
    page.locator('[data-number="1"] input').first.check()
    page.clock.run_for(5000)
    expect(page.locator(".trouble")).to_contain_text("Run this cell again")


@pytest.mark.parametrize("command", ["Restart Kernel…", "Shut Down Kernel"])
def test_after_jupyterlabs_own_menu_nothing_is_silent_and_nothing_is_lost(
    page: Page, server: Server, folder: Path, command: str
) -> None:
    """Restart or shut down in the middle of a quiz, answer, submit: it is said at once, and one click puts all back."""
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    chosen = page.locator('[data-number="1"] input').nth(2).get_attribute("value")
    page.locator('[data-number="1"] input').nth(2).check()
    expect(page.locator(".count")).to_have_text("1 of 8 answered.")
    from_menu(page, "Kernel", command)
    page.locator('[data-number="3"] input').fill("0.69")
    page.locator('[data-number="8"] input').nth(1).check()
    expect(page.locator(".trouble")).to_contain_text("Run this cell again")
    picture(page, f"player-{command.split()[0].lower()}")
    page.locator(".submit").click()
    expect(page.locator(".trouble")).to_contain_text("Your answers are kept in this window")
    page.get_by_role("button", name="Run this cell again").click()
    expect(page.locator(".count")).to_have_text("3 of 8 answered.")
    assert page.locator('[data-number="1"] input:checked').get_attribute("value") == chosen
    assert page.locator('[data-number="3"] input').input_value() == "0.69"
    assert page.locator('[data-number="8"] input').nth(1).is_checked()
    assert page.locator(".trouble").is_hidden()
    page.locator(".submit").click()
    page.get_by_role("button", name="Submit all the same").click()
    expect(page.locator(".headline")).to_contain_text("Your grade")
    assert len((folder / "attempts.jsonl").read_text().splitlines()) == 1


def test_two_windows_show_the_same_answers(page: Page, server: Server, folder: Path) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    save(page)
    with page.context.new_page() as other:
        open_notebook(other, server, SAMPLE)
        other.locator(".labkit-quiz h2").wait_for()
        other.locator('[data-number="1"] input').nth(1).check()
        other.locator('[data-number="3"] input').fill("0.5")
        expect(page.locator('[data-number="1"] input').nth(1)).to_be_checked()
        expect(page.locator('[data-number="3"] input')).to_have_value("0.5")
        page.locator('[data-number="1"] input').nth(0).check()
        expect(other.locator('[data-number="1"] input').nth(0)).to_be_checked()
        other.locator(".submit").click()
        other.get_by_role("button", name="Submit all the same").click()
        expect(page.locator(".headline")).to_be_visible()


def test_a_tab_that_is_closed_and_opened_again_goes_on(page: Page, server: Server, folder: Path) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    page.locator('[data-number="1"] input').nth(1).check()
    expect(page.locator(".count")).to_have_text("1 of 8 answered.")
    save(page)
    page.evaluate("jupyterapp.shell.currentWidget.close()")
    page.locator(".labkit-quiz").wait_for(state="detached")
    page.evaluate(f"jupyterapp.commands.execute('docmanager:open', {{path: '{SAMPLE}'}})")
    expect(page.locator(".count")).to_have_text("1 of 8 answered.")
    page.locator('[data-number="3"] input').fill("0.5")
    expect(page.locator(".count")).to_have_text("2 of 8 answered.")


def test_a_saved_quiz_without_its_kernel_shows_its_questions(page: Page, server: Server, folder: Path) -> None:
    open_notebook(page, server, SAMPLE)
    run_quiz(page)
    assert page.locator(".labkit-quiz-text").is_hidden()
    save(page)
    (session,) = [one for one in server.ask("/api/sessions") if one["path"] == SAMPLE]
    server.ask(f"/api/sessions/{session['id']}", "DELETE")
    open_notebook(page, server, SAMPLE)
    expect(page.locator(".labkit-quiz-text")).to_be_visible()
    expect(page.locator(".labkit-quiz-text")).to_contain_text("Question 8 · ")
    assert page.get_by_text("Error displaying widget").filter(visible=True).count() == 0
    picture(page, "player-saved")


def test_notebook_7_has_the_player_with_its_links(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.address}/notebooks/{SAMPLE}?token={TOKEN}")
    wait_for_kernel(page)
    run_quiz(page)
    page.locator('[data-number="1"] input').first.check()
    page.locator('[data-number="1"] input').last.check()
    expect(page.locator(".count")).to_have_text("1 of 8 answered.")
    page.locator(".submit").click()
    page.get_by_role("button", name="Submit all the same").click()
    expect(page.locator(".headline")).to_be_visible()
    links = [link.get_attribute("href") for link in page.locator(".review a").all()]
    picture(page, "player-notebook-7")
    assert set(links) == {"/notebooks/90-sample/05-dpo.ipynb#loss-against-u"}


def save(page: Page) -> None:
    with page.expect_response(lambda reply: reply.request.method == "PUT" and SAMPLE in reply.url):
        page.evaluate("jupyterapp.commands.execute('docmanager:save')")


def from_menu(page: Page, menu: str, command: str) -> None:
    """Choose a command in JupyterLab's menu bar as a person does, say yes, and wait until the kernel has done it."""
    page.locator(".lm-MenuBar-item").filter(has_text=menu).click()
    page.locator(".lm-Menu-item").filter(has_text=command).first.click()
    if command.endswith("…"):
        page.locator(".jp-Dialog button.jp-mod-accept").click()
        page.locator(".jp-Dialog").wait_for(state="detached")
        wait_for_kernel(page)
    else:
        page.wait_for_function("!window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel")


def picture(page: Page, name: str) -> None:
    """Where SCREENSHOTS names a folder, what is seen now."""
    if os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(os.environ["SCREENSHOTS"]) / f"{name}.png")


def as_text(frame: bytes | str) -> str:
    return frame if isinstance(frame, str) else frame.decode("utf-8", "replace")


def feedbacks(kept: dict[str, Any]) -> set[str]:
    """All feedback of a bank that stands nowhere in its questions."""
    parts = [part for item in kept["items"] for variant in item["variants"] for part in variant["parts"]]
    return {key["feedback"] for part in parts for key in part["answers"] if len(key["feedback"]) > 12}


def ciphertexts(folder: Path) -> list[str]:
    bank = json.loads(unpacked((folder / "sample.quiz.json").read_bytes()))
    parts = [part for item in bank["items"] for variant in item["variants"] for part in variant["parts"]]
    return [cipher for part in parts for cipher in part["sealed"]]
