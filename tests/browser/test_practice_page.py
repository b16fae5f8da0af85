"""The practice page in Chromium: its cryptography against the RFCs and Python, its marks against the player's."""

from __future__ import annotations

import json
import random
import re
import secrets
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, expect

import labkit
from grader.formats.model.registry import export_bank
from grader.formats.page.write import PAGE, content_secret
from grader.quizzes.keyed import KeyedBank
from grader.quizzes.prove import proved_bank
from grader.quizzes.rendered import RenderedBank, keyed
from labkit.quiz.answers import read_answer, read_recorded, to_record
from labkit.quiz.bank import Bank, parse_bank
from labkit.quiz.draw import draw
from labkit.quiz.scoring import item_score
from labkit.quiz.session import Quiz

from .conftest import FILES, answer_by_keyboard, fitting, focus, violations

DATA = re.compile(r'<script type="application/json" id="bank">(.*?)</script>', re.DOTALL)
SIGNS = {"right": "✓", "partly": "◐", "wrong": "✗"}
OPEN_SIV = """async ([key, sealed, headers]) => {
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (byte) => parseInt(byte, 16));
  const found = await (await makeSiv(bytes(key)))(bytes(sealed), ...headers.map(bytes));
  return found && Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
}"""
SCRYPT = """async ([password, salt, cost, length]) => {
  const made = await scrypt(utf8(password), utf8(salt), cost, length);
  return Array.from(made, (byte) => byte.toString(16).padStart(2, "0")).join("");
}"""


@pytest.fixture(scope="module")
def bank() -> RenderedBank:
    return proved_bank(FILES / "sample.yaml")


@pytest.fixture(scope="module")
def written(bank: RenderedBank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample bank, as a file."""
    path = tmp_path_factory.mktemp("page") / "sample.html"
    path.write_bytes(export_bank(bank, "html").data)
    return path


@pytest.fixture(scope="module")
def keys(bank: RenderedBank) -> KeyedBank:
    return keyed(bank, content_secret(bank))


@pytest.fixture(scope="module")
def sealed(written: Path) -> Bank:
    """The sealed bank that stands in the page."""
    return parse_bank(sealed_text(written))


def sealed_text(page: Path) -> bytes:
    (found,) = DATA.findall(page.read_text("utf-8"))
    return json.dumps(json.loads(found)).encode()


@pytest.fixture(scope="module")
def scripts(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An empty page from a file in which the functions of the page's scripts are at hand."""
    empty = tmp_path_factory.mktemp("empty") / "empty.html"
    empty.write_text("<!doctype html><title>empty</title>")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(empty.as_uri())
        for name in ("sealed.js", "answers.js", "draw.js"):
            page.add_script_tag(content=(PAGE / name).read_text("utf-8"))
        yield page


# Cryptography ------------------------------------------------------------------------------------------------------


def test_a_file_is_a_secure_context(scripts: Page) -> None:
    assert scripts.evaluate("isSecureContext && location.protocol === 'file:' && crypto.subtle !== undefined")


@pytest.mark.parametrize(
    ("password", "salt", "n", "r", "p", "start"),
    [
        ("", "", 16, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"),
        ("password", "NaCl", 1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"),
        (
            "pleaseletmein",
            "SodiumChloride",
            16384,
            8,
            1,
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
        ),
    ],
)
def test_scrypt_is_that_of_rfc_7914(
    scripts: Page, password: str, salt: str, n: int, r: int, p: int, start: str
) -> None:
    """Section 12."""
    made = scripts.evaluate(SCRYPT, [password, salt, {"n": n, "r": r, "p": p}, 64])
    assert len(made) == 128
    assert made.startswith(start)


def test_siv_is_that_of_rfc_5297(scripts: Page) -> None:
    """Appendix A.1, one header and less than a block; A.2, three headers and more than two blocks."""
    key = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    header = "101112131415161718191a1b1c1d1e1f2021222324252627"
    sealed = "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"
    assert scripts.evaluate(OPEN_SIV, [key, sealed, [header]]) == "112233445566778899aabbccddee"
    key = "7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f"
    headers = [
        "00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100",
        "102030405060708090a0",
        "09f911029d74e35bd84156c5635688c0",
    ]
    sealed = "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe4043"
    sealed += "26601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d"
    plain = "7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67205349562d414553"
    assert scripts.evaluate(OPEN_SIV, [key, sealed, headers]) == plain


@pytest.mark.parametrize("length", [1, 15, 16, 17, 31, 32, 33, 256, 1023])
def test_siv_opens_what_python_seals(scripts: Page, length: int) -> None:
    key, plain = secrets.token_bytes(64), secrets.token_bytes(length)
    sealed = AESSIV(key).encrypt(plain, None)
    assert scripts.evaluate(OPEN_SIV, [key.hex(), sealed.hex(), []]) == plain.hex()
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    assert scripts.evaluate(OPEN_SIV, [key.hex(), changed.hex(), []]) is None


# What Python does too ----------------------------------------------------------------------------------------------

MEAN = """(cases) => cases.map(([part, raw]) => {
  const kept = toRecord(part, raw);
  const { answer, meant = [] } = readAnswer(part, raw);
  return [answer, meant, kept, readRecorded(part, kept), readRecorded(part, raw)];
})"""
READ = """(cases) => cases.map(([part, raw]) => readAnswer(part, raw).answer)"""
LETTERS = "0123456789+-−–.,eE \t\n\x1c\x85\u2028abßİıςΣſKﬁǅé\u0301Ꭰꭰ'\"{}"


def read_both(scripts: Page, cases: list[tuple[dict[str, Any], str]]) -> tuple[list[str], list[str]]:
    wanted = []
    for part, raw in cases:
        how = {name: value for name, value in part.items() if name not in ("kind", "options")}
        wanted.append(read_answer(part["kind"], raw, **how).answer)
    return scripts.evaluate(READ, cases), wanted


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["number", "text"]),
    st.text(LETTERS, max_size=20),
    st.integers(0, 8),
    st.sampled_from(["", "nats", "e", "%"]),
    st.booleans(),
    st.booleans(),
)
def test_answers_are_read_as_python_reads_them(
    scripts: Page, kind: str, raw: str, decimals: int, unit: str, case: bool, code: bool
) -> None:
    part = {"kind": kind, "decimals": decimals, "unit": unit, "case": case, "code": code}
    found, wanted = read_both(scripts, [(part, raw), (part, raw + unit)])
    assert found == wanted


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.text("0123456789,.'’ \u2009\xa0-−+eE", max_size=14), min_size=20, max_size=20),
    st.integers(0, 10**10),
    st.sampled_from([",", ".", " ", "'", "\u202f"]),
    st.sampled_from(["", ".5", ",5", ".125", ",125", "e2"]),
    st.sampled_from(["", "nats", "%"]),
)
def test_groups_of_digits_mean_what_they_mean_to_python(
    scripts: Page, raws: list[str], whole: int, mark: str, after: str, unit: str
) -> None:
    part = {"kind": "number", "decimals": 2, "unit": unit}
    made = f"{whole:,}".replace(",", mark) + after
    cases = [(part, raw) for raw in [*raws, made, f"−{made} {unit}", f"{whole % 10**6:,}"]]
    wanted = []
    for _, raw in cases:
        read, kept = read_answer("number", raw, decimals=2, unit=unit), to_record("number", raw, unit=unit)
        again = [read_recorded("number", text, decimals=2, unit=unit) for text in (kept, raw)]
        wanted.append([read.answer, list(read.meant), kept, *again])
    assert scripts.evaluate(MEAN, cases) == wanted


def test_numbers_are_rounded_as_python_rounds_them(scripts: Page) -> None:
    rng = random.Random(3)
    texts = [
        "0.125",
        "-0.005",
        "0.5",
        "1.5",
        "2.5",
        "-0",
        "1e30",
        "1e31",
        "1e-31",
        "9.995",
        "00012.50",
        ".5",
        "5.",
        "1e400",
    ]
    texts += [f"{rng.choice('+-')}{rng.random() * 10 ** rng.randint(-4, 6):.{rng.randint(0, 9)}f}" for _ in range(400)]
    texts += [f"{rng.randint(0, 999)}.{rng.randint(0, 999)}e{rng.randint(-12, 12)}" for _ in range(200)]
    cases = [({"kind": "number", "decimals": decimals, "unit": ""}, text) for text in texts for decimals in (0, 2, 5)]
    found, wanted = read_both(scripts, cases)
    assert found == wanted
    assert len(set(found)) > 500


def test_every_letter_is_folded_as_python_folds_it(scripts: Page) -> None:
    letters = [chr(code) for code in range(33, 0x1F000) if not 0xD800 <= code < 0xE000]
    letters = [letter for letter in letters if letter.casefold() != letter or letter.upper() != letter]
    part = {"kind": "text", "case": False, "code": False}
    found, wanted = read_both(scripts, [(part, f"x{letter}x") for letter in letters])
    assert [letters[n] for n, text in enumerate(found) if text != wanted[n]] == []


def test_scores_are_those_of_python(scripts: Page) -> None:
    cases = [
        [rule, list(credits), 2] for rule in ("all-or-nothing", "per-part") for credits in product((0, 1), repeat=3)
    ]
    cases += [["right-minus-wrong", list(credits), of] for credits in product((-1, 0, 1), repeat=4) for of in (1, 2, 4)]
    found = scripts.evaluate("(cases) => cases.map((one) => itemScore(...one))", cases)
    assert found == [item_score(*case) for case in cases]  # type: ignore[arg-type]


def test_draws_are_those_of_python(scripts: Page, sealed: Bank, written: Path) -> None:
    ask = """async ([text, seeds]) => {
      const bank = JSON.parse(text), made = [];
      for (const seed of seeds) made.push((await drawAttempt(bank, seed)).map((question) =>
        [question.item.id, question.variant.variant, question.parts.map((part) => part.id), question.orders]));
      return made;
    }"""
    seeds = [0, 1, 2, 3, 17, 2**40, 2**53 - 1]
    found = scripts.evaluate(ask, [sealed_text(written).decode(), seeds])
    for seed, drawn in zip(seeds, found, strict=True):
        wanted = [
            [q.item, q.variant, list(q.parts), {k: list(v) for k, v in q.orders.items()}] for q in draw(sealed, seed)
        ]
        assert drawn == wanted


# The page ----------------------------------------------------------------------------------------------------------


def open_page(page: Page, path: Path, seed: int) -> None:
    page.goto(f"{path.as_uri()}#seed={seed}")
    page.locator(".labkit-quiz h2").wait_for()


def player(sealed_bank: bytes, folder: Path, seed: int) -> Quiz:
    """The notebook's player on the same sealed bank, with the same questions."""
    (folder / "sample.quiz.json").write_bytes(sealed_bank)
    quiz = labkit.quiz("sample", folder)
    quiz._begin(seed)
    return quiz


def answers(keys: KeyedBank, quiz: Quiz, right: float, rng: random.Random) -> dict[tuple[int, str], str]:
    """An answer to each part, right with that probability, by the number of the question."""
    given = {}
    for number, drawn in enumerate(quiz.drawn, start=1):
        for part in keys.by_id[drawn.item].variants[drawn.variant].parts:
            given[number, part.id] = rng.choice(fitting(part, rng.random() < right))
    return given


def fill(page: Page, quiz: Quiz, given: dict[tuple[int, str], str]) -> None:
    """Answer on the page, and in the notebook's player."""
    for (number, part), answer in given.items():
        quiz.put(quiz.drawn[number - 1].item, part, answer)
        question = page.locator(f'[data-number="{number}"]')
        control = question.locator(f'[id$="-{number}-{part}"], [name$="-{number}-{part}"]').first
        kind = control.evaluate("(node) => node.type")
        if kind == "radio":
            question.locator(f'input[value="{answer}"]').check()
        elif kind == "checkbox":
            control.set_checked(answer == "1")
            if answer == "0":  # touched and left open
                control.check()
                control.uncheck()
        elif kind == "select-one":
            control.select_option(answer)
        else:
            control.fill(answer)


@pytest.mark.parametrize(("right", "seed"), [(1.0, 0), (0.0, 1), (0.5, 2), (0.7, 5)])
def test_the_page_marks_as_the_player_does(
    page: Page, written: Path, keys: KeyedBank, tmp_path: Path, right: float, seed: int
) -> None:
    quiz = player(sealed_text(written), tmp_path, seed)
    open_page(page, written, seed)
    fill(page, quiz, answers(keys, quiz, right, random.Random(seed)))
    expect(page.locator(".labkit-quiz .count")).to_have_text("8 of 8 answered.")
    page.locator(".submit").click()
    expect(page.locator(".headline")).to_be_focused()
    quiz.hand_over()
    wanted = quiz.page()
    assert page.locator(".headline").inner_text() == wanted["headline"]
    assert page.locator(".standing").inner_text() == wanted["standing"]
    assert page.locator(".verdict").all_inner_texts() == [
        f"{SIGNS[item['result']['mark']]}\n{item['result']['word']}\n{item['result']['points']}"
        for item in wanted["items"]
    ]
    said = page.locator(".feedback").evaluate_all("(nodes) => nodes.map((node) => node.innerHTML)")
    told = [part["feedback"] for item in wanted["items"] for part in item["parts"] if part["feedback"]]
    normal = page.evaluate(
        "(all) => all.map((html) => Object.assign(document.createElement('p'), {innerHTML: html}).innerHTML)", told
    )
    assert sorted(said) == sorted(normal)


def test_it_is_used_by_keyboard_kept_and_taken_again(
    page: Page, written: Path, keys: KeyedBank, tmp_path: Path
) -> None:
    quiz = player(sealed_text(written), tmp_path, 3)
    open_page(page, written, 3)
    given = answers(keys, quiz, 1.0, random.Random(1))
    answer_by_keyboard(page, given)
    page.keyboard.press("Enter")
    expect(page.locator(".headline")).to_have_text("Your grade: 100%. You passed.")
    assert "headline" in focus(page)["class"]
    page.reload()
    expect(page.locator(".headline")).to_have_text("Your grade: 100%. You passed.")
    page.locator(".retake").click()
    expect(page.locator(".count")).to_have_text("0 of 8 answered.")
    quiz._begin(4)
    assert page.locator(".stem").first.inner_text() != ""
    shown = page.locator('[data-number="1"] input[type=radio]').evaluate_all("(all) => all.map((one) => one.value)")
    assert shown == list(quiz.drawn[0].orders["p1"])
    expect(page.locator(".standing")).to_contain_text("Your latest: 100% · Your highest: 100%")
    page.locator(".submit").click()
    expect(page.locator(".confirm")).to_contain_text("8 unanswered")


def test_a_number_with_two_meanings_is_asked_about(page: Page, written: Path) -> None:
    open_page(page, written, 3)
    question = page.locator('[data-number="3"]')
    field = question.locator("input.number")
    field.fill("4,480")
    page.locator(".submit").click()
    expect(page.locator(".confirm")).to_contain_text("Question 3: '4,480' may be two numbers: 4480 or 4.48?")
    question.get_by_role("button", name="4480", exact=True).click()
    expect(field).to_have_value("4480")
    expect(page.locator(".confirm")).not_to_contain_text("two numbers")
    page.get_by_role("button", name="Submit all the same").click()
    expect(page.locator(".headline")).to_contain_text("Your grade: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, written: Path, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    open_page(page, written, 1)
    assert page.evaluate("document.documentElement.dataset.jpThemeLight") == str(scheme == "light").lower()
    assert violations(page, "html") == []
    page.locator('[data-number="3"] input').fill("a lot")
    page.locator('[data-number="1"] input').first.check()
    page.locator('[data-number="2"] input').first.check()
    page.locator(".submit").click()
    expect(page.locator(".confirm")).to_be_visible()
    assert violations(page, "html") == []
    page.get_by_role("button", name="Submit all the same").click()
    expect(page.locator(".headline")).to_be_visible()
    assert violations(page, "html") == []
    page.locator("#dark").click()
    assert violations(page, "html") == []


def test_nothing_is_fetched_and_no_verdict_stands_in_the_file(page: Page, written: Path, bank: RenderedBank) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, written, 0)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    parts = [part for item in bank.items for variant in item.variants for part in variant.parts]
    said = {answer.feedback for part in parts for answer in (*part.options, *part.answers)} | {
        part.other for part in parts
    }
    text = written.read_text("utf-8")
    assert [one for one in said if len(one) > 12 and (one in text or json.dumps(one)[1:-1] in text)] == []
    assert "misconception" not in text


def test_scripts_in_a_text_do_not_run(page: Page, bank: RenderedBank, tmp_path: Path) -> None:
    item = bank.items[0]
    hostile = '<p>a</p><img src="x" onerror="window.ran = 1"></script><script>window.ran = 1</script>'
    changed = replace(item, variants=tuple(replace(one, stem=hostile) for one in item.variants))
    path = tmp_path / "hostile.html"
    path.write_bytes(export_bank(replace(bank, items=(changed, *bank.items[1:])), "html").data)
    open_page(page, path, 0)
    assert page.locator(".stem").first.inner_text() == "a"
    assert page.evaluate("window.ran") is None


def test_an_exam_has_no_key_in_it(page: Page, bank: RenderedBank, tmp_path: Path) -> None:
    made = export_bank(replace(bank, mode="exam"), "html")
    assert "feedback" in {loss.field for loss in made.losses}
    path = tmp_path / "exam.html"
    path.write_bytes(made.data)
    held = json.loads(sealed_text(path))
    assert [p["sealed"] for i in held["items"] for v in i["variants"] for p in v["parts"] if p["sealed"]] == []
    open_page(page, path, 0)
    page.locator(".submit").click()
    page.get_by_role("button", name="Submit all the same").click()
    expect(page.locator(".headline")).to_have_text("Nothing was scored or recorded: this page has no key in it.")
    assert page.locator(".verdict").count() == 0


def test_the_same_bank_gives_the_same_page(bank: RenderedBank, written: Path) -> None:
    assert export_bank(bank, "html").data == written.read_bytes()


def test_the_lengths_of_ciphertexts_tell_no_key(bank: RenderedBank, written: Path, tmp_path: Path) -> None:
    item = bank.items[0]
    part = item.variants[0].parts[0]
    turned = replace(part, options=tuple(replace(option, true=not option.true) for option in part.options))
    changed = replace(item, variants=(replace(item.variants[0], parts=(turned,)), *item.variants[1:]))
    other = tmp_path / "other.html"
    other.write_bytes(export_bank(replace(bank, items=(changed, *bank.items[1:])), "html").data)
    assert sizes(written) == sizes(other)
    assert all(len(set(lengths)) == 1 for lengths in sizes(written))


def sizes(page: Path) -> list[list[int]]:
    """The lengths of the ciphertexts of each item."""
    items = json.loads(sealed_text(page))["items"]
    return [[len(text) for v in item["variants"] for p in v["parts"] for text in p["sealed"]] for item in items]


def test_without_cryptography_the_page_says_so(browser: Browser, written: Path) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
        page.goto(written.as_uri())
        expect(page.locator("[role=alert]")).to_contain_text("offers its cryptography only")
