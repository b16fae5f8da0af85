"""ILIAS's question pools: valid QTI 1.2, named as ILIAS looks for them, and every response earns our mark."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.ilias.items import TERMS
from grader.formats.model.pools import Question, numbered
from grader.formats.model.registry import TYPES, Losses, NothingCarriedError, export_bank
from grader.formats.model.responses import Given, marked
from grader.formats.model.richtext import plain
from grader.quizzes.rendered import RenderedBank
from tests.formats.making import banks

NAMESPACE = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
SECRET = b"for tests" + bytes(23)


def unpacked(bank: RenderedBank) -> tuple[str, dict[str, bytes]]:
    made = export_bank(bank, "ilias")
    with zipfile.ZipFile(io.BytesIO(made.data)) as package:
        return made.file_name, {path: package.read(path) for path in package.namelist()}


def questions_of(bank: RenderedBank) -> Element:
    name, files = unpacked(bank)
    folder = name.removesuffix(".zip")
    return etree.fromstring(files[f"{folder}/{folder.replace('qpl', 'qti')}.xml"])


def spaced(element: Element) -> Element:
    """The same in the namespace of the schema, which ILIAS leaves out."""
    made = etree.Element(f"{{{NAMESPACE}}}{element.tag}", dict(element.attrib), nsmap={None: NAMESPACE})
    made.text, made.tail = element.text, element.tail
    made.extend(spaced(child) for child in element)
    return made


def test_every_bank_is_valid(bank: RenderedBank, schema: Any) -> None:
    loaded = schema("qti12/ims_qtiasiv1p2.xsd")
    assert loaded.validate(spaced(questions_of(bank))), loaded.error_log


@pytest.mark.parametrize("kind", TYPES)
def test_items_with_odd_texts_are_valid(kind: str, schema: Any) -> None:
    loaded = schema("qti12/ims_qtiasiv1p2.xsd")

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(banks((kind,)))
    def check(bank: RenderedBank) -> None:
        try:
            root = questions_of(bank)
        except NothingCarriedError:
            assert kind in ("match", "code-output")  # a right side of two left sides; no wrong output to choose from
            return
        assert loaded.validate(spaced(root)), loaded.error_log
        for item in root:
            shown = item.xpath(".//displayfeedback/@linkrefid")
            exists = item.xpath(".//itemfeedback/@ident")
            assert set(shown) - {"Correct"} <= set(exists)
            assert len(exists) == len(set(exists))

    check()


def test_the_pool_lists_every_question_and_is_named_like_the_file(bank: RenderedBank) -> None:
    name, files = unpacked(bank)
    folder = name.removesuffix(".zip")
    assert set(files) == {f"{folder}/{folder}.xml", f"{folder}/{folder.replace('qpl', 'qti')}.xml"}
    listed = etree.fromstring(files[f"{folder}/{folder}.xml"]).xpath("//Question/@QRef")
    assert listed == questions_of(bank).xpath("item/@ident")


def test_types_are_those_of_ilias(sample: RenderedBank) -> None:
    kinds = questions_of(sample).xpath("//qtimetadatafield[fieldlabel='QUESTIONTYPE']/fieldentry/text()")
    assert set(kinds) == {
        "SINGLE CHOICE QUESTION",
        "MULTIPLE CHOICE QUESTION",
        "NUMERIC QUESTION",
        "ORDERING QUESTION",
        "MATCHING QUESTION",
        "CLOZE QUESTION",
    }


# Marks -------------------------------------------------------------------------------------------------------------


def holds(test: Element, given: dict[str, Any]) -> bool:
    answer = given.get(test.get("respident") or "")
    if test.tag == "not":
        return not holds(test[0], given)
    if answer is None:
        return False
    if test.tag in ("vargte", "varlte"):
        return (
            float(answer) >= float(test.text or 0) if test.tag == "vargte" else float(answer) <= float(test.text or 0)
        )
    if test.get("index") is not None:
        return bool(answer[int(test.get("index") or 0)] == test.text)
    return test.text in answer if isinstance(answer, list) else bool(answer == test.text)


def points(item: Element, given: dict[str, Any]) -> float:
    """What a response earns: the sum of what holds, and nothing below zero, as tests of ILIAS are set."""
    earned = 0.0
    for condition in item.findall("resprocessing/respcondition"):
        more = condition.findtext("setvar")
        if more is not None and all(holds(test, given) for test in condition.find("conditionvar")):
            earned += float(more)
    return max(0.0, earned)


def as_given(question: Question, item: Element, given: Given) -> dict[str, Any]:
    """A response by the names in the file. A number in a gap that lies in its range is the number of its key."""
    kind = item.findtext("itemmetadata/qtimetadata/qtimetadatafield[fieldlabel='QUESTIONTYPE']/fieldentry") or ""
    parts = question.variant.parts
    name = item.find("presentation/flow//*[@ident]").get("ident")
    if kind == "MATCHING QUESTION":
        chosen = {n: given[part.id] for n, part in enumerate(parts, start=1) if part.id in given}
        return {"MQ": [f"{TERMS + answer[0]},{n}" for n, answer in chosen.items()]}
    if kind == "ORDERING QUESTION":
        return {"OQT": [str(given[part.id][0]) for part in parts]} if given else {}
    if kind != "CLOZE QUESTION":
        (answer,) = given.values() if given else (None,)
        if kind == "NUMERIC QUESTION":
            return {} if answer is None else {"NUM": answer}
        if isinstance(answer, str):  # an output that is chosen here
            known = [one.answer for one in parts[0].answers]
            return {name: [str(known.index(answer))]} if answer in known else {}
        return {} if answer is None else {name: [str(number) for number in answer]}
    made = {}
    gaps = [e.get("ident") for e in item.find("presentation/flow") if e.get("ident")]
    for gap, part in zip(gaps, parts, strict=True):
        answer = given.get(part.id)
        if isinstance(answer, tuple):
            made[gap] = " ".join(plain(part.options[answer[0]].html).split())
        elif answer is not None and part.kind == "number":
            field = item.find(f".//response_num[@ident='{gap}']/render_fib")
            inside = float(field.get("minnumber")) <= float(answer) <= float(field.get("maxnumber"))
            key = item.find(f".//varequal[@respident='{gap}']").text
            made[gap] = key if inside else answer
        elif answer is not None:
            known = next((o.answer for o in part.answers if o.answer.casefold() == answer.casefold()), answer)
            made[gap] = known
    return made


def compared(bank: RenderedBank) -> Iterator[tuple[str, float, float]]:
    found = {item.get("ident"): item for item in questions_of(bank)}
    questions = {(q.item.id, q.variant.variant): q for q in numbered(bank, Losses())}
    for item, variant, mark in marked(bank, SECRET):
        question = questions[item.id, variant.variant]
        written = found.get(f"il_0_qst_{question.id}")
        if written is not None:
            earned = points(written, as_given(question, written, mark.given)) / item.points
            yield f"{item.id}: {mark.said}", earned, mark.share


def test_every_response_earns_what_our_scorer_gives(bank: RenderedBank) -> None:
    wrong = [(said, earned, ours) for said, earned, ours in compared(bank) if abs(earned - ours) > 0.0005]
    assert not wrong, wrong[:10]
