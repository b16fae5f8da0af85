"""The labs read well: 88 columns, short cells, and every term is explained where it comes first."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

LABS = Path(__file__).resolve().parent.parent.parent / "labs"
NAMES = [folder.name for folder in sorted(LABS.glob("[0-9]*"))]
START = "00-start-here"
COLUMNS = 88
GLOSSARY = "## Glossary"
ENTRY = re.compile(r"^- (.+?): ", re.M)
# Where a term comes first in a form of its own.
FORMS = {
    "β": "β",
    "nat": "nats",
    "KL divergence": "KL divergence",
    "KL penalty": "KL penalty",
    "partition function": "Z",
    "Bradley–Terry model": "Bradley–Terry",
}
IN_FORMULAS = {
    "β",
    "π",
    "Z",
    "π_ref",
    "query",
    "response",
    "nucleus",
    "advantage",
    "partition function",
}  # introduced with a formula or a table


def cells(name: str, kind: str) -> list[str]:
    notebook = json.loads((LABS / name / f"{name}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("name", NAMES)
def test_code_is_at_most_88_columns_wide(name: str) -> None:
    shown = cells(name, "code")
    assert [line for source in shown for line in source.splitlines() if len(line) > COLUMNS] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_that_a_student_sees_is_longer_than_a_screen(name: str) -> None:
    assert [source for source in cells(name, "code") if len(source.splitlines()) > 25] == []


def terms() -> list[str]:
    """The terms of the glossary."""
    [glossary] = [source for source in cells(START, "markdown") if source.startswith(GLOSSARY)]
    return re.findall(r"\*\*(.+?)\*\*", glossary)


def test_the_glossary_is_in_order_and_its_links_lead_to_labs() -> None:
    [glossary] = [source for source in cells(START, "markdown") if source.startswith(GLOSSARY)]
    heads = [re.sub(r"[*^]", "", entry).casefold() for entry in re.findall(r"^- \*\*(.+?)\*\*", glossary, re.M)]
    assert heads == sorted(heads, key=lambda head: head.replace("β", "b").replace("π", "p"))
    targets = re.findall(r"\]\(\.\./(.+?)\)", glossary)
    assert [target for target in targets if not (LABS / target).is_file()] == []
    assert len(heads) > 20


@pytest.mark.parametrize("term", [term for term in terms() if term not in IN_FORMULAS])
def test_a_term_is_explained_where_it_comes_first(term: str) -> None:
    """In the order of the labs, headings apart, the first use is in bold, or spelled out in the same paragraph."""
    form = re.compile(rf"(?<![\w/`-]){re.escape(FORMS.get(term, term))}s?(?![\w`])", re.I)
    for name in NAMES:
        for source in cells(name, "markdown"):
            if source.startswith(GLOSSARY):
                continue
            text = "\n".join(line for line in source.splitlines() if not line.startswith("#"))
            if found := form.search(text):
                before = text[: found.start()]
                assert before.endswith("**") or before.count("**") % 2 == 1, f"{name}: …{text[: found.end()][-150:]}"
                return
    pytest.fail(f"{term} is used in no lab: take it out of the glossary.")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (START, "06-assessment")])
def test_each_lab_names_the_glossary(name: str) -> None:
    first = cells(name, "markdown")[0]
    assert "[glossary](../00-start-here/00-start-here.ipynb#Glossary)" in first


SYMBOLS = "## Symbols"
TAUGHT = ["01-decoding", "02-reward-model", "03-ppo", "04-partition-function", "05-dpo", "07-grpo", "08-evaluation"]
ONLY = {  # a letter in formulas, and the labs that it belongs to
    r"\\rho": ["03-ppo", "07-grpo"],  # the ratio of policy and old policy
    r"\\varepsilon": ["03-ppo", "07-grpo"],  # the clip range
    r"\\tau": ["01-decoding"],  # the temperature
    r"(?<![\\\w])T(?!\w)": ["04-partition-function", "07-grpo"],  # tokens of a response at most
    r"\\eta": ["05-dpo"],  # the probability that a label is wrong
}


def formulas(source: str) -> str:
    return " ".join(re.findall(r"\$\$.+?\$\$|\$.+?\$", source, re.S))


@pytest.mark.parametrize("name", TAUGHT)
def test_each_lab_has_a_table_of_symbols_with_no_letter_twice(name: str) -> None:
    [table] = [source for source in cells(name, "markdown") if source.startswith(SYMBOLS)]
    heads = [row.split(" | ")[0] for row in table.splitlines() if row.startswith("| $")]
    letters = [re.sub(r"\(.*?\)|\s", "", part) for head in heads for part in re.findall(r"\$(.+?)\$", head)]
    assert len(letters) == len(set(letters)) > 5
    assert "[table](#Symbols)" in cells(name, "markdown")[0]


@pytest.mark.parametrize(("letter", "homes"), ONLY.items())
def test_a_letter_means_the_same_in_every_lab(letter: str, homes: list[str]) -> None:
    text = {
        name: formulas(" ".join(source for source in cells(name, "markdown") if not source.startswith(SYMBOLS)))
        for name in TAUGHT
    }
    assert [name for name in TAUGHT if re.search(letter, text[name])] == homes


def test_a_ratio_is_no_reward() -> None:
    """r is a reward, in lab 03 too, where Schulman's r is a ratio: d is the difference of the log-probs."""
    assert not re.search(r"\blog r\b", formulas(" ".join(cells("03-ppo", "markdown"))))
