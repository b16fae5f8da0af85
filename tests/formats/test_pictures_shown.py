"""Chromium shows the pictures of a practice page, of whatever kind, and nothing else is fetched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright

from grader.formats.model.registry import export_bank
from tests.formats.pictures import gif, img, jpeg, png
from tests.formats.placed import placed
from tests.tools.chromium import chromium
from tests.tools.needed import needed

SIZES = "all => all.every(image => image.complete) && all.map(i => [i.naturalWidth, i.naturalHeight, i.alt])"


def test_a_practice_page_shows_pictures_of_every_kind(tmp_path: Path) -> None:
    bank = placed("single").bank
    (item,) = bank.items
    (variant,) = item.variants
    kinds = {"a PNG": png(1), "a JPEG": jpeg(1), "a GIF": gif(1)}
    stem = "".join(f"<p>{img(data, words)}</p>" for words, data in kinds.items())
    made = replace(bank, items=(replace(item, variants=(replace(variant, stem=stem),)),))
    path = tmp_path / "made.html"
    path.write_bytes(export_bank(made, "html").data)
    program = needed(chromium).path
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector(".stem img")
        page.wait_for_function("[...document.images].every(image => image.complete)")
        shown = page.locator("img").evaluate_all(SIZES)
        browser.close()
    assert sorted(shown) == sorted([[8, 8, "a PNG"], [1, 1, "a JPEG"], [1, 1, "a GIF"], [8, 8, "words of options"]])
    assert {address.split(":")[0] for address in asked} <= {"file", "data"}
