"""Blackboard's packages and uploads: another program reads every key; every response earns our mark."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from lxml import html as lxml_html
from lxml.etree import _Element as Element

from grader.formats.blackboard.parts import STUB
from grader.formats.model.pools import Question, numbered, pools
from grader.formats.model.registry import Losses, export_bank
from grader.formats.model.responses import Given, marked
from grader.formats.model.richtext import plain
from grader.formats.model.typed import accepted
from grader.quizzes.rendered import RenderedBank, RenderedPart
from labkit.quiz.answers import read_answer
from tests.formats.conftest import BANKS, rendered
from tests.formats.foreign import foreign_python

SECRET = b"for tests" + bytes(23)
SCRIPT = Path(__file__).with_name("read_with_qti_package_maker.py")
BB = "{http://www.blackboard.com/content-packaging/}"
LETTERED = re.compile(r"^(?:[A-Za-z]|\d+)[.:)]\s+")  # what reads like a letter before an option goes where it is read
Read = dict[tuple[str, str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """What qti-package-maker reads in the files of every bank, by bank and format; one process reads them all."""
    folder = tmp_path_factory.mktemp("blackboard")
    files = {}
    for path in BANKS:
        for name, suffix in (("blackboard", "zip"), ("blackboard-text", "txt")):
            files[path.stem, name] = folder / f"{path.stem}.{suffix}"
            files[path.stem, name].write_bytes(export_bank(rendered(path), name).data)
    command = [str(foreign_python()), str(SCRIPT), *map(str, files.values())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(files, json.loads(done.stdout), strict=True))


def flat(html: str) -> str:
    """The words of a fragment."""
    spaced = html.replace("<br", " <br")
    text = " ".join("".join(lxml_html.fragment_fromstring(spaced, create_parent="div").itertext()).split())
    return LETTERED.sub("", text)


def words(html: str) -> str:
    """The words of one of our fragments, formulas as TeX between dollars."""
    from grader.formats.model.richtext import Style, rich

    return flat(rich(html, Style(maths="tex-double", code="plain")))


def left_right(question: Question) -> tuple[list[str], list[str]]:
    parts = question.variant.parts
    return [p.label for p in parts], [next(o.html for o in p.options if o.true) for p in parts]


def require_key(question: Question, found: dict[str, Any]) -> None:
    """The key that was read is ours."""
    parts = question.variant.parts
    part, kind = parts[0], found["type"]
    true = [words(option.html) for option in part.options if option.true]
    if kind == "FIB":
        assert found["answers_list"] == [" ".join(text.split()) for text in right_texts(part)]
    elif question.item.type == "code-output" and not part.options:
        assert (kind, flat(found["answer_text"])) == ("MC", " ".join(part.answers[0].answer.split()))
    elif kind == "MC":
        assert [flat(found["answer_text"])] == true
        assert sorted(map(flat, found["choices_list"])) == sorted(words(o.html) for o in part.options)
    elif kind == "MA":
        assert sorted(map(flat, found["answers_list"])) == sorted(true)
    elif kind == "NUM":
        span = accepted(part)
        assert found["answer_float"] == pytest.approx(float(span.middle), abs=1e-6)
        assert found["tolerance_float"] == pytest.approx(float(span.reach), abs=1e-6)
    elif kind == "ORDER":
        assert list(map(flat, found["ordered_answers_list"])) == [words(right) for right in left_right(question)[1]]
    elif kind == "MATCH":
        lefts, rights = left_right(question)
        assert list(map(flat, found["prompts_list"])) == list(map(words, lefts))
        assert list(map(flat, found["choices_list"]))[: len(rights)] == list(map(words, rights))
    else:
        assert kind == "MULTI_FIB"
        assert {name: [flat(text) for text in texts] for name, texts in found["answer_map"].items()} == {
            p.id: [" ".join(text.split()) for text in right_texts(p)] for p in parts
        }


def right_texts(part: RenderedPart) -> list[str]:
    if part.options:
        return [" ".join(plain(option.html).split()) for option in part.options if option.true]
    return [answer.answer for answer in part.answers if answer.credit]


@pytest.mark.parametrize("name", ["blackboard", "blackboard-text"])
def test_another_program_reads_every_question_and_its_key(bank: RenderedBank, read: Read, name: str) -> None:
    found = read[bank.bank, name]
    gone = {loss.item for loss in export_bank(bank, name).losses if loss.field == "code-output"}
    in_order = (
        [question for pool in pools(bank) for question in pool.questions]
        if name == "blackboard"
        else list(numbered(bank, Losses()))
    )
    expected = [question for question in in_order if question.item.id not in gone]
    assert len(found) == len(expected)
    for question, one in zip(expected, found, strict=True):
        require_key(question, one)


# The package -------------------------------------------------------------------------------------------------------


def unpacked(bank: RenderedBank) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(export_bank(bank, "blackboard").data)) as package:
        return {path: package.read(path) for path in package.namelist()}


def test_the_manifest_lists_every_resource_and_the_test_draws_from_every_pool(bank: RenderedBank) -> None:
    files = unpacked(bank)
    resources = etree.fromstring(files["imsmanifest.xml"]).findall("resources/resource")
    assert {one.get(f"{BB}file") for one in resources} == {path for path in files if path.endswith(".dat")}
    kinds = {one.get("identifier"): one.get("type") for one in resources}
    (test,) = [one for one in resources if one.get("type") == "assessment/x-bb-qti-test"]
    whole = etree.fromstring(files[test.get(f"{BB}file")])
    drawn = [element.text for element in whole.iter("sourcebank_ref")]
    assert drawn == [name for name, kind in kinds.items() if kind == "assessment/x-bb-qti-pool"]
    assert {element.text for element in whole.iter("selection_number")} == {"1"}
    worth = [float(e.text) for e in whole.findall("assessment/section/section/sectionmetadata/qmd_weighting")]
    assert worth == [pool.points for pool in pools(bank)]


def test_every_figure_is_there_and_described_and_linked(sample: RenderedBank) -> None:
    files = unpacked(sample)
    texts = "".join(data.decode() for path, data in files.items() if path.endswith(".dat"))
    used = {piece.split('"')[0].split("&")[0] for piece in texts.split(STUB)[1:]}
    assert used
    for token in used:
        assert files[f"csfiles/home_dir/__{token}.png"].startswith(b"\x89PNG")
        assert token.removeprefix("xid-") in files[f"csfiles/home_dir/__{token}.png.xml"].decode()
        assert f"<resourceId>{token.removeprefix('xid-')}</resourceId>" in texts
    owners = set(
        etree.fromstring(files[max(path for path in files if path.endswith(".dat"))]).xpath("//parentId/text()")
    )
    assert owners <= {
        text
        for path, data in files.items()
        if path.endswith(".dat")
        for text in etree.fromstring(data).xpath("//item/itemmetadata/bbmd_asi_object_id/text()")
    }


# Marks -------------------------------------------------------------------------------------------------------------


def share(item: Element, given: dict[str, Any]) -> float:
    """What a response earns, by what Blackboard does with an item of its kind."""
    kind = item.findtext("itemmetadata/bbmd_questiontype")
    partial = item.findtext("itemmetadata/bbmd_partialcredit") == "true"
    conditions = item.findall("resprocessing/respcondition")
    if kind == "Matching":
        tests = [condition.find("conditionvar/varequal") for condition in conditions[:-1]]
        right = sum(given.get(test.get("respident")) == test.text for test in tests)
        return right / len(tests) if partial else float(right == len(tests))
    if kind == "Fill in the Blank Plus":
        groups = conditions[0].findall("conditionvar/and/or")
        right = sum(any(same(test, given) for test in group) for group in groups)
        return right / len(groups) if partial else float(right == len(groups))
    if kind == "Multiple Answer":
        ticked = given.get("response", [])
        names = list(conditions[0].find("conditionvar/and").iter("varequal"))
        wanted = {test.text for test in names if test.getparent().tag != "not"}
        if not partial:
            return float(bool(ticked) and set(ticked) == wanted)
        worth = {c.find("conditionvar/varequal").get("respident"): float(c.findtext("setvar")) for c in conditions[2:]}
        return max(0.0, sum(worth[name] for name in ticked) / 100)
    if kind == "Numeric":
        low, high = conditions[0].find("conditionvar/vargte"), conditions[0].find("conditionvar/varlte")
        return float("response" in given and float(low.text) <= float(given["response"]) <= float(high.text))
    return float(any(same(test, given) for c in conditions[:-1] for test in c.findall("conditionvar/varequal")))


def same(test: Element, given: dict[str, Any]) -> bool:
    answer = given.get(test.get("respident"))
    if isinstance(answer, list) or answer is None:
        return bool(answer) and test.text in answer
    return answer == test.text if test.get("case") == "Yes" else answer.casefold() == (test.text or "").casefold()


def as_given(question: Question, item: Element, given: Given) -> dict[str, Any]:
    """A response by the names in the file, which stand for the options in the order of the bank."""
    made: dict[str, Any] = {}
    kind = item.findtext("itemmetadata/bbmd_questiontype")
    parts = question.variant.parts
    by_text = {
        flat(label.findtext("flow_mat/material/mat_extension/mat_formattedtext") or ""): label.get("ident")
        for label in item.iter("response_label")
    }
    for place, part in enumerate(parts):
        answer = given.get(part.id)
        if answer is None:
            continue
        if kind == "Matching":
            flow = item.findall(".//flow[@class='RESPONSE_BLOCK']/flow")[place]
            rights = item.findall(".//flow[@class='RIGHT_MATCH_BLOCK']/flow")
            texts = [flat(one.findtext(".//mat_formattedtext") or "") for one in rights]
            names = [label.get("ident") for label in flow.iter("response_label")]
            made[flow.find("response_lid").get("ident")] = names[texts.index(words(part.options[answer[0]].html))]
        elif kind in ("Multiple Choice", "Multiple Answer"):
            texts = [words(part.options[n].html) for n in answer] if part.options else [" ".join(str(answer).split())]
            made["response"] = [by_text[text] for text in texts if text in by_text]
        elif isinstance(answer, tuple):
            made[part.id] = " ".join(plain(part.options[answer[0]].html).split())
        else:
            read = read_answer(part.kind, answer, decimals=part.decimals, case=part.case, code=part.code).answer
            made[part.id if kind == "Fill in the Blank Plus" else "response"] = read
    return made


def compared(bank: RenderedBank) -> Iterator[tuple[str, float, float]]:
    files = unpacked(bank)
    names = sorted(path for path in files if path.endswith(".dat"))
    items = [item for path in names for item in etree.fromstring(files[path]).iter("item")]
    questions = [question for pool in pools(bank) for question in pool.questions]
    gone = {loss.item for loss in export_bank(bank, "blackboard").losses if loss.field == "code-output"}
    kept = [question for question in questions if question.item.id not in gone]
    found = {(q.item.id, q.variant.variant): (q, item) for q, item in zip(kept, items, strict=True)}
    for item, variant, mark in marked(bank, SECRET):
        if (item.id, variant.variant) in found:
            question, written = found[item.id, variant.variant]
            yield f"{item.id}: {mark.said}", share(written, as_given(question, written, mark.given)), mark.share


def test_every_response_earns_what_our_scorer_gives(bank: RenderedBank) -> None:
    wrong = [(said, earned, ours) for said, earned, ours in compared(bank) if abs(earned - ours) > 0.0005]
    assert not wrong, wrong[:10]
