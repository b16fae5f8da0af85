"""Moodle XML: fractions that Moodle lists, marks as ours, images, answers in texts; and a file of Moodle's own."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from grader.formats.importing import Imported, import_file
from grader.formats.model.registry import export_bank
from grader.formats.moodle.clozecode import START, read_cloze
from grader.formats.moodle.text import LISTED, percent
from grader.formats.reading.drafts import MISCONCEPTION, Drafts
from grader.formats.reading.numbers import spans
from grader.quizzes.keyed import Answer
from grader.quizzes.model import Cloze, Multiple, Numeric
from grader.quizzes.parts import Choice, Number, Words
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart, RenderedVariant
from labkit.quiz.answers import read_answer
from labkit.quiz.scoring import item_score
from tests.formats.making import bank_of, items, numbers

FILES = Path(__file__).resolve().parents[1] / "files" / "import"
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def written(bank: RenderedBank) -> etree._Element:
    return etree.fromstring(export_bank(bank, "moodle-xml").data)


def questions(root: etree._Element) -> list[etree._Element]:
    return [question for question in root.iterfind("question") if question.get("type") != "category"]


def test_every_variant_is_a_question_in_the_category_of_its_pool(bank: RenderedBank) -> None:
    root = written(bank)
    names = [question.findtext("idnumber") for question in questions(root)]
    assert len(names) == len(set(names)) == sum(len(item.variants) for item in bank.items)
    paths = [element.findtext("category/text") for element in root.iterfind("question[@type='category']")]
    pools = [group for group in bank.groups if sum(len(i.variants) for i in bank.items if i.id in group) > 1]
    assert sum("/Pool: " in path for path in paths) == len(pools)
    assert all(path.startswith("$course$/top/") for path in paths)


def test_fractions_are_ones_that_moodle_lists(bank: RenderedBank) -> None:
    listed = {percent(share) for share in (*LISTED, 0.0)}
    for question in questions(written(bank)):
        if question.get("type") != "ordering":
            assert {answer.get("fraction").removeprefix("-") for answer in question.iterfind("answer")} <= listed


def test_images_are_inside_and_have_words(bank: RenderedBank) -> None:
    for question in questions(written(bank)):
        for holder in question.iter("questiontext", "answer", "feedback"):
            shown = re.findall(r'src="@@PLUGINFILE@@/([^"]+)"', holder.findtext("text") or "")
            files = {file.get("name"): base64.b64decode(file.text) for file in holder.iterfind("file")}
            assert sorted(set(shown)) == sorted(files)
            assert all(data.startswith(b"\x89PNG") for data in files.values())
            assert "data:image" not in (holder.findtext("text") or "")
            assert 'alt=""' not in (holder.findtext("text") or "")


def test_the_same_bank_gives_the_same_bytes(sample: RenderedBank) -> None:
    assert export_bank(sample, "moodle-xml").data == export_bank(sample, "moodle-xml").data


@SLOW
@given(items(("multiple",)))
def test_ticks_earn_in_moodle_what_they_earn_here(item: RenderedItem) -> None:
    options = item.variants[0].parts[0].options
    of = sum(option.true for option in options)
    assume(item.credit == "right-minus-wrong" and len(options) <= 8 and any(abs(100 / of - s) < 1e-3 for s in LISTED))
    answers = questions(written(bank_of(item)))[0].findall("answer")
    shares = [float(answer.get("fraction")) for answer in answers]
    for count in range(len(options) + 1):
        for ticked in combinations(range(len(options)), count):
            credits = [(1 if option.true else -1) if n in ticked else 0 for n, option in enumerate(options)]
            moodle = min(max(sum(shares[n] for n in ticked) / 100, 0.0), 1.0)
            assert moodle == pytest.approx(item_score("right-minus-wrong", credits, of), abs=1e-4)


@SLOW
@given(numbers(), st.integers(-40, 40))
def test_numbers_are_right_in_moodle_when_they_are_here(part: RenderedPart, step: int) -> None:
    right = [span for span, true, _ in spans(part) if true]
    typed = Decimal(right[0].middle) + Decimal(step) * Decimal(10) ** -(part.decimals + 1) + Decimal("0.0000001")
    reading = read_answer("number", f"{typed:f}", decimals=part.decimals).answer
    ours = any(answer.answer == reading and answer.credit for answer in part.answers)
    assert ours == any(abs(typed - span.middle) <= span.margin for span in right)


@SLOW
@given(items(("cloze",)))
def test_answers_inside_a_text_begin_only_where_there_is_a_blank(item: RenderedItem) -> None:
    text = questions(written(bank_of(item)))[0].findtext("questiontext/text") or ""
    assert len(START.findall(text)) == len(item.variants[0].parts)
    found = read_cloze(Drafts("made"), "made", None, text)
    assert found is not None
    assert not START.search(found.html)


# A file of Moodle's own -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs() -> Imported:
    return import_file(FILES / "moodle.xml")


def test_the_questions_that_something_scores_are_read(theirs: Imported) -> None:
    assert theirs.kind == "moodle-xml"
    assert [(item.id, item.type) for item in theirs.items] == [
        ("partly-right", "multiple"),
        ("wildcards", "cloze"),
        ("half", "numeric"),
        ("embedded", "cloze"),
    ]
    assert all(item.source == "imported from moodle.xml" for item in theirs.items)


def test_everything_else_is_reported_with_its_line(theirs: Imported) -> None:
    told = [(unread.item, unread.field, unread.line) for unread in theirs.unread]
    assert {(item, field) for item, field, _ in told} == {
        ("partly-right", "tags"),
        ("partly-right", "hint"),
        ("partly-right", "texts"),
        ("partly-right", "partial credit"),
        ("wildcards", "answers"),
        ("wildcards", "partial credit"),
        ("embedded", "partial credit"),
        ("write", "essay"),
        ("sum", "calculated"),
        ("embedded", "tolerance"),
    }
    assert all(line for _, _, line in told)


def test_options_have_their_keys_points_and_feedback(theirs: Imported) -> None:
    first = theirs.items[0]
    assert isinstance(first, Multiple)
    assert first.points == 3
    assert first.stem == "Which of *these* hold for $x < 1$?\n\n[A falling line]"
    assert [option.key for option in first.options] == [True, True, True, None]
    assert first.options[3].misconception == MISCONCEPTION
    assert [option.feedback for option in first.options] == ["Yes.", "See chapter 2.", "See chapter 2.", "No."]


def test_typed_answers_keep_case_and_feedback(theirs: Imported) -> None:
    second, third = theirs.items[1], theirs.items[2]
    assert isinstance(second, Cloze)
    blank = second.blanks["answer"]
    assert isinstance(blank, Words)
    assert (blank.answers, blank.case, blank.feedback, blank.otherwise) == (["Boltzmann"], True, "Yes.", "No.")
    assert [(wrong.text, wrong.feedback) for wrong in blank.wrong] == [("Bolz*", "Spelling.")]
    assert second.stem == "Name it\\\nin a word.\n\n[[answer]]"
    assert isinstance(third, Numeric)
    assert (third.answer.value, third.answer.unit) == (1.5, "m")


def test_answers_inside_a_text_are_blanks(theirs: Imported) -> None:
    last = theirs.items[3]
    assert isinstance(last, Cloze)
    assert last.stem == "A [[b1]] is a [[b2]] from [[b3]] states."
    menu, text, number = last.blanks.values()
    assert isinstance(menu, Choice)
    first = menu.options[0]
    assert (first.text, first.key, first.feedback) == ("policy", True, "Right.")
    assert menu.options[1].feedback == "No~."
    assert isinstance(text, Words)
    assert (text.answers, text.case) == (["map #1"], True)
    assert isinstance(number, Number)
    assert number.value == 3
    assert last.points == 5


# Marks ------------------------------------------------------------------------------------------------------------


def with_points(points: float, count: int) -> RenderedBank:
    """A text with blanks, all of them numbers."""
    answer = Answer("1", 1, "<p>Yes.</p>")
    parts = tuple(RenderedPart(f"b{n}", "number", "", answers=(answer,), other="<p>No.</p>") for n in range(count))
    stem = "<p>" + " ".join(f'<span data-part="{part.id}"></span>' for part in parts) + "</p>"
    variant = RenderedVariant(0, stem, "Numbers", parts)
    return bank_of(RenderedItem("some", "Some", "cloze", "count", "05-dpo", points, "per-part", None, (variant,)))


@pytest.mark.parametrize(
    ("points", "count", "weight"), [(1, 1, 1), (2, 2, 1), (6, 2, 3), (100, 4, 25), (1, 2, 1), (1.5, 3, 1), (5, 2, 1)]
)
def test_a_cloze_question_is_worth_its_points_or_the_report_says_what_to_set(
    points: float, count: int, weight: int
) -> None:
    made = export_bank(with_points(points, count), "moodle-xml")
    text = questions(etree.fromstring(made.data))[0].findtext("questiontext/text") or ""
    weights = [int(found[1]) for found in START.finditer(text)]
    assert weights == [weight] * count
    said = [loss.said for loss in made.losses if loss.field == "points"]
    if sum(weights) == points:
        assert said == []
    else:
        assert said == [f"its {count} blanks earn a mark each; set its mark in the quiz from {count} to {points:g}"]
