"""GIFT, which Moodle and others read. Grammar: docs.moodle.org, "GIFT format"; every text is HTML, on one line."""

from __future__ import annotations

import html as entities
import re

from lxml import html as lxml_html

from grader.formats.model.pools import Question, pools
from grader.formats.model.registry import FEATURES, TYPES, Losses, exporter
from grader.formats.model.richtext import inner, plain
from grader.formats.model.tags import item_tags
from grader.formats.model.typed import say_point_only
from grader.formats.model.xmltext import clean
from grader.formats.moodle.text import (
    ONE_LINE,
    asks_for_lines,
    entries_of,
    in_categories,
    moodle_html,
    pairs_of,
    percent,
    typed,
    weighed,
)
from grader.formats.reading.numbers import fixed, spans
from grader.quizzes.rendered import RenderedBank

SIGNS = re.compile(r"[\\~=#{}:]")


@exporter(
    "gift",
    title="GIFT",
    suffix=".gift.txt",
    types=set(TYPES) - {"cloze"},
    features=frozenset(FEATURES) - {"fixed options", "shuffle", "points"},
    in_words=("entries", "right sides"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A text: a category for the bank, and one inside it for each pool, of which a quiz can draw one question."""
    say_point_only(bank, losses, "a Moodle in English")
    made = ["// Written for Moodle and other readers of GIFT."]
    for path, questions in in_categories(bank, pools(bank)):
        made.append(f"$CATEGORY: {clean(path)}")
        made += [_question(question, losses) for question in questions if not _reads_like_pairs(question, losses)]
    return ("\n\n".join(made) + "\n").encode()


def _reads_like_pairs(question: Question, losses: Losses) -> bool:
    """Whether a text to be typed has an arrow, which readers of GIFT take for that of a pair; nothing escapes it."""
    item, parts = question.item, question.variant.parts
    if not any("->" in answer.answer for part in parts if part.kind == "text" for answer in part.answers):
        return False
    losses.add(item.id, item.type, "its answer has the sign -> of matching questions; it is left out")
    return True


def _question(question: Question, losses: Losses) -> str:
    item, variant = question.item, question.variant
    part = variant.parts[0]
    marks = [f"[id:{question.id}]"] + [f"[tag:{_mark(tag)}]" for tag in item_tags(item)]
    stem = variant.stem + (ONE_LINE if asks_for_lines(part) else "")
    if part.unit:
        losses.add(item.id, "unit", "the unit stands behind the question, and is not typed")
        stem += f"<p>[{entities.escape(part.unit)}]</p>"
    if item.type in ("match", "order"):
        answers = _pairs(question, losses)
    elif part.kind == "choice":
        answers = [f"{'=' if o.true else '~'}{html(o.html)}{feedback(o.feedback)}" for o in part.options]
    elif part.kind == "boxes":
        boxes = weighed(item, part, losses)
        answers = [f"~%{percent(box.percent)}%{html(box.html)}{feedback(box.feedback)}" for box in boxes]
    elif part.kind == "number":
        answers = [
            f"=%{percent(100.0 * true)}%{fixed(span.middle)}:{fixed(span.margin)}{feedback(said)}"
            for span, true, said in spans(part)
        ]
        answers = ["#", *answers, f"~{feedback(part.other)}"] if part.other else ["#", *answers]
    else:
        answers = [f"=%{percent(t.percent)}%{escape(t.text)}{feedback(t.feedback)}" for t in typed(item, part, losses)]
    lines = [f"// {' '.join(marks)}", f"::{escape(' '.join(question.title.split()))}::{html(stem)} {{", *answers, "}"]
    return "\n".join(lines)


def _pairs(question: Question, losses: Losses) -> list[str]:
    """Pairs of left and right sides. Right sides are plain text; an order is matched as places and entries."""
    item = question.item
    if item.type == "order":
        losses.add(item.id, "entries", "GIFT has no order; each place is matched with its entry")
        pairs = [(f"<p>{place}.</p>", entry) for place, entry in enumerate(entries_of(question), start=1)]
        others: list[str] = []
    else:
        pairs, others = pairs_of(question)
    if item.credit == "all-or-nothing":
        losses.add(item.id, "partial credit", "each right pair earns its share")
    for _, right in pairs:
        if "<math" in right:
            losses.add(item.id, "maths", "right sides are plain text in GIFT; their formulas are TeX")
    made = [f"={html(left)} -> {escape(' '.join(plain(right).split()))}" for left, right in pairs]
    made += [f"= -> {escape(' '.join(plain(other).split()))}" for other in others]
    right_text = next((option.feedback for option in question.variant.parts[0].options if option.true), "")
    if right_text or question.variant.parts[0].other:
        losses.add(item.id, "feedback", "GIFT has one feedback on all answers of a matching question")
    return [*made, f"####{html(right_text)}"] if right_text else made


def html(fragment: str) -> str:
    """A fragment as HTML on one line, with its format before it and GIFT's signs escaped."""
    root = lxml_html.fragment_fromstring(moodle_html(fragment), create_parent="div")
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        listing = element.tag == "pre" or any(True for _ in element.iterancestors("pre"))
        after = any(True for _ in element.iterancestors("pre"))
        element.text = _line(element.text, listing)
        element.tail = _line(element.tail, after)
    text = inner(root, xml=False).replace("\ue00a", "&#10;").replace("\ue00b", "&#32;")
    return "[html]" + escape(text.strip())


def _line(text: str | None, listing: bool) -> str | None:
    """White space that counts as marks that become entities; other white space as one space."""
    if text is None:
        return None
    if listing:
        return text.replace("\n", "\ue00a")
    return re.sub(r"[ \t\n\r\f]+", " ", text)


def escape(text: str) -> str:
    """GIFT's signs with a backslash before each."""
    return SIGNS.sub(r"\\\g<0>", text)


def feedback(fragment: str) -> str:
    """Feedback behind an answer; nothing if there is none."""
    return f"#{html(fragment)}" if fragment.strip() else ""


def _mark(tag: str) -> str:
    return clean(tag).replace("[", "(").replace("]", ")")
