"""GIFT as another program reads it: gift-pegjs parses all of it, and finds what was written."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.formats.model.pools import Question, pools
from grader.formats.model.registry import Losses, export_bank
from grader.formats.model.richtext import plain
from grader.formats.moodle.text import moodle_html, weighed
from grader.formats.reading.numbers import spans
from grader.quizzes.rendered import RenderedBank, RenderedItem
from tests.formats.gift_pegjs import parse
from tests.formats.making import bank_of, items
from tests.formats.reading import canonical

KINDS = ("single", "multiple", "numeric", "order", "match", "code-output")
# gift-pegjs 1.0.2 leaves its own marks in right sides of pairs.
MARKS = {"&&092;": "\\", "&&058;": ":", "&&035;": "#", "&&061;": "=", "&&123;": "{", "&&125;": "}", "&&126;": "~"}


def parsed(texts: list[str]) -> list[list[dict[str, Any]]]:
    """The questions of each text, without categories."""
    found = parse(texts)
    assert [(one["error"], text) for one, text in zip(found, texts, strict=True) if "error" in one] == []
    return [[q for q in one["questions"] if q["type"] != "Category"] for one in found]


def shown(text: dict[str, str] | None) -> Any:
    """HTML that was read; nothing where there is none."""
    if text is None:
        return ()
    assert text["format"] == "html"
    return canonical(text["text"])


def written(html: str) -> Any:
    """HTML that was to be written."""
    return canonical(moodle_html(html))


def decoded(text: str) -> str:
    return re.sub(r"&&\d{3};", lambda m: MARKS[m[0]], text)


def spaced(text: str) -> str:
    return " ".join(text.split())


def require_same(question: Question, found: dict[str, Any]) -> None:
    item, part = question.item, question.variant.parts[0]
    assert spaced(found["title"]) == spaced(question.title)
    assert found["id"] == question.id
    assert f"lab: {item.lab}" in found["tags"]
    stem = shown(found["stem"])
    assert stem[: len(written(question.variant.stem))] == written(question.variant.stem)
    if item.type in ("match", "order"):
        assert found["type"] == "Matching"
        parts = question.variant.parts
        rights = [plain(o.html) for p in parts for o in p.options if o.true]
        read = [pair for pair in found["matchPairs"] if pair["subquestion"]["text"]]
        assert [spaced(decoded(pair["subanswer"])) for pair in read] == [spaced(right) for right in rights]
        lefts = [p.label if item.type == "match" else f"<p>{n}.</p>" for n, p in enumerate(parts, start=1)]
        assert [shown(pair["subquestion"]) for pair in read] == [written(left) for left in lefts]
    elif part.kind in ("choice", "boxes"):
        assert len(found["choices"]) == len(part.options)
        weights = [None] * len(part.options)
        if part.kind == "boxes":
            weights = [round(box.percent, 5) for box in weighed(item, part, Losses())]
        for choice, option, weight in zip(found["choices"], part.options, weights, strict=True):
            assert shown(choice["text"]) == written(option.html)
            assert shown(choice["feedback"]) == written(option.feedback)
            assert choice["weight"] == (None if weight is None else pytest.approx(weight, abs=1e-4))
            if part.kind == "choice":
                assert choice["isCorrect"] == option.true
    elif part.kind == "number":
        assert found["type"] == "Numerical"
        expected = [(float(span.middle), float(span.margin), 100.0 * true, said) for span, true, said in spans(part)]
        read = [c for c in found["choices"] if c["isCorrect"]]
        for choice, (middle, margin, weight, said) in zip(read, expected, strict=True):
            assert (choice["text"]["number"], choice["text"]["range"]) == (middle, margin)
            assert choice["weight"] == weight
            assert shown(choice["feedback"]) == written(said)
        others = [shown(c["feedback"]) for c in found["choices"] if not c["isCorrect"]]
        assert others == ([written(part.other)] if part.other else [])
    else:
        assert found["type"] == "Short"
        texts = [spaced(answer.answer.replace("*", "\\*")) for answer in part.answers] + ["*"]
        assert [spaced(choice["text"]["text"]) for choice in found["choices"]] == texts
        said = [answer.feedback for answer in part.answers] + [part.other]
        assert [shown(choice["feedback"]) for choice in found["choices"]] == [written(one) for one in said]
        assert [c["weight"] for c in found["choices"]] == [100 * (a.credit > 0) for a in part.answers] + [0]


def in_file(bank: RenderedBank) -> list[Question]:
    """Questions in the order of the file: those without a pool first."""
    made = export_bank(bank, "gift")
    lost = {loss.item for loss in made.losses if loss.field in (*KINDS, "cloze")}
    found = pools(bank)
    alone = [pool for pool in found if len(pool.questions) == 1]
    rest = [pool for pool in found if len(pool.questions) > 1]
    return [question for pool in alone + rest for question in pool.questions if question.item.id not in lost]


def test_another_reader_finds_every_question_of_every_bank(bank: RenderedBank) -> None:
    (found,) = parsed([export_bank(bank, "gift").data.decode()])
    expected = in_file(bank)
    assert len(found) == len(expected)
    for question, one in zip(expected, found, strict=True):
        require_same(question, one)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(items(KINDS), min_size=10, max_size=10))
def test_another_reader_finds_what_was_written_of_made_items(made: list[RenderedItem]) -> None:
    banks = [bank_of(item) for item in made]
    expected = [in_file(bank) for bank in banks]
    kept = [(bank, questions) for bank, questions in zip(banks, expected, strict=True) if questions]
    for (_, questions), found in zip(
        kept, parsed([export_bank(b, "gift").data.decode() for b, _ in kept]), strict=True
    ):
        assert len(found) == len(questions)
        for question, one in zip(questions, found, strict=True):
            require_same(question, one)


def test_a_text_that_reads_like_a_pair_is_left_out_and_told() -> None:
    from grader.quizzes.keyed import Answer
    from grader.quizzes.rendered import RenderedPart, RenderedVariant

    part = RenderedPart("p1", "text", "Output", answers=(Answer("a -> b", 1, "<p>Right.</p>"),), other="<p>No.</p>")
    variant = RenderedVariant(0, "<p>What does it print?</p>", "What does it print?", (part,))
    item = RenderedItem("arrow", "Arrow", "code-output", "read it", "05-dpo", 1.0, "all-or-nothing", None, (variant,))
    other = RenderedItem(
        **{
            **vars(item),
            "id": "plain",
            "variants": (
                RenderedVariant(
                    0,
                    "<p>x</p>",
                    "x",
                    (
                        RenderedPart(
                            "p1", "text", "Output", answers=(Answer("b", 1, "<p>Right.</p>"),), other="<p>No.</p>"
                        ),
                    ),
                ),
            ),
        }
    )
    made = export_bank(bank_of(item, other), "gift")
    assert [(loss.item, loss.field) for loss in made.losses if "left out" in loss.said] == [("arrow", "code-output")]
    assert made.items == 1
    assert [question["id"] for question in parsed([made.data.decode()])[0]] == ["plain"]
