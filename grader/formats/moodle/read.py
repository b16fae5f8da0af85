"""Moodle XML: every core type whose answers something can score. Form: docs.moodle.org, "Moodle XML format"."""

from __future__ import annotations

from collections.abc import Callable

from lxml.etree import _Element as Element

from grader.formats.gift.read import category
from grader.formats.model.xmltext import parse_xml
from grader.formats.moodle.clozecode import read_cloze
from grader.formats.moodle.fractions import (
    ENOUGH,
    Graded,
    NotUnderstoodError,
    Stem,
    choice_item,
    cloze_item,
    match_item,
    numeric_item,
    order_credit,
    order_item,
    true_false_item,
    typed_item,
)
from grader.formats.moodle.read_texts import Texts, text_of
from grader.formats.reading import prose
from grader.formats.reading.drafts import Draft, Drafts, ImportRefusedError, from_tags, plain_points
from grader.formats.reading.numbers import read_decimal, span_as_spelt

LEFT_OUT = {
    "description": "a text without answers",
    "essay": "an essay, which nothing scores",
    "random": "a draw from a category; say `group:` of the questions that it draws from",
    "calculated": "a question with a formula; write it anew with `given:` and `variants:`",
    "calculatedsimple": "a question with a formula; write it anew with `given:` and `variants:`",
    "calculatedmulti": "a question with a formula; write it anew with `given:` and `variants:`",
}


def read(data: bytes, file: str) -> Draft:
    """Read a question bank in Moodle XML.

    Raises:
        XmlError: it is broken or hostile.
        ImportRefusedError: it is XML of another kind.
    """
    root = parse_xml(data)
    if root.tag != "quiz":
        raise ImportRefusedError(f"the root is <{str(root.tag)[:60]}>; Moodle XML has <quiz>.")
    drafts = Drafts(file)
    shuffles: list[bool] = []
    pool = ""
    for question in root.iterchildren("question"):
        if question.get("type") == "category":
            pool = category(drafts, text_of(question.find("category")))
        else:
            _question(drafts, question, pool)
            if question.find("shuffleanswers") is not None:
                shuffles.append(_flag(question, "shuffleanswers"))
    drafts.shuffle = any(shuffles) or not shuffles
    return drafts.done()


def _question(drafts: Drafts, question: Element, pool: str) -> None:
    kind = question.get("type") or ""
    title = text_of(question.find("name")).strip()
    name = drafts.name((question.findtext("idnumber") or "").strip() or title, f"{kind}-question")
    line = question.sourceline
    tags = [text_of(tag) for tag in question.iterfind("tags/tag")]
    more, rest = from_tags(tag.strip() for tag in tags)
    if rest:
        drafts.note(name, "tags", f"the tags {', '.join(rest)[:200]}", line)
    if pool:
        more["group"] = pool
    reader = _READERS.get(kind)
    if reader is None and kind != "cloze":
        why = LEFT_OUT.get(kind, f"a question of the type {kind[:40]!r}, which our banks do not have")
        drafts.note(name, kind[:40] or "type", f"{why}; it is left out", line)
        return
    if question.find("hint") is not None:
        drafts.note(name, "hint", "hints for another try", line)
    points = plain_points(question.findtext("defaultgrade"))

    texts = Texts(drafts, name, line)
    general = texts.markdown(question.find("generalfeedback"))
    if reader is not None:
        more.pop("points", None)
        shown = (texts.markdown(question.find("questiontext")), texts.old_picture(question))
        markdown = "\n\n".join(filter(None, shown))
        try:
            reader(drafts, question, Stem(name, title, markdown, line, general, points, more), texts)
        except NotUnderstoodError as error:
            drafts.note(name, kind, f"{error}; it is left out", line)
        return
    worth = more.pop("points", None)
    stem = question.find("questiontext")
    found = read_cloze(drafts, name, line, text_of(stem), texts.picture(stem))
    if found is not None:
        markdown = texts.html(found.html, stem)
        cloze_item(drafts, Stem(name, title, markdown, line, general, worth or found.points, more), found.blanks)


def _multichoice(drafts: Drafts, question: Element, stem: Stem, texts: Texts) -> None:
    choice_item(drafts, stem, _graded(question, texts), _said(question, "single", "true") in ("true", "1"))


def _set(drafts: Drafts, question: Element, stem: Stem, texts: Texts) -> None:
    """The add-on for all-or-nothing: right options have 100, others 0."""
    answers = _graded(question, texts)
    made = [Graded(a.percent if a.percent > 0 else -100.0, a.text, a.feedback) for a in answers]
    choice_item(drafts, stem, made, single=False)


def _true_false(drafts: Drafts, question: Element, stem: Stem, texts: Texts) -> None:
    answers = {text_of(answer).strip().lower(): answer for answer in question.iterfind("answer")}
    if not answers or answers.keys() - {"true", "false"}:
        raise NotUnderstoodError(f"its answers are {', '.join(sorted(answers))[:80] or 'none'}, not true and false")
    percents = {what: _percent(answer) for what, answer in answers.items()}
    right = [what for what, percent in percents.items() if percent >= ENOUGH]
    if any(0 < percent < ENOUGH for percent in percents.values()) or len(right) > 1 or (len(answers) > 1) > len(right):
        raise NotUnderstoodError("it does not say whether true or false is right")
    true = right == ["true"] if right else "false" in answers
    said = {
        what: texts.markdown(answers[what].find("feedback")) if what in answers else "" for what in ("true", "false")
    }
    true_false_item(drafts, stem, true, said["true"], said["false"])


def _short(drafts: Drafts, question: Element, stem: Stem, texts: Texts) -> None:
    answers = [
        Graded(_percent(answer), text_of(answer), texts.markdown(answer.find("feedback")))
        for answer in question.iterfind("answer")
    ]
    typed_item(drafts, stem, answers, case=_said(question, "usecase", "0") in ("1", "true"))


def _numerical(drafts: Drafts, question: Element, stem: Stem, texts: Texts) -> None:
    found = []
    for answer in question.iterfind("answer"):
        spelt = text_of(answer).strip()
        margin = (answer.findtext("tolerance") or "").strip() or "0"
        percent = _percent(answer)
        if spelt in ("*", ""):
            span = None
        else:
            span = span_as_spelt(spelt, margin)
            if span is None and percent > 0:
                raise NotUnderstoodError(f"{spelt[:40]!r} with the margin {margin[:40]!r} is no number")
            if span is None:
                drafts.note(stem.name, "answers", f"{spelt[:40]!r} is no number; it is left out", stem.line)
                continue
        found.append(Graded(percent, spelt, texts.markdown(answer.find("feedback")), span))
    units = _units(question)
    if len(units) > 1:
        drafts.note(stem.name, "unit", f"the units {', '.join(units[1:])[:100]}", stem.line)
    if (question.findtext("unitgradingtype") or "0").strip() not in ("0", ""):
        drafts.note(stem.name, "unit", "marks for the unit; here it may be left out", stem.line)
    numeric_item(drafts, stem, found, units[0][:40] if units else "")


def _units(question: Element) -> list[str]:
    """The units of a number, first those in which the answers are written."""
    units = [
        (read_decimal(unit.findtext("multiplier") or "1") != 1, (unit.findtext("unit_name") or "").strip())
        for unit in question.iterfind("units/unit")
    ]
    if units and all(other for other, _ in units):
        raise NotUnderstoodError("none of its units has the multiplier 1, in which the answers are written")
    return [name for _, name in sorted(units, key=lambda unit: unit[0])]


def _matching(drafts: Drafts, question: Element, stem: Stem, texts: Texts) -> None:
    pairs, others = [], []
    for sub in question.iterfind("subquestion"):
        right = prose.plain_text(text_of(sub.find("answer")).strip(), texts.note, inline=True)
        left = texts.markdown(sub, inline=True)
        if left and not right:
            raise NotUnderstoodError(f"{left[:40]!r} has no right side")
        if left:
            pairs.append((left, right))
        elif right:
            others.append(right)
    right_text, otherwise = _combined(question, texts)
    match_item(drafts, stem, pairs, others, right_text, otherwise)


def _ordering(drafts: Drafts, question: Element, stem: Stem, texts: Texts) -> None:
    entries = [texts.markdown(answer, inline=True) for answer in question.iterfind("answer")]
    credit = order_credit(
        drafts, stem, question.findtext("gradingtype") or "", question.findtext("selecttype") or "ALL"
    )
    right, otherwise = _combined(question, texts)
    order_item(drafts, stem, entries, right, otherwise, credit)


_READERS: dict[str, Callable[[Drafts, Element, Stem, Texts], None]] = {
    "multichoice": _multichoice,
    "multichoiceset": _set,
    "truefalse": _true_false,
    "shortanswer": _short,
    "numerical": _numerical,
    "matching": _matching,
    "ordering": _ordering,
}


def _graded(question: Element, texts: Texts) -> list[Graded]:
    return [
        Graded(_percent(answer), texts.markdown(answer), texts.markdown(answer.find("feedback")))
        for answer in question.iterfind("answer")
    ]


def _percent(answer: Element) -> float:
    """The marks that an answer earns, in percent; 0 where it does not say.

    Raises:
        NotUnderstoodError: it is no number from -100 to 100.
    """
    said = (answer.get("fraction") or "").strip()
    if not said and answer.get("fraction") is None:
        return 0.0
    percent = read_decimal(said)
    if percent is None or abs(percent) > 100:
        raise NotUnderstoodError(f"the fraction {said[:40]!r} is no percent from -100 to 100")
    return float(percent)


def _said(question: Element, name: str, otherwise: str) -> str:
    """What an element says that is on or off.

    Raises:
        NotUnderstoodError: it says something else.
    """
    said = (question.findtext(name) or otherwise).strip().lower()
    if said not in ("true", "false", "1", "0"):
        raise NotUnderstoodError(f"<{name}> is {said[:40]!r}; true, false, 1 or 0 was expected")
    return said


def _combined(question: Element, texts: Texts) -> tuple[str, str]:
    """Feedback on a wholly right answer, and on any other."""
    right, partly, wrong = (
        texts.markdown(question.find(name))
        for name in ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback")
    )
    if partly and partly != wrong:
        texts.note("the feedback on partly right answers")
    return right, wrong or partly


def _flag(question: Element, name: str) -> bool:
    return (question.findtext(name) or "1").strip().lower() in ("true", "1")
