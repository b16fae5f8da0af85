"""The item banks of the course: proved, and as many sides, kinds and levels as they promise."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import nbformat
import pytest

from grader.course.paths import Course
from grader.course.settings import load_settings
from grader.quizzes.load import load
from grader.quizzes.model import AnyItem
from grader.quizzes.prove import prove
from grader.quizzes.table import has_plot, is_computed, shows_code

BANKS = (
    *("01-decoding", "02-reward-model", "03-ppo", "04-partition-function", "05-dpo"),
    *("07-grpo", "08-evaluation", "assessment"),
)


@pytest.fixture(scope="module")
def items(repo: Course) -> list[AnyItem]:
    return [item for path in repo.bank_files().values() for item in load(path).model.items]


def test_every_lab_has_its_bank(repo: Course) -> None:
    assert tuple(repo.bank_files()) == BANKS
    assert [repo.bank_of(lab) is not None for lab in repo.assignments()] == [True] * 8


@pytest.mark.parametrize("bank", BANKS)
def test_a_bank_is_proved(repo: Course, bank: str) -> None:
    """Every claim of every variant. It may take minutes where nothing is remembered of an earlier proof here."""
    proof = prove(repo.bank_files()[bank])
    assert [str(fault) for fault in proof.failures] == []
    assert proof.items >= (40 if bank == "assessment" else 24)
    assert proof.claimed >= 0.85


def test_an_item_says_what_it_is_for(items: list[AnyItem]) -> None:
    lacking = [item.id for item in items if not (item.bloom and item.difficulty and item.families and item.review)]
    assert lacking == []
    assert [item.id for item in items if item.group is None] == []


def test_each_family_of_mistakes_is_met_from_four_sides_and_more(repo: Course, items: list[AnyItem]) -> None:
    met = Counter(family for item in items for family in item.families)
    families = load_settings(repo.root).families
    assert len(families) == 20
    assert [family for family in families if met[family] < 4] == []


def test_there_are_items_of_every_kind(items: list[AnyItem]) -> None:
    kinds = Counter(item.type for item in items)
    assert len(items) >= 160
    assert sum(map(is_computed, items)) >= len(items) / 2
    assert sum(map(shows_code, items)) >= 20
    assert sum(map(has_plot, items)) >= 15
    assert kinds["numeric"] >= 10
    assert kinds["multiple"] >= 10
    assert kinds["order"] + kinds["match"] >= 6
    assert kinds["cloze"] >= 6
    assert {item.bloom for item in items} == {"remember", "understand", "apply", "analyse", "evaluate", "create"}


FEWER: dict[str, tuple[str, ...]] = {
    "asks as the provided assessment does, which a first attempt shows": (
        *(
            "what-temperature-does",
            "log-derivative",
            "who-varies-lengths",
            "what-ppoconfig-is",
            "why-z-is-out-of-reach",
        ),
        *("loss-against-u", "first-the-model"),
    ),
    "each variant makes, trains or loads models, which takes seconds": (
        *("scores-and-logits-of-generate", "what-the-optimizer-moves", "what-pays-most", "what-a-step-moves"),
        *("set-up-the-reference", "which-class-goes-on-training", "from-prompt-to-text", "rows-that-beams-return"),
    ),
    "its variants are other lines of code, each written by hand": (
        *("build-a-step", "a-sampling-loop", "how-long-is-the-output"),
    ),
    "its numbers go through all combinations of two short lists": (
        *("forbidden-so-far", "raters-for-a-sure-majority", "variance-that-is-explained"),
    ),
}
"""Computed items with fewer than twenty variants, by the reason."""


def test_computed_items_have_twenty_variants_but_those(items: list[AnyItem]) -> None:
    fewer = [item.id for item in items if is_computed(item) and item.variants < 20]
    assert sorted(fewer) == sorted(name for names in FEWER.values() for name in names)


def test_a_first_attempt_expects_three_quarters_of_who_did_the_labs(repo: Course) -> None:
    """By the authors' guesses, and with a core item in each group; the assessment's first ones are its core."""
    for path in repo.bank_files().values():
        model = load(path).model
        items = {item.id: item for item in model.items}
        core = [items[group[0]] for group in model.groups()]
        assert path.stem == "assessment" or all(item.core for item in core)
        guesses = [item.difficulty or 0.0 for item in core]
        assert 0.715 <= sum(guesses) / len(guesses) <= 0.785, path.stem


@cache
def anchors(notebook: Path) -> frozenset[str]:
    """JupyterLab names a heading by its text with hyphens for spaces, and without the marks of code."""
    cells = nbformat.read(notebook, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return frozenset(one.replace("`", "").replace(" ", "-") for one in re.findall(r"^#+ (.+)$", text, re.M))


def test_review_links_lead_to_headings_of_labs(repo: Course, items: list[AnyItem]) -> None:
    for item in items:
        assert item.review is not None
        lab, _, anchor = item.review.href.partition("#")
        assert anchor in anchors((repo.labs / item.lab.partition("#")[0] / lab).resolve()), item.id
        section = re.search(r"sections? (\d+)", item.review.label)
        if section and anchor[0].isdigit():
            assert anchor.startswith(f"{section[1]}-·-"), item.id


def test_nothing_is_offered_as_all_or_none_of_the_above(items: list[AnyItem]) -> None:
    texts = {(item.id, option.text) for item in items for option in getattr(item, "options", None) or ()}
    found = [text for text in texts if "of the above" in text[1].lower() or "none of these" in text[1].lower()]
    assert found == []
