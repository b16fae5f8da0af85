"""Another program plays our QTI 3 items: Citolab's QTI components in Chromium, response by response."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from grader.formats.model.pools import pools
from grader.formats.model.registry import export_bank
from grader.formats.model.responses import Given, marked
from grader.formats.qti.package import item_path
from grader.formats.qti.scoring import is_one, option_id
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedVariant
from tests.tools.chromium import chromium
from tests.tools.needed import needed
from tests.tools.node import package

HOME = "http://quiz.test"
SECRET = b"for tests" + bytes(23)
PLAY = """async ({xml, responses}) => {
  document.body.replaceChildren(window.qtiTransformItem().parse(xml).htmlDoc());
  const item = document.querySelector('qti-assessment-item');
  await item.updateComplete;
  await Promise.all([...item.querySelectorAll('[response-identifier]')].map(element => element.updateComplete));
  const played = [];
  for (const [number, variables] of responses.entries()) {
    for (const {identifier, value} of variables) item.updateResponseVariable(identifier, value);
    if (number === responses.length - 1) item.variables = variables;  // into the fields, too
    item.processResponse(true, false);
    const values = Object.fromEntries(item.variables.map(v => [v.identifier, v.value]));
    const shown = [...item.querySelectorAll('qti-modal-feedback')].filter(f => f.showStatus === 'on');
    played.push({score: Number(values.SCORE), worth: Number(values.MAXSCORE), shown: shown.map(f => f.textContent)});
  }
  return played;
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page with the player in it; addresses of quiz.test are answered from `FILES`.

    For this module, not longer: while Playwright runs, no other test could start an event loop.
    """
    program, player = needed(chromium).path, needed(lambda: package("@citolab/qti-components"))
    FILES["player.js"] = (player / "cdn" / "index.js").read_bytes()
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        page = browser.new_page()
        page.route(f"{HOME}/**", answer)
        page.goto(f"{HOME}/start.html")
        page.wait_for_function("window.qtiTransformItem !== undefined")
        yield page
        browser.close()


FILES: dict[str, bytes] = {
    "start.html": b'<!doctype html><meta charset="utf-8"><script type="module">import {qtiTransformItem} from '
    b'"/player.js"; console.debug = console.warn = () => {}; window.qtiTransformItem = qtiTransformItem;</script>'
}
KINDS = {"html": "text/html", "js": "text/javascript", "svg": "image/svg+xml", "css": "text/css", "xml": "text/xml"}


def answer(route: Route) -> None:
    path = route.request.url.removeprefix(f"{HOME}/")
    data = FILES.get(path)
    if data is None:
        route.fulfill(status=404)
    else:
        route.fulfill(body=data, content_type=KINDS[path.rsplit(".", 1)[1]])


def unpacked(bank: RenderedBank) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(export_bank(bank, "qti30").data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def variables(item: RenderedItem, variant: RenderedVariant, given: Given) -> list[dict[str, Any]]:
    """A response as QTI's response variables."""
    if item.type == "order":
        chosen = [option_id(given[part.id][0]) for part in variant.parts if part.id in given]  # type: ignore[arg-type]
        return [{"identifier": "RESPONSE", "value": chosen or None}]
    if item.type == "match":
        places = [(place, given.get(part.id)) for place, part in enumerate(variant.parts, start=1)]
        pairs = [f"l{place} {option_id(choice[0])}" for place, choice in places if choice]  # type: ignore[arg-type]
        return [{"identifier": "RESPONSE", "value": pairs or None}]
    made = []
    for part in variant.parts:
        name, answer = "RESPONSE" if is_one(item) else f"RESPONSE_{part.id}", given.get(part.id)
        value: Any = answer
        if isinstance(answer, tuple):
            names = [option_id(number) for number in answer]
            value = names if part.kind == "boxes" else names[0]
        made.append({"identifier": name, "value": value})
    return made


def test_the_player_gives_the_marks_of_our_scorer_for_every_response(bank: RenderedBank, page: Page) -> None:
    files = unpacked(bank)
    questions = {(q.item.id, q.variant.variant): q for pool in pools(bank) for q in pool.questions}
    cases: dict[tuple[str, int], list[Any]] = {}
    for item, variant, mark in marked(bank, SECRET):
        cases.setdefault((item.id, variant.variant), []).append(mark)
    assert cases.keys() == questions.keys()
    wrong, count = [], 0
    for key, marks in cases.items():
        question = questions[key]
        responses = [variables(question.item, question.variant, mark.given) for mark in marks]
        xml = files[item_path(question)].decode()
        for mark, played in zip(marks, page.evaluate(PLAY, {"xml": xml, "responses": responses}), strict=True):
            count += 1
            expected = mark.share * question.item.points
            near = 0.0005 if 0 < mark.share < 1 else 1e-9  # the player rounds sums and products to three decimals
            if abs(played["score"] - expected) > near or played["worth"] != question.item.points:
                wrong.append(f"{question.id}: {mark.said!r}: {played['score']} instead of {expected}")
    assert not wrong, "\n".join(wrong[:20])
    assert count >= 2 * len(questions)


def test_a_person_answers_and_reads_the_feedback(sample: RenderedBank, page: Page) -> None:
    files = unpacked(sample)
    FILES.update({f"play/{path}": data for path, data in files.items()})
    page.evaluate(
        """async () => {
          const item = await window.qtiTransformItem().load('/play/items/loss-falls_1.xml');
          const base = document.createElement('base');
          base.href = '/play/items/';
          document.head.append(base);
          document.body.replaceChildren(item.htmlDoc());
        }"""
    )
    page.wait_for_function("document.querySelector('img').naturalWidth > 0")
    page.locator("qti-simple-choice", has_text="It stays at").click()
    page.evaluate("document.querySelector('qti-assessment-item').processResponse()")
    shown = page.locator("qti-modal-feedback", has_text="Only at the start.")
    assert shown.evaluate("feedback => feedback.showStatus") == "on"
    assert page.locator("qti-modal-feedback").evaluate_all("all => all.filter(f => f.showStatus === 'on').length") == 1
    assert page.locator("qti-simple-choice").last.inner_text().strip() == "None of these."
    assert page.locator("math").count() >= 3
