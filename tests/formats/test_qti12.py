"""QTI 1.2 for Canvas, and Common Cartridge: valid by their schemas, and right answers are right."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from grader.formats.canvas.items import NAMESPACE, answer_id
from grader.formats.model.pools import pools
from grader.formats.model.registry import TYPES, export_bank, formats
from grader.formats.model.responses import Given, marked
from grader.formats.model.richtext import plain
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedVariant
from tests.formats.making import banks

Q = {"q": NAMESPACE}
SCHEMAS = {"qti12": "qti12/ims_qtiasiv1p2.xsd", "imscc": "qti12/ccv1p1_qtiasiv1p2p1_v1p0.xsd"}
FORMATS = sorted(SCHEMAS)
SECRET = b"for tests" + bytes(23)


def unpacked(bank: RenderedBank, name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(export_bank(bank, name).data)) as package:
        return {path: package.read(path) for path in package.namelist()}


def quiz_of(bank: RenderedBank, name: str) -> etree._Element:
    return etree.fromstring(unpacked(bank, name)[f"{bank.bank}/{bank.bank}.xml"])


@pytest.mark.parametrize("name", FORMATS)
def test_every_bank_is_valid(bank: RenderedBank, name: str, schema: Any) -> None:
    loaded = schema(SCHEMAS[name])
    assert loaded.validate(quiz_of(bank, name)), loaded.error_log


CARRIED = [(name, kind) for name in FORMATS for kind in TYPES if kind in formats()[name].types]


@pytest.mark.parametrize(("name", "kind"), CARRIED)
def test_items_with_odd_texts_are_valid(name: str, kind: str, schema: Any) -> None:
    loaded = schema(SCHEMAS[name])

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(banks((kind,)))
    def check(bank: RenderedBank) -> None:
        root = quiz_of(bank, name)
        assert loaded.validate(root), loaded.error_log
        require_links(root)

    check()


def require_links(root: etree._Element) -> None:
    """Every feedback that is shown exists, every one that exists is shown, and every answer that is tested exists."""
    for item in root.iterfind(".//q:item", Q):
        exists = item.xpath(".//q:itemfeedback/@ident", namespaces=Q)
        assert set(item.xpath(".//q:displayfeedback/@linkrefid", namespaces=Q)) == set(exists)
        assert len(exists) == len(set(exists))
        for response in item.iterfind(".//q:response_lid", Q):
            labels = response.xpath(".//q:response_label/@ident", namespaces=Q)
            assert len(labels) == len(set(labels))
            tested = item.xpath(f".//q:varequal[@respident='{response.get('ident')}']/text()", namespaces=Q)
            assert set(tested) <= set(labels)


@pytest.mark.parametrize("name", FORMATS)
def test_the_manifest_names_every_file_and_no_other(bank: RenderedBank, name: str) -> None:
    files = unpacked(bank, name)
    manifest = etree.fromstring(files["imsmanifest.xml"])
    assert set(manifest.xpath("//*[local-name()='file']/@href")) == set(files) - {"imsmanifest.xml"}
    ids = set(manifest.xpath("//*[local-name()='resource']/@identifier"))
    assert set(manifest.xpath("//*[local-name()='dependency']/@identifierref")) <= ids
    for text in quiz_of(bank, name).xpath("//q:mattext/text()", namespaces=Q):
        for part in text.split('src="')[1:]:
            address = part.split('"')[0]
            assert address.replace("%24", "$").removeprefix("$IMS-CC-FILEBASE$/") in files


def test_canvas_reads_the_type_and_the_points(sample: RenderedBank) -> None:
    found = {}
    for item in quiz_of(sample, "qti12").iterfind(".//q:item", Q):
        texts = item.xpath(".//q:qtimetadatafield/*/text()", namespaces=Q)
        found[item.get("ident")] = dict(zip(texts[::2], texts[1::2], strict=True))
    assert {name: told["question_type"] for name, told in found.items()} == {
        "q-loss-falls_1": "multiple_choice_question",
        "q-loss-falls_2": "multiple_choice_question",
        "q-what-beta-does": "multiple_answers_question",
        "q-ln-two_1": "numerical_question",
        "q-ln-two_2": "numerical_question",
        "q-ppo-steps": "matching_question",
        "q-who-is-who": "matching_question",
        "q-fill-in": "fill_in_multiple_blanks_question",
        "q-what-prints": "multiple_choice_question",
        "q-which-prints": "multiple_choice_question",
        "q-which-prints-b": "multiple_choice_question",
    }
    points = {name: told["points_possible"] for name, told in found.items()}
    assert (points["q-what-beta-does"], points["q-who-is-who"], points["q-fill-in"]) == ("2", "1.5", "1")


def test_pools_are_question_groups(bank: RenderedBank) -> None:
    groups = {}
    for section in quiz_of(bank, "qti12").iterfind(".//q:section[q:selection_ordering]", Q):
        ids = tuple(item.get("ident") for item in section.iterfind("q:item", Q))
        groups[ids] = section.xpath(".//q:selection_number/text() | .//q:points_per_item/text()", namespaces=Q)
    expected = {
        tuple(f"q-{question.id}" for question in pool.questions): ["1", f"{pool.points:g}"]
        for pool in pools(bank)
        if len(pool.questions) > 1
    }
    assert groups == expected


def test_maths_is_mathml_in_stems_options_and_feedback(sample: RenderedBank) -> None:
    root = quiz_of(sample, "qti12")
    item = root.find(".//q:item[@ident='q-loss-falls_1']", Q)
    for place in ("q:presentation/q:material", ".//q:response_label", "q:itemfeedback"):
        texts = item.xpath(f"{place}//q:mattext/text()", namespaces=Q)
        maths = [text for text in texts if 'xmlns="http://www.w3.org/1998/Math/MathML"' in text]
        assert maths, place


# Scores ------------------------------------------------------------------------------------------------------------


def holds(test: etree._Element, given: dict[str, list[str]]) -> bool:
    """A condition of QTI 1.2, as its specification says; all members of a conditionvar must hold."""
    name, answers = etree.QName(test).localname, given.get(test.get("respident"), [])
    if name in ("and", "conditionvar"):
        return all(holds(member, given) for member in test)
    if name == "not":
        return not all(holds(member, given) for member in test)
    if name == "other":
        return True
    if name == "varequal":
        folded = test.get("case") == "No"
        text = test.text or ""
        return any(a.casefold() == text.casefold() if folded else a == text for a in answers)
    assert name in ("vargte", "varlte")
    limit = Decimal(test.text)
    return any(Decimal(a) >= limit if name == "vargte" else Decimal(a) <= limit for a in answers)


def score(item: etree._Element, given: dict[str, list[str]]) -> float:
    """Per cent, by the rules of an item. Several `varequal` on one typed response are alternatives, as in Canvas."""
    total = 0.0
    for condition in item.iterfind("q:resprocessing/q:respcondition", Q):
        tests = list(condition.find("q:conditionvar", Q))
        change = condition.find("q:setvar", Q)
        alternatives = len(tests) > 1 and all(etree.QName(test).localname == "varequal" for test in tests)
        if change is None or not (any if alternatives else all)(holds(test, given) for test in tests):
            continue
        total = float(change.text) + (total if change.get("action") == "Add" else 0.0)
        if condition.get("continue") == "No":
            break
    return total


def as_given(item: RenderedItem, variant: RenderedVariant, given: Given, root: etree._Element) -> dict[str, list[str]]:
    """A response as the item's response variables."""
    made = {}
    choices = root.find(".//q:response_lid", Q) is not None
    for place, part in enumerate(variant.parts):
        answer = given.get(part.id)
        if answer is None:
            continue
        name = "response1"
        if item.type == "cloze":
            name = f"response_{part.id}"
            typed = plain(part.options[answer[0]].html) if isinstance(answer, tuple) else answer
            shown = root.find(f".//q:response_lid[@ident='{name}']", Q)
            labels = {
                "".join(label.itertext()): label.get("ident") for label in shown.iter(f"{{{NAMESPACE}}}response_label")
            }
            made[name] = [labels.get(typed, "none")]
            continue
        if item.type in ("order", "match"):
            name = f"response_{place + 1}"
        if isinstance(answer, tuple):
            made[name] = [answer_id(number) for number in answer]
        elif choices:  # a typed output that is chosen here
            known = [one.answer for one in part.answers]
            made[name] = [answer_id(known.index(answer))] if answer in known else []
        else:
            made[name] = [answer]
    return made


def compared(bank: RenderedBank, name: str) -> Iterator[tuple[str, float, float]]:
    ids = {(q.item.id, q.variant.variant): q.id for pool in pools(bank) for q in pool.questions}
    found = {item.get("ident"): item for item in quiz_of(bank, name).iterfind(".//q:item", Q)}
    for item, variant, mark in marked(bank, SECRET):
        root = found.get(f"q-{ids[item.id, variant.variant]}")
        if root is not None:
            earned = score(root, as_given(item, variant, mark.given, root)) / 100
            share = float(mark.share == 1) if item.type == "multiple" else mark.share  # Canvas has a rule of its own
            yield f"{item.id}: {mark.said}", earned, share


@pytest.mark.parametrize("name", FORMATS)
def test_every_response_earns_what_our_scorer_gives(bank: RenderedBank, name: str) -> None:
    wrong = [(said, earned, share) for said, earned, share in compared(bank, name) if abs(earned - share) > 0.0005]
    assert not wrong, wrong[:10]


def test_what_a_cartridge_cannot_carry_is_told(sample: RenderedBank) -> None:
    made = export_bank(sample, "imscc")
    told = {(loss.item, loss.field) for loss in made.losses}
    assert {("ppo-steps", "order"), ("who-is-who", "match"), ("fill-in", "cloze"), ("loss-falls", "pools")} <= told
    assert made.items == len(sample.items) - 3
    said = [loss for loss in made.losses if loss.field == "pools"]
    assert len(said) == len({loss.item for loss in said})


BLACKBOARD = """<questestinterop><assessment title="Pool"><section><item><itemmetadata>
<bbmd_questiontype>{kind}</bbmd_questiontype><qmd_absolutescore_max>4.0</qmd_absolutescore_max></itemmetadata>
<presentation><flow><material><mat_extension>
<mat_formattedtext type="HTML">&lt;p&gt;Which?&lt;/p&gt;</mat_formattedtext>
</mat_extension></material><response_lid ident="response" rcardinality="{many}"><render_choice>{labels}</render_choice>
</response_lid></flow></presentation><resprocessing><outcomes><decvar varname="SCORE" maxvalue="4.0"/></outcomes>
<respcondition title="correct"><conditionvar>{key}</conditionvar><setvar variablename="SCORE" action="Set">SCORE.max
</setvar>
<displayfeedback linkrefid="correct"/></respcondition>
<respcondition title="incorrect"><conditionvar><other/></conditionvar>
<setvar variablename="SCORE" action="Set">0</setvar></respcondition><respcondition><conditionvar>
<varequal respident="h2"/></conditionvar><setvar variablename="SCORE" action="Set">0</setvar>
<displayfeedback linkrefid="h2"/></respcondition></resprocessing><itemfeedback ident="h2"><material><mat_extension>
<mat_formattedtext type="PLAIN_TEXT">two it is</mat_formattedtext></mat_extension></material></itemfeedback>
</item></section></assessment></questestinterop>"""
LABEL = """<flow_label><response_label ident="{0}"><flow_mat><material><mat_extension>
<mat_formattedtext type="HTML">{1}</mat_formattedtext></mat_extension></material>
</flow_mat></response_label></flow_label>"""


@pytest.mark.parametrize(
    ("kind", "many", "key", "wanted"),
    [
        ("Multiple Choice", "Single", '<varequal respident="response">h2</varequal>', [None, True, None]),
        (
            "Multiple Answer",
            "Multiple",
            '<and><varequal respident="response">h1</varequal><varequal respident="response">h2</varequal>'
            '<not><varequal respident="response">h3</varequal></not></and>',
            [True, True, None],
        ),
    ],
)
def test_blackboards_keys_points_and_feedback_are_kept(
    kind: str, many: str, key: str, wanted: list[bool | None]
) -> None:
    from grader.formats.importing import import_bytes
    from grader.quizzes.model import Multiple, Single

    labels = "".join(LABEL.format(f"h{n}", text) for n, text in enumerate(("one", "two", "three"), start=1))
    text = BLACKBOARD.format(kind=kind, many=many, key=key, labels=labels)
    (item,) = import_bytes(text.encode(), "pool.dat", "qti12").items
    assert isinstance(item, Single | Multiple)
    assert (item.stem, item.points) == ("Which?", 4.0)
    assert [option.text for option in item.options] == ["one", "two", "three"]
    assert [option.key for option in item.options] == wanted
    assert item.options[1].feedback == "two it is"
