"""Items of ILIAS's question pools: elements, texts, points and feedback, whatever the type of the question."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.figures import pixel_uri
from grader.formats.model.pools import Question
from grader.formats.model.richtext import Style, inner, tree
from grader.formats.model.xmltext import clean, number

STYLE = Style(maths="tex-parens", code="inline", xml=False)
VERSION = "8.0 2023-01-01"  # of ILIAS, whose form this is
ALL, NOT_ALL = "response_allcorrect", "response_onenotcorrect"
DIGITS = 6  # of points at an answer


def make(name: str, *content: Element | None, text: str | None = None, **attributes: str) -> Element:
    """An element without namespace; content that is None is passed over."""
    made = etree.Element(name, {key: clean(value) for key, value in attributes.items()})
    if text is not None:
        made.text = clean(text)
    made.extend(piece for piece in content if piece is not None)
    return made


def points(value: float) -> str:
    """Points at one answer."""
    return number(round(value, DIGITS) or 0.0)


def whole(
    question: Question,
    kind: str,
    presentation: Sequence[Element],
    conditions: Sequence[Element],
    said: dict[str, str],
    more: dict[str, str] | None = None,
) -> Element:
    """An item of its parts. `said` is feedback by name; a block that a condition shows is there without text, too."""
    item = question.item
    fields = {"ILIAS_VERSION": VERSION, "QUESTIONTYPE": kind, "AUTHOR": "", "additional_cont_edit_mode": "default"}
    fields |= {"externalId": question.id, "ilias_lifecycle": "final", "lifecycle": "Final"} | (more or {})
    entries = [
        make("qtimetadatafield", make("fieldlabel", text=name), make("fieldentry", text=entry))
        for name, entry in fields.items()
    ]
    shown = {name: html for name, html in said.items() if html or name not in (ALL, NOT_ALL)}
    whole = [shows(name, conditions) for name in (ALL, NOT_ALL) if name in shown]
    feedback = [
        make("itemfeedback", make("flow_mat", material(html)), ident=name, view="All") for name, html in shown.items()
    ]
    return make(
        "item",
        make("qticomment", text=item.objective),
        make("duration", text="P0Y0M0DT0H1M0S"),
        make("itemmetadata", make("qtimetadata", *entries)),
        make("presentation", make("flow", *presentation), label=question.title),
        make("resprocessing", make("outcomes", make("decvar")), *conditions, *whole),
        *feedback,
        ident=f"il_0_qst_{question.id}",
        title=question.title,
        maxattempts="0",
    )


def shows(name: str, conditions: Sequence[Element]) -> Element:
    """A feedback on an answer that is right throughout, or on any other."""
    tests = _right(conditions)
    held = tests if name == ALL else [make("not", tests[0] if len(tests) == 1 else make("and", *tests))]
    shown = make("displayfeedback", feedbacktype="Response", linkrefid=name)
    made = make("respcondition", make("conditionvar", *held), shown)
    made.set("continue", "Yes")
    return made


def _right(conditions: Sequence[Element]) -> list[Element]:
    """What holds of an answer that is right throughout; alternatives of one gap are one test."""
    found: list[Element] = []
    gaps: dict[str, list[Element]] = {}
    for condition in conditions:
        worth = float(condition.findtext("setvar") or 0)
        tests = [copy.deepcopy(test) for test in condition.findall("conditionvar/*")]
        name = tests[0].get("respident") or ""
        if worth < 0:
            found += [make("not", *tests)]
        elif worth > 0 and name.startswith("gap_"):
            gaps.setdefault(name, []).extend(tests)
        elif worth > 0:
            found += tests
    return found + [tests[0] if len(tests) == 1 else make("or", *tests) for tests in gaps.values()]


def material(html: str) -> Element:
    """A text in its element."""
    return ready(inner(tree(html, STYLE, pixel_uri), xml=False))


def ready(html: str) -> Element:
    """HTML that ILIAS takes as it is, in its element."""
    return make("material", make("mattext", text=html, texttype="text/xhtml"))


def adds(tests: Element | Sequence[Element], worth: float, feedback: str = "") -> Element:
    """Points where a test holds, and a feedback."""
    held = [tests] if isinstance(tests, etree._Element) else tests
    shown = make("displayfeedback", feedbacktype="Response", linkrefid=feedback) if feedback else None
    more = make("setvar", text=points(worth), action="Add")
    made = make("respcondition", make("conditionvar", *held), more, shown)
    made.set("continue", "Yes")
    return made
