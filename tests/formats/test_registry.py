"""The registry, the commands over it, and what is told of losses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.course.paths import ROOT_VARIABLE
from grader.formats.model import registry
from grader.formats.model.registry import FEATURES, TYPES, Losses, export_bank, exporter, formats, used_features
from grader.quizzes.rendered import RenderedBank

REPO = Path(__file__).resolve().parent.parent.parent
SMALL = """\
title: A small bank
items:
  - id: sum-of-two
    type: single
    title: A sum
    objective: add two numbers
    lab: 05-dpo
    points: 2
    variants: 3
    given: a = variant + 1
    stem: What is ${{ a }} + 1$?
    options:
      - {text: "{{ a + 1 }}", claim: "a + 1 == a + 1", feedback: Right.}
      - {text: "{{ a + 7 }}", claim: "a + 7 == a + 1", feedback: Too much., misconception: adds seven}
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


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with one small bank."""
    (tmp_path / "quizzes").mkdir()
    (tmp_path / "solutions").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    (tmp_path / "quizzes" / "small.yaml").write_text(SMALL)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> str:
    """A format that can do next to nothing, registered for one test."""
    formats()
    monkeypatch.setattr(registry, "_FORMATS", dict(registry._FORMATS))

    @exporter("narrow", title="Narrow", suffix=".txt", types=("single",), features=("feedback",))
    def write(bank: RenderedBank, losses: Losses) -> bytes:
        losses.add(bank.items[0].id, "maths", "it is read aloud")
        return ",".join(item.id for item in bank.items).encode()

    return "narrow"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["quiz", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_loss_for_all_that_a_format_lacks(sample: RenderedBank, narrow: str) -> None:
    made = export_bank(sample, narrow)
    assert (made.data, made.items, made.file_name) == (b"loss-falls", 1, "sample.txt")
    left = {(loss.item, loss.field) for loss in made.losses if loss.field in TYPES}
    assert left == {(item.id, item.type) for item in sample.items if item.type != "single"}
    lost = {loss.field: loss.said for loss in made.losses if loss.item == "loss-falls"}
    assert lost.keys() == {"figures", "fixed options", "maths", "option feedback", "pools", "shuffle", "tags"}
    assert lost["maths"] == "it is read aloud"  # the writer's own words, once
    assert lost["pools"] == "Narrow cannot carry it"


def test_what_items_use(sample: RenderedBank) -> None:
    used = {item.id: used_features(sample, item) for item in sample.items}
    assert "partial credit" in used["what-beta-does"]
    assert "partial credit" not in used["loss-falls"]
    assert {"tolerance", "option feedback"} <= used["ln-two"]
    assert {"code"} <= used["what-prints"]
    assert "pools" in used["which-prints"]
    assert "points" in used["who-is-who"]
    assert not used_features(replace(sample, shuffle=False), sample.items[0]) & {"shuffle"}
    assert set().union(*used.values()) == set(FEATURES)


def test_a_format_that_can_carry_nothing_says_so(sample: RenderedBank, narrow: str) -> None:
    orders = tuple(item for item in sample.items if item.type == "order")
    with pytest.raises(ValueError, match="Narrow can carry none of its 1 items"):
        export_bank(replace(sample, items=orders, groups=(("ppo-steps",),)), narrow)


def test_every_format_knows_types_and_features() -> None:
    for name, known in formats().items():
        assert known.name == name
        assert known.types <= set(TYPES)
        assert known.features <= set(FEATURES)
        assert known.suffix.startswith(".")
    assert len({known.suffix for known in formats().values()}) == len(formats())


def test_all_formats_of_a_bank(course: Path) -> None:
    code, out, _ = run("export", "small", "--to", "all", "--out", str(course / "out"), "--variants", "2", "--json")
    told = json.loads(out)
    assert code == 0
    assert [entry["format"] for entry in told] == list(formats())
    for entry in told:
        assert Path(entry["file"]).stat().st_size == entry["bytes"] > 0
        assert entry["items"] + len({loss["item"] for loss in entry["losses"] if loss["field"] in TYPES}) == 2


def test_all_banks(course: Path) -> None:
    (course / "quizzes" / "other.yaml").write_text(SMALL)
    code, out, _ = run("export", "all", "--to", "qti21", "--out", str(course / "out"), "--json")
    assert code == 0
    assert [entry["bank"] for entry in json.loads(out)] == ["other", "small"]
    assert {path.name for path in (course / "out").iterdir()} == {"other.qti21.zip", "small.qti21.zip"}


def test_one_format_to_a_file_and_its_losses_on_the_console(course: Path) -> None:
    goal = course / "deep" / "quiz.zip"
    code, out, _ = run("export", "small", "--to", "imscc", "--out", str(goal))
    assert code == 0
    assert goal.read_bytes()[:2] == b"PK"
    assert "small imscc: order: Common Cartridge 1.1 has no items of this type; it is left out (an-order)" in out


def test_the_folder_by_default(course: Path) -> None:
    assert run("export", "small", "--to", "qti21")[0] == 0
    assert (course / "build" / "export" / "small.qti21.zip").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("small", "--to", "qti4"), "no format is called 'qti4'; there are: "),
        (("large", "--to", "qti21"), "no bank is called 'large'; there are: small."),
        (("missing.yaml", "--to", "qti21"), "there is no file missing.yaml"),
    ],
)
def test_wrong_use(course: Path, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = run("export", *arguments)
    assert code == 2
    assert said in err


def test_a_bank_that_is_not_true_is_not_exported(course: Path) -> None:
    bank = course / "quizzes" / "small.yaml"
    bank.write_text(SMALL.replace("a + 1 == a + 1", "a + 1 == a + 2"))
    code, _, err = run("export", "small", "--to", "qti21")
    assert code == 1
    assert "small.yaml:" in err
    assert not (course / "build" / "export").exists()


def test_the_matrix() -> None:
    code, out, _ = run("formats", "--json")
    told = {entry["name"]: entry for entry in json.loads(out)}
    assert code == 0
    assert told["imscc"]["types"] == ["single", "multiple", "numeric", "code-output"]
    assert "pools" in told["qti12"]["features"]
    assert "pools" not in told["imscc"]["features"]
    assert "cloze" in run("formats")[1]


def test_the_score_table(course: Path) -> None:
    code, out, _ = run("score-table", "small", "--variants", "1")
    assert code == 0
    assert out.splitlines()[:4] == [
        "item,variant,response,points",
        "sum-of-two,1,,0",
        "sum-of-two,1,2,2",
        "sum-of-two,1,8,0",
    ]
    goal = course / "table" / "small.csv"
    assert run("score-table", "small", "--variants", "1", "--out", str(goal))[0] == 0
    assert goal.read_text() == out
