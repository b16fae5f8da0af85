"""The static site in Chromium: from files, without a server; search, light and dark, a quiz played, nobody kept out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from grader.build.release import build_lab
from grader.course.paths import Course
from grader.site.write import write_site

from .conftest import violations

LAB = "06-sample"


@pytest.fixture(scope="module")
def site(quiz_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the sample course, its solution run once."""
    folder = tmp_path_factory.mktemp("site")
    course, goal = Course(folder / "course"), folder / "site"
    shutil.copytree(quiz_template.root, course.root)
    lab = course.solutions / LAB / "lab.py"
    shown = 'import labkit\n\nlabkit.quiz("sample")'
    lab.write_text(lab.read_text().replace('raise RuntimeError("grading must not run a demo cell")', shown))
    build_lab(course, LAB)
    pages, leaks = write_site(course, [LAB], goal)
    assert (pages, leaks) == ([f"{LAB}.html"], [])
    return goal


def test_pages_are_read_by_everyone_in_both_themes(page: Page, site: Path) -> None:
    for file in ("index.html", f"{LAB}.html"):
        page.goto((site / file).as_uri())
        for theme in ("light", "dark"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            assert violations(page, "body > :not(main), main > :not(iframe)") == []


def test_search_finds_a_section_and_leads_there(page: Page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    page.get_by_label("Search").fill("SAMPLE")
    found = page.locator("#found a")
    expect(page.locator("#found [role=status]")).to_contain_text("found")
    expect(found.first).to_be_visible()
    page.get_by_label("Search").fill("no such word anywhere")
    expect(page.locator("#found [role=status]")).to_have_text("0 sections found")
    page.get_by_label("Search").fill("sample")
    found.first.click()
    page.wait_for_url(f"**/{LAB}.html*")


def test_the_theme_stays_from_page_to_page(page: Page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.goto((site / f"{LAB}.html").as_uri())
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")


def test_the_quiz_is_played_in_the_page(page: Page, site: Path) -> None:
    page.goto((site / f"{LAB}.html").as_uri())
    page.locator("iframe.quiz").scroll_into_view_if_needed()  # it is loaded when it is seen
    quiz = page.frame_locator("iframe.quiz")
    quiz.locator(".labkit-quiz h2").wait_for()
    quiz.locator("input[type=radio]").first.check()
    quiz.get_by_role("button", name="Submit", exact=True).click()
    quiz.get_by_role("button", name="Submit all the same").click()
    expect(quiz.locator(".headline")).to_contain_text("Your grade")
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / "site.png"))
