"""The page of a bank for authors, and the counts in the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import html

from grader.build.counts import check_counts, write_counts
from grader.paths import Course
from grader.quizzes.load import load
from grader.quizzes.model import BankModel
from grader.quizzes.preview import preview
from grader.quizzes.table import BEGIN, END, counted, tables

FILES = Path(__file__).resolve().parents[1] / "files" / "quiz"
FAMILIES = {"beta": "what larger and smaller β do", "label-noise": "noisy labels"}


@pytest.fixture(scope="module")
def sample() -> BankModel:
    return load(FILES / "sample.yaml").model


def test_the_page_has_every_item_with_its_key_claims_feedback_and_figure(sample: BankModel) -> None:
    page, faults = preview(FILES / "sample.yaml", variants=20)
    assert faults == []
    tree = html.fromstring(page)
    for item in sample.items:
        [article] = tree.xpath(f"//article[@id='{item.id}']")
        text = article.text_content()
        assert item.objective in text
        assert article.xpath(".//*[contains(., '✓')]") or article.xpath(".//table"), item.id
        assert len(article.xpath(".//h3")) == item.variants - 1
        assert len(article.xpath(".//div[@class='stem']//img")) == item.variants * (item.figure is not None)
        for option in getattr(item, "options", None) or ():
            claim = getattr(option, "claim", None)
            assert claim is None or article.xpath(f".//code[@class='claim'][contains(., {claim!r})]"), claim
            assert option.misconception is None or option.misconception in text
    assert not re.search(r"""(?:src|href)=["']https?:""", page)


def test_what_does_not_hold_stands_at_the_top(tmp_path: Path) -> None:
    text = (FILES / "small.yaml").read_text()
    assert text.count("misconception") >= 1
    broken = tmp_path / "small.yaml"
    broken.write_text(re.sub(r"\n *misconception: .*", "", text, count=1))
    page, faults = preview(broken)
    assert len(faults) >= 1
    said = html.fromstring(page).xpath("//section[@class='faults']//li/text()")
    assert said == [str(fault) for fault in faults]


def test_counts_add_up(sample: BankModel) -> None:
    first, second, families = tables({"one": sample, "two": sample}, FAMILIES).split("\n\n")
    for table in (first, second, families):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        assert {len(row) for row in rows} == {len(rows[0])}
    rows = {line.split("|")[1].strip(): [int(n) for n in line.split("|")[2:-1]] for line in first.splitlines()[2:]}
    assert [2 * n for n in rows["one"]] == rows["**all**"]
    assert rows["one"][0] == len(sample.items) == sum(rows["one"][1:8])
    assert tables({"one": sample}, {}).count("\n\n") == 1  # a course that names no families has no table of them


def test_a_readme_without_the_marks_stays_as_it_is(sample: BankModel) -> None:
    assert counted("# quizzes\n", {"one": sample}, {}) == "# quizzes\n"
    once = counted(f"a\n{BEGIN}\nold\n{END}\nb\n", {"one": sample}, {})
    assert "old" not in once
    assert once.startswith("a\n")
    assert once.endswith("b\n")
    assert counted(once, {"one": sample}, {}) == once


def test_drift_of_the_counts_is_told_and_mended(quiz_course: Course) -> None:
    readme = quiz_course.quizzes / "README.md"
    readme.write_text(f"{BEGIN}\n{END}\n")
    assert [str(drift) for drift in check_counts(quiz_course)] == [
        f"{readme}: does not count what the banks hold; run `grader build`"
    ]
    assert write_counts(quiz_course) == [readme]
    assert check_counts(quiz_course) == []
    assert write_counts(quiz_course) == []
