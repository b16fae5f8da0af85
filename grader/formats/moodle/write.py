"""Moodle XML, with embedded images, categories, tags and idnumbers. Form: docs.moodle.org, "Moodle XML format"."""

from __future__ import annotations

import base64
import html as entities
import re

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.figures import Figures
from grader.formats.model.pools import Question, pools
from grader.formats.model.registry import FEATURES, Losses, exporter
from grader.formats.model.richtext import plain, rich
from grader.formats.model.tags import item_tags
from grader.formats.model.typed import say_point_only
from grader.formats.model.xmltext import clean, dump_xml
from grader.formats.moodle.text import (
    ONE_LINE,
    STYLE,
    Typed,
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
from grader.quizzes.rendered import RenderedBank, RenderedPart

PLUGIN_FILE = "@@PLUGINFILE@@/"
LONGEST_TAG = 50  # as Moodle's TAG_MAX_LENGTH has it
PLACE = "\ue000{}\ue001"  # stands for a blank until the text around it is written


@exporter(
    "moodle-xml",
    title="Moodle XML",
    suffix=".moodle.xml",
    features=frozenset(FEATURES) - {"fixed options"},
    in_words=("right sides",),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A question bank: a category for it, and one inside that for each pool, of which a quiz can draw one question."""
    quiz = etree.Element("quiz")
    say_point_only(bank, losses, "a Moodle in English")
    for path, questions in in_categories(bank, pools(bank)):
        _category(quiz, path)
        for question in questions:
            _question(quiz, bank, question, losses)
    etree.indent(quiz)
    return dump_xml(quiz)


def _category(quiz: Element, path: str) -> None:
    made = etree.SubElement(quiz, "question", type="category")
    etree.SubElement(etree.SubElement(made, "category"), "text").text = clean(path)


def _question(quiz: Element, bank: RenderedBank, question: Question, losses: Losses) -> None:
    item, variant = question.item, question.variant
    kind = _kind(item.type, variant.parts)
    made = etree.SubElement(quiz, "question", type=kind)
    etree.SubElement(etree.SubElement(made, "name"), "text").text = clean(question.title)
    stem = variant.stem + (ONE_LINE if any(map(asks_for_lines, variant.parts)) else "")
    if kind == "cloze":
        _cloze_text(made, stem, question, losses)
    else:
        _text(made, "questiontext", stem)
    review = f"<p>To read again: {entities.escape(item.review[0])}</p>" if item.review else ""
    _text(made, "generalfeedback", review)
    if kind != "cloze":
        etree.SubElement(made, "defaultgrade").text = f"{item.points:g}"
    etree.SubElement(made, "penalty").text = "0.3333333"
    etree.SubElement(made, "hidden").text = "0"
    etree.SubElement(made, "idnumber").text = question.id
    if kind == "multichoice":
        _options(made, bank, question, losses)
    elif kind == "shortanswer":
        _short(made, question, losses)
    elif kind == "numerical":
        _number(made, variant.parts[0])
    elif kind == "matching":
        _match(made, question, losses)
    elif kind == "ordering":
        _order(made, question)
    tags = etree.SubElement(made, "tags")
    worth = (f"points: {item.points:g}",) if kind == "cloze" else ()  # its default mark is the number of its blanks
    for tag in (*item_tags(item), *worth):
        etree.SubElement(etree.SubElement(tags, "tag"), "text").text = clean(tag)
        if len(tag) > LONGEST_TAG:
            losses.add("", "tags", f"Moodle cuts tags at {LONGEST_TAG} characters, such as long objectives")


def _kind(kind: str, parts: tuple[RenderedPart, ...]) -> str:
    if kind in ("match", "order", "cloze"):
        return {"match": "matching", "order": "ordering", "cloze": "cloze"}[kind]
    return {"choice": "multichoice", "boxes": "multichoice", "number": "numerical", "text": "shortanswer"}[
        parts[0].kind
    ]


def _text(parent: Element, name: str, html: str, **more: str) -> Element:
    """A text in HTML, with the images that it shows."""
    figures = Figures(kind="png")
    made = etree.SubElement(parent, name, **more, format="html")
    shown = moodle_html(html, lambda figure, alt: PLUGIN_FILE + figures.add(figure, alt)) if html else ""
    etree.SubElement(made, "text").text = shown
    _files(made, figures)
    return made


def _files(parent: Element, figures: Figures) -> None:
    for name, data in figures.files.items():
        file = etree.SubElement(parent, "file", name=name, path="/", encoding="base64")
        file.text = base64.b64encode(data).decode()


def _answer(parent: Element, share: float, html: str, feedback: str) -> None:
    made = _text(parent, "answer", html, fraction=percent(share))
    _text(made, "feedback", feedback)


def _plain_answer(parent: Element, share: float, text: str, feedback: str) -> Element:
    made = etree.SubElement(parent, "answer", fraction=percent(share), format="moodle_auto_format")
    etree.SubElement(made, "text").text = clean(text)
    _text(made, "feedback", feedback)
    return made


def _options(made: Element, bank: RenderedBank, question: Question, losses: Losses) -> None:
    part = question.variant.parts[0]
    single = part.kind == "choice"
    shuffle = bank.shuffle and not any(option.fixed for option in part.options)
    etree.SubElement(made, "single").text = "true" if single else "false"
    etree.SubElement(made, "shuffleanswers").text = "true" if shuffle else "false"
    etree.SubElement(made, "answernumbering").text = "none"
    etree.SubElement(made, "showstandardinstruction").text = "0" if single else "1"
    _combined(made, "", "")
    if single:
        for option in part.options:
            _answer(made, 100.0 * option.true, option.html, option.feedback)
    else:
        for box in weighed(question.item, part, losses):
            _answer(made, box.percent, box.html, box.feedback)


def _short(made: Element, question: Question, losses: Losses) -> None:
    part = question.variant.parts[0]
    etree.SubElement(made, "usecase").text = "1" if part.case else "0"
    for answer in typed(question.item, part, losses):
        _plain_answer(made, answer.percent, answer.text, answer.feedback)


def _number(made: Element, part: RenderedPart) -> None:
    for span, true, feedback in spans(part):
        answer = _plain_answer(made, 100.0 * true, fixed(span.middle), feedback)
        etree.SubElement(answer, "tolerance").text = fixed(span.margin)
    rest = _plain_answer(made, 0.0, "*", part.other)
    etree.SubElement(rest, "tolerance").text = "0"
    if part.unit:
        unit = etree.SubElement(etree.SubElement(made, "units"), "unit")
        etree.SubElement(unit, "multiplier").text = "1"
        etree.SubElement(unit, "unit_name").text = clean(part.unit)
    etree.SubElement(made, "unitgradingtype").text = "0"
    etree.SubElement(made, "unitpenalty").text = "0.1"
    etree.SubElement(made, "showunits").text = "0" if part.unit else "3"
    etree.SubElement(made, "unitsleft").text = "0"


def _match(made: Element, question: Question, losses: Losses) -> None:
    item = question.item
    etree.SubElement(made, "shuffleanswers").text = "true"
    _combined(made, *_verdicts(question))
    pairs, others = pairs_of(question)
    for left, right in [*pairs, *(("", other) for other in others)]:
        sub = _text(made, "subquestion", left)
        etree.SubElement(etree.SubElement(sub, "answer"), "text").text = clean(plain(right))
        if "<math" in right:
            losses.add(item.id, "maths", "right sides are plain text in Moodle; their formulas are TeX")
    if item.credit == "all-or-nothing":
        losses.add(item.id, "partial credit", "each right pair earns its share")


def _order(made: Element, question: Question) -> None:
    entries = entries_of(question)
    rule = "ALL_OR_NOTHING" if question.item.credit == "all-or-nothing" else "ABSOLUTE_POSITION"
    for name, value in (
        ("layouttype", "VERTICAL"),
        ("selecttype", "ALL"),
        ("selectcount", str(len(entries))),
        ("gradingtype", rule),
        ("showgrading", "SHOW"),
        ("numberingstyle", "none"),
    ):
        etree.SubElement(made, name).text = value
    _combined(made, *_verdicts(question))
    etree.SubElement(made, "shownumcorrect")  # without it Moodle 4.5 makes hints of its own, and stops at them
    for place, entry in enumerate(entries, start=1):
        answer = _text(made, "answer", entry, fraction=f"{place}.0000000")
        _text(answer, "feedback", "")


def _verdicts(question: Question) -> tuple[str, str]:
    """Feedback on a wholly right answer, and on any other."""
    part = question.variant.parts[0]
    return next((option.feedback for option in part.options if option.true), ""), part.other


def _combined(made: Element, right: str, otherwise: str) -> None:
    _text(made, "correctfeedback", right)
    _text(made, "partiallycorrectfeedback", otherwise)
    _text(made, "incorrectfeedback", otherwise)


# Answers inside a text --------------------------------------------------------------------------------------------


def _cloze_text(made: Element, stem: str, question: Question, losses: Losses) -> None:
    figures = Figures(kind="png")
    parts = {part.id: part for part in question.variant.parts}
    holder = etree.SubElement(made, "questiontext", format="html")
    html = rich(stem, STYLE, lambda figure, alt: PLUGIN_FILE + figures.add(figure, alt), PLACE.format)
    html = html.replace("{", "&#123;")  # of the text's own, which might read like the start of an answer
    weight = question.item.points / len(parts)
    if weight != int(weight):  # a blank's weight is a whole number there, and the question's mark is their sum
        said = f"its {len(parts)} blanks earn a mark each; set its mark in the quiz from {len(parts)} to"
        losses.add(question.item.id, "points", f"{said} {question.item.points:g}")
        weight = 1
    if question.item.credit == "all-or-nothing":
        losses.add(question.item.id, "partial credit", "each right blank earns its share")
    for name, part in parts.items():
        html = html.replace(PLACE.format(name), _code(part, int(weight), question, losses))
    etree.SubElement(holder, "text").text = html
    _files(holder, figures)


def _code(part: RenderedPart, weight: int, question: Question, losses: Losses) -> str:
    if part.kind == "choice":
        plain_ones = all(not re.search(r"<(?!/?p>)", option.html) for option in part.options)
        kind = "MULTICHOICE_S" if plain_ones else "MULTICHOICE_VS"  # a menu cannot show formulas or code
        answers = [(100.0 * o.true, _hidden(moodle_html(o.html)), o.feedback) for o in part.options]
    elif part.kind == "number":
        kind = "NUMERICAL"
        answers = [
            (100.0 * true, f"{fixed(span.middle)}:{fixed(span.margin)}", said) for span, true, said in spans(part)
        ]
        answers.append((0.0, "*", part.other))
    else:
        kind = "SHORTANSWER_C" if part.case else "SHORTANSWER"
        answers = [(a.percent, _typed_code(a), a.feedback) for a in typed(question.item, part, losses)]
    made = [f"{'=' if share else '%0%'}{text}#{_hidden(moodle_html(said))}" for share, text, said in answers]
    unit = ""
    if part.unit:
        losses.add(question.item.id, "unit", "the unit stands behind the blank, and is not typed")
        unit = f" {entities.escape(part.unit)}"
    return f"{{{weight}:{kind}:{'~'.join(made)}}}{unit}"


CONTROL = {sign: f"&#{ord(sign)};" for sign in "}~#\\{"}


def _hidden(html: str) -> str:
    """HTML inside an answer, which Moodle decodes once: its control signs as entities, then all of it escaped."""
    shown = re.sub(r"&#?\w+;|[}~#\\{]", lambda m: CONTROL.get(m[0], m[0]), html)
    return entities.escape(shown, quote=False)


def _typed_code(answer: Typed) -> str:
    if answer.text == "*":
        return "*"
    return re.sub(r"[}~#\\{]", lambda m: CONTROL[m[0]], entities.escape(clean(answer.text), quote=False))
