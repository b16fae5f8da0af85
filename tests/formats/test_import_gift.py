"""GIFT as it comes: Moodle's ordering is read; what is not understood is refused with its line, never guessed."""

from __future__ import annotations

import json
import random
import subprocess
from typing import Any

import pytest

from grader.formats.gift import read as gift
from grader.formats.reading.drafts import Draft
from grader.quizzes.model import AnyItem, Cloze, Match, Multiple, Numeric, Order, Single
from grader.quizzes.parts import Choice, Words
from tests.formats.test_gift import HERE, READER, decoded

ENTRIES = ["Modular", "Object", "Oriented"]
HEADS = {
    ">2 ALL HORIZONTAL RELATIVE_ALL_PREVIOUS_AND_NEXT SHOW none": (None, {"partial credit"}),
    ">3 ALL VERTICAL ABSOLUTE_POSITION SHOW none": (None, set()),
    ">3 EXACT V ABS HIDE 123": (None, set()),
    "> 3 ALL VERTICAL ALL_OR_NOTHING SHOW iii": ("all-or-nothing", set()),
    ">3 ALL 1 ABSOLUTE 0 ABCD": (None, set()),
    ">2 RANDOM H LONGEST_ORDERED_SUBSET YES abc": (None, {"partial credit", "entries"}),
    ">2 CONTIGUOUS VERTICAL ABSOLUTE_POSITION": (None, {"entries"}),
    ">3": (None, {"partial credit", "entries"}),
}


def read(text: str) -> Draft:
    return gift.read(text, "made.gift")


@pytest.mark.parametrize("head", HEADS)
def test_moodles_ordering_is_an_order_item(head: str) -> None:
    draft = read(
        f"// One.\n\n::Acronym::[html]<p>Put these in <b>order</b>.</p>{{{head}\n" + "\n".join(ENTRIES) + "\n}\n"
    )
    (item,) = draft.items
    assert isinstance(item, Order)
    assert [entry.text for entry in item.entries] == ENTRIES
    assert (item.title, item.stem) == ("Acronym", "Put these in **order**.")
    credit, notes = HEADS[head]
    assert item.credit == credit
    assert {unread.field for unread in draft.unread} == notes
    assert all(unread.line == 3 for unread in draft.unread)


def test_entries_may_have_signs_and_look_like_a_header_behind_a_whole_one() -> None:
    lines = ["1", "a = b", "x -> y", "~none", "<b>c</b> #4", "50%: d"]
    draft = read("[html]Order{>6 ALL VERTICAL ABSOLUTE_POSITION SHOW none\n" + "\n".join(lines) + "\n}")
    (item,) = draft.items
    assert isinstance(item, Order)
    assert [entry.text for entry in item.entries] == ["1", "a = b", "x -> y", "~none", "**c** #4", "50%: d"]
    assert draft.unread == ()


@pytest.mark.parametrize(
    "answers",
    [
        *(">2 ALL SIDEWAYS ABSOLUTE SHOW none\na\nb", ">2 ALL H ABSOLUTE SHOW none\na", ">\na\nb", ">x\na\nb"),
        *(">3 ALL H ABSOLUTE SHOW none a\nb\nc", ">3\n1\n2\n3", ">3 ALL\nVERTICAL\nb\nc", ">2 ALL H HALF SHOW\na\nb"),
        *("%abc%a", "=%abc%a", "=%150%a =b", "~%-101%a =b", "a\nb", "yes ~no", "a =b", "=a ~", "=", "=a ="),
        *(
            "=a -> b =c",
            "=a -> b =c ->",
            "=a -> b#c =d -> e",
            "#",
            "#abc",
            "#=1 =abc",
            "#1,234",
            "#5..1",
            "#3:a",
            "#3:-1",
            "#=*",
            "#1 =2",
        ),
        *("=a {b", "*", ":a", "|", "a#b#c", "a: b", "#1..", "#..2"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(answers: str) -> None:
    draft = read(f"First {{=a ~b}}\n\n::Odd::What?{{{answers}}}\n\nLast {{T}}")
    assert [item.id for item in draft.items] == ["first", "last"]
    assert [(unread.item, unread.line) for unread in draft.unread][-1] == ("odd", 3)


@pytest.mark.parametrize("text", ["A {=b} or {=c}?", "A {=b", "A =b}", "A }=b{", "A {=b} or }", "A {=b {c}}"])
def test_braces_without_a_partner_are_refused(text: str) -> None:
    draft = read(text)
    assert draft.items == ()
    assert [(unread.field, unread.line) for unread in draft.unread] == [("braces", 1)]


@pytest.mark.parametrize(
    ("answers", "value"),
    [
        ("#1.5", 1.5),
        ("#1,5", 1.5),
        ("#1,234,567", 1234567),
        ("#4 480", 4480),
        ("#−3:0", -3),
        ("#1e3", 1000),
        ("#4.480", 4.48),
    ],
)
def test_numbers_have_one_meaning(answers: str, value: float) -> None:
    (item,) = read(f"How many?{{{answers}}}").items
    assert isinstance(item, Numeric)
    assert item.answer.value == value


# Mutants, judged by another reader ----------------------------------------------------------------------------------

VALID = [
    "::Q1::Who is it?{=Grant ~Lee ~Sherman}",
    "::Q2::Who is it?{=Grant#Yes ~Lee#No ~Half}",
    "::Q3::Tick.{~%50%a ~%50%b ~%-100%c}",
    "::Q4::Type it.{=no one =nobody#ok =%50%noone}",
    "::Q5::True?{T#wrong#right}",
    "::Q6::True?{FALSE}",
    "::Q7::Number?{#1.5:0.1}",
    "::Q8::Number?{#=3:0#yes =%50%3:2 }",
    "::Q9::Number?{#1..5#yes}",
    "::Q10::Match{=a -> b =c -> d =e -> f}",
    "Two and {=two =2} make four.",
]
SIGNS = "=~#%{}:->.,0159TFa \\\n"


def mutant(rng: random.Random) -> str:
    text = list(rng.choice(VALID))
    for _ in range(rng.choice([1, 1, 1, 2])):
        place, how = rng.randrange(len(text)), rng.randrange(4)
        if how == 0:
            del text[place]
        elif how == 1:
            text[place] = rng.choice(SIGNS)
        elif how == 2:
            text.insert(place, rng.choice(SIGNS))
        else:
            other = rng.randrange(len(text))
            text[place], text[other] = text[other], text[place]
    return "".join(text)


def bare(text: str) -> str:
    return " ".join(text.replace("\\", "").split())


def our_key(item: AnyItem) -> Any:
    blank = item.blanks["answer"] if isinstance(item, Cloze) else None
    if isinstance(item, Single | Multiple):
        return [(bare(option.text), bool(option.key)) for option in item.options]
    if isinstance(blank, Choice):
        return [(bare(option.text), bool(option.key)) for option in blank.options]
    if isinstance(blank, Words):
        return sorted(bare(answer) for answer in blank.answers)
    if isinstance(item, Match):
        return [(bare(pair.left), bare(pair.right)) for pair in item.pairs if bare(pair.left)]
    return blank.value if blank is not None else item.answer.value  # type: ignore[union-attr]


def their_key(question: dict[str, Any]) -> Any:
    if question["type"] == "TF":
        return [("True", question["isTrue"]), ("False", not question["isTrue"])]
    if question["type"] == "Matching":
        pairs = [
            (bare(pair["subquestion"]["text"]), bare(decoded(pair["subanswer"]))) for pair in question["matchPairs"]
        ]
        return [pair for pair in pairs if pair[0]]
    choices = question["choices"] if isinstance(question["choices"], list) else [question["choices"]]
    if question["type"] == "Numerical":
        right = next(choice.get("text", choice) for choice in choices if choice.get("weight") in (None, 100))
        return right["number"] if "number" in right else (right["numberHigh"] + right["numberLow"]) / 2
    if question["type"] == "Short":
        return sorted(bare(choice["text"]["text"]) for choice in choices if choice["weight"] in (None, 100))
    return [
        (bare(choice["text"]["text"]), bool(choice["isCorrect"] or (choice["weight"] or 0) > 0)) for choice in choices
    ]


def test_a_mutant_has_the_key_that_another_reader_finds_or_a_note_with_its_line() -> None:
    rng = random.Random(23)
    texts = [mutant(rng) for _ in range(1500)]
    command = ["node", str(HERE / "parse_gift.cjs"), str(READER)]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=120)
    judged = 0
    for text, theirs in zip(texts, json.loads(done.stdout), strict=True):
        draft = read(text)
        assert draft.items or draft.unread, text
        assert all(unread.line for unread in draft.unread), text
        found = [one for one in theirs.get("questions", []) if one["type"] not in ("Category", "Description", "Essay")]
        if len(draft.items) != 1 or len(found) != 1 or any(u.field in ("partial credit", "key") for u in draft.unread):
            continue
        judged += 1
        assert our_key(draft.items[0]) == their_key(found[0]), text
    assert judged > 400
