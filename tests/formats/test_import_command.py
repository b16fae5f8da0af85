"""`grader quiz import`: what it writes, what it tells, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from grader.course.paths import ROOT_VARIABLE
from grader.formats.importing import detect
from grader.formats.model.registry import export_bank
from grader.quizzes.load import load
from grader.quizzes.prove import prove
from grader.quizzes.rendered import RenderedBank

REPO = Path(__file__).resolve().parents[2]
ATTEMPT = REPO / "tests" / "files" / "import" / "attempt.txt"
GIFT = "// [id:sums] [tag:lab: 05-dpo]\n::Sums:: What is 2 \\= 2? {=true#Yes. ~false#No. ~maybe#Neither.}\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["quiz", "import", *map(str, arguments)])


def test_a_file_that_is_read_whole_becomes_a_bank_that_proves(tmp_path: Path) -> None:
    file, bank = tmp_path / "sums.gift", tmp_path / "sums.yaml"
    file.write_text(GIFT)
    result = run(file, "--out", bank, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["format"], told["items"], told["unread"]) == ("gift", {"single": 1}, [])
    (item,) = load(bank).model.items
    assert (item.id, item.lab, item.source) == ("sums", "05-dpo", "imported from sums.gift")
    assert prove(bank).failures == ()


def test_it_says_what_is_left_to_do_and_the_bank_is_proved_where_it_lies(tmp_path: Path) -> None:
    file, bank = tmp_path / "some.gift", tmp_path / "a folder" / "some.yaml"
    file.write_text(GIFT + "\n::Open::[html]Which?<img src='x.png' alt='a curve'>{~a ~b ~c}\n")
    result = run(file, "--out", bank)
    assert result.exit_code == 1  # something was not read
    said = result.stdout.splitlines()
    assert "- say what is right: open" in said
    assert "- look at the pictures: open" in said
    assert any(
        line.startswith("- give a claim to what code can decide") and line.endswith(": sums, open") for line in said
    )
    assert "- replace what says (imported …): 2 × misconception, 3 × feedback, 2 × objective" in said
    assert said[-1] == f"then prove it where it lies: grader quiz prove '{bank}'"
    proved = CliRunner().invoke(app, ["quiz", "prove", str(bank), "--json"])
    assert proved.exit_code == 1
    (failure, *_) = json.loads(proved.stdout)[0]["failures"]
    assert (failure["item"], failure["file"]) == ("open", str(bank))
    file.write_text(GIFT)
    assert run(file, "--out", bank, "--force").exit_code == 0
    proved = CliRunner().invoke(app, ["quiz", "prove", str(bank), "--json"])
    assert (proved.exit_code, json.loads(proved.stdout)[0]["items"]) == (0, 1)


def test_a_bank_that_is_not_there_is_told(tmp_path: Path) -> None:
    for bank in (str(tmp_path / "none.yaml"), "none"):
        result = CliRunner().invoke(app, ["quiz", "prove", bank])
        assert result.exit_code == 2
        assert "none" in result.stderr


def test_what_was_not_read_is_listed_and_the_verdicts_are_replayed(tmp_path: Path) -> None:
    result = run(ATTEMPT, "--out", tmp_path / "attempt.yaml")
    assert result.exit_code == 1
    assert "the verdicts replay to 60% (3 of 5 points); the file says 60%" in result.stdout
    assert "3 notes" in result.stdout


def test_a_bank_that_is_there_is_kept_unless_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    (tmp_path / "solutions").mkdir()
    (tmp_path / "nbgrader_config.py").touch()
    file, bank = tmp_path / "Sums of two.gift", tmp_path / "build" / "import" / "sums-of-two.yaml"
    file.write_text(GIFT)
    assert run(file).exit_code == 0
    bank.write_text("mine")
    refused = run(file)
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr
    assert bank.read_text() == "mine"
    assert run(file, "--force").exit_code == 0
    assert "Sums" in bank.read_text()


def test_wrong_use_is_told_in_a_line(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter to a friend.")
    for arguments in ((letter,), (tmp_path / "missing.xml",), (letter, "--from", "word")):
        result = run(*arguments, "--out", tmp_path / "bank.yaml")
        assert result.exit_code == 2
        assert result.stderr.startswith("grader: ")
        assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "bank.yaml").exists()


@pytest.mark.parametrize("name", ["moodle-xml", "gift", "qti12", "qti21"])
def test_the_format_is_found_out(sample: RenderedBank, name: str) -> None:
    assert detect(export_bank(sample, name).data) == name
