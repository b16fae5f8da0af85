"""JupyterQuiz plays our questions with its own scripts in Chromium: what it calls right is what we call right."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from grader.formats.model.registry import export_bank
from grader.quizzes.prove import proved_bank

from .conftest import FILES

SCRIPTS = ("helpers.js", "multiple_choice.js", "numeric.js", "string.js", "show_questions.js")
IS_RIGHT = "(node) => node.classList.contains('correctButton')"


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    return json.loads(export_bank(proved_bank(FILES / "sample.yaml", 1), "jupyterquiz").data)


@pytest.fixture
def played(page: Page, questions: list[dict[str, Any]], tmp_path: Path) -> Page:
    """A page on which JupyterQuiz shows the questions."""
    empty = tmp_path / "empty.html"
    empty.write_text(
        '<!doctype html><meta charset="utf-8"><title>Quiz</title><div id="quiz" data-shuffleanswers="False"></div>'
    )
    page.goto(empty.as_uri())
    folder = files("jupyterquiz") / "js"
    page.add_script_tag(content="\n".join((folder / name).read_text("utf-8") for name in SCRIPTS))
    page.evaluate("(all) => show_questions(all, 'quiz')", questions)
    return page


def test_each_option_is_marked_as_we_mark_it(played: Page, questions: list[dict[str, Any]]) -> None:
    checked = 0
    for number, question in enumerate(questions):
        if question["type"] not in ("multiple_choice", "many_choice"):
            continue
        wrapper = played.locator(".Quiz").nth(number)
        for place, answer in enumerate(question["answers"]):
            option = wrapper.locator(".MCButton").nth(place)
            option.click()
            assert option.evaluate(IS_RIGHT) == answer["correct"]
            assert wrapper.locator(".Feedback").inner_text().strip() != ""
            checked += 1
    assert checked >= 12


@pytest.mark.parametrize(
    ("typed", "right", "said"),
    [
        ("0.69", True, "Right"),
        ("0.6931", True, "Right"),
        ("0.70", False, "into the formula"),
        ("0", False, "That would be a perfect model"),
    ],
)
def test_numbers_are_right_where_they_round_to_the_key(
    played: Page, questions: list[dict[str, Any]], typed: str, right: bool, said: str
) -> None:
    number = next(n for n, question in enumerate(questions) if question["type"] == "numeric")
    field = played.locator(".Quiz").nth(number).locator("input")
    field.fill(typed)
    field.press("Enter")
    assert field.evaluate(IS_RIGHT) == right
    assert said in played.locator(".Quiz").nth(number).locator(".Feedback").inner_text()


def test_maths_and_listings_are_shown(played: Page) -> None:
    assert played.locator("math").count() >= 3
    assert played.locator("pre").count() >= 2
    expect(played.locator("img")).to_have_count(1)
    played.wait_for_function("document.querySelector('img').naturalWidth > 100")
