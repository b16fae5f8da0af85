"""Each format has a page that explains it; the table of marks as JSON; and a bank that a format cannot carry at all."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import grader.formats as package
from grader.cli import app
from grader.course.paths import ROOT_VARIABLE
from grader.formats.model.registry import FEATURES, TYPES, NothingCarriedError, export_bank, formats
from grader.formats.model.score_table import score_json, score_table
from grader.quizzes.rendered import RenderedBank

PAGES = Path(package.__path__[0])
ONLY_ORDER = """\
title: Orders
items:
  - id: an-order
    type: order
    title: An order
    objective: count to three
    lab: 05-dpo
    source: Peano 1889, axiom 6
    stem: Put them in order.
    entries: [{text: one}, {text: two}, {text: three}]
    feedback: Right.
    otherwise: Count.
"""


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["quiz", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_every_format_has_a_page_and_every_page_a_format() -> None:
    assert {path.stem for path in PAGES.glob("*/*.md")} - {"README"} == set(formats())


SYSTEMS = [
    path.name for path in PAGES.iterdir() if path.name not in ("model", "reading") and (path / "__init__.py").exists()
]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_folder_says_what_its_system_is_known_to_do_and_stands_in_the_table(system: str) -> None:
    """Its page names every module and page that lies there; the table names every format that it writes."""
    said = (PAGES / system / "README.md").read_text("utf-8")
    for module in (PAGES / system).glob("*.py"):
        assert module.stem == "__init__" or f"`{module.stem}`" in said, module
    (row,) = re.findall(rf"(?m)^\| \[{system}/\]\({system}/README.md\) \|.*$", (PAGES / "README.md").read_text("utf-8"))
    for page in (PAGES / system).glob("*.md"):
        assert page.stem == "README" or (f"({page.name})" in said and f"`{page.stem}`" in row)


@pytest.mark.parametrize("name", list(formats()))
def test_a_page_says_how_to_import_and_what_changes(name: str) -> None:
    known = formats()[name]
    code, out, _ = run("formats", "--explain", name)
    assert code == 0
    assert known.guide.startswith("# ")
    assert f"`grader quiz export BANK --to {name}` writes `BANK{known.suffix}`." in out
    steps = known.guide.split("## Import it")[1].split("## What changes")
    assert re.findall(r"^(\d+)\. ", steps[0], re.MULTILINE)[0] == "1"
    assert re.search(r"^- ", steps[1], re.MULTILINE)
    assert known.suffix.rpartition(".")[2] in steps[0] or known.suffix in out
    assert all(len(line) < 200 for line in known.guide.splitlines())
    for lost in [kind for kind in TYPES if kind not in known.types]:
        assert lost in out.split("It has no types for: ")[1].split("\n")[0]


def test_a_page_as_json() -> None:
    told = json.loads(run("formats", "--explain", "kahoot", "--json")[1])
    assert told["suffix"] == ".kahoot.xlsx"
    assert told["lost"]["types"] == ["numeric", "order", "match", "cloze"]
    assert set(told["lost"]["features"]) == set(FEATURES) - {"shuffle"}
    assert told["guide"] == formats()["kahoot"].guide


def test_an_unknown_format_is_wrong_use() -> None:
    code, _, err = run("formats", "--explain", "qti4")
    assert code == 2
    assert "no format is called 'qti4'; there are: anki, blackboard" in err


# Nothing carried ---------------------------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "quizzes").mkdir()
    (tmp_path / "solutions").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    (tmp_path / "quizzes" / "orders.yaml").write_text(ONLY_ORDER)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return tmp_path


def test_a_format_that_carries_nothing_stops_no_other(course: Path) -> None:
    code, out, _ = run("export", "orders", "--to", "all", "--out", str(course / "out"), "--json")
    told = {entry["format"]: entry for entry in json.loads(out)}
    assert code == 0
    assert set(told) == set(formats())
    assert told["kahoot"]["file"] is None
    assert [loss["item"] for loss in told["kahoot"]["losses"]] == ["an-order"]
    written = {path.name for path in (course / "out").iterdir()}
    assert written == {f"orders{f.suffix}" for f in formats().values() if "order" in f.types}


def test_alone_it_is_an_error(course: Path) -> None:
    code, _, err = run("export", "orders", "--to", "kahoot", "--out", str(course / "orders.xlsx"))
    assert (code, (course / "orders.xlsx").exists()) == (2, False)
    assert "orders: Kahoot spreadsheet can carry none of its 1 items." in err


def test_the_error_crosses_processes(sample: RenderedBank) -> None:
    orders = tuple(item for item in sample.items if item.type == "order")
    bank = RenderedBank(**{**vars(sample), "items": orders, "groups": (("ppo-steps",),)})
    with pytest.raises(NothingCarriedError) as raised:
        export_bank(bank, "wooclap")
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.losses) == (str(raised.value), raised.value.losses)
    assert again.losses[0].item == "ppo-steps"


# Marks as JSON -----------------------------------------------------------------------------------------------------


def test_the_json_has_the_rows_of_the_table(bank: RenderedBank) -> None:
    told = json.loads(score_json(bank))
    lines = score_table(bank).splitlines()[1:]
    assert told["bank"] == bank.bank
    assert len(told["responses"]) == len(lines)
    for row, line in zip(told["responses"], lines, strict=True):
        assert line.startswith(f"{row['item']},{row['variant']},")
        assert line.endswith(f",{row['points']:g}")


def test_the_json_says_what_each_response_was(sample: RenderedBank) -> None:
    told = json.loads(score_json(sample))
    questions = {(one["item"], one["variant"]): one for one in told["questions"]}
    assert len(questions) == sum(len(item.variants) for item in sample.items)
    for row in told["responses"]:
        parts = {part["id"]: part for part in questions[row["item"], row["variant"]]["parts"]}
        for name, answer in row["given"].items():
            if isinstance(answer, list):
                assert all(parts[name]["options"][place]["text"] in row["response"] for place in answer)
            else:
                assert answer in row["response"]
    best = {key: max(r["points"] for r in told["responses"] if (r["item"], r["variant"]) == key) for key in questions}
    assert best == {key: one["points"] for key, one in questions.items()}


def test_the_command_writes_json(course: Path) -> None:
    goal = course / "table.json"
    code, out, _ = run("score-table", "orders", "--json", "--out", str(goal))
    assert code == 0
    assert out.startswith("7 responses in ")
    assert json.loads(run("score-table", "orders", "--json")[1]) == json.loads(goal.read_text())
