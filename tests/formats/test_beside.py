"""The table of quizzes/README.md is what the script finds; our importer reads the other programs' keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.formats.importing import import_file
from grader.quizzes.model import Multiple, Numeric, Single
from tests.formats import beside

README = Path(__file__).resolve().parent.parent.parent / "quizzes" / "README.md"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages of the other programs."""
    folder = tmp_path_factory.mktemp("beside")
    beside.make(folder)
    return folder


def test_the_readme_has_the_table_that_the_script_prints(made: Path) -> None:
    assert beside.table(made) in README.read_text("utf-8")


@pytest.mark.parametrize("tool", beside.TOOLS)
def test_every_item_is_a_package_or_a_reason(made: Path, tool: str) -> None:
    for feature in beside.FEATURES:
        name = f"{tool}-{feature.replace(' ', '-')}"
        assert (made / f"{name}.zip").is_file() != (made / f"{name}.txt").is_file()


def test_our_importer_reads_the_keys_of_text2qti(made: Path) -> None:
    (one,) = import_file(made / "text2qti-feedback-a-choice.zip").items
    assert isinstance(one, Single)
    assert {option.text: bool(option.key) for option in one.options} == {"1 + 1 = 2": True, "1 + 1 = 3": False}
    assert {option.feedback for option in one.options} == {"Right.", "One too many."}
    (many,) = import_file(made / "text2qti-partial-credit.zip").items
    assert isinstance(many, Multiple)
    assert {option.text for option in many.options if option.key} == {"two", "four"}
    (number,) = import_file(made / "text2qti-numbers.zip").items
    assert isinstance(number, Numeric)
    assert float(number.answer.value) == pytest.approx(0.69)
    first, second = import_file(made / "text2qti-pools.zip").items
    assert first.group == second.group != ""


def test_our_importer_reads_the_keys_of_qti_package_maker(made: Path) -> None:
    (many,) = import_file(made / "qti-package-maker-partial-credit.zip").items
    assert isinstance(many, Multiple)
    assert {option.text for option in many.options if option.key} == {"two", "four"}
    (pairs,) = import_file(made / "qti-package-maker-match.zip").items
    assert [(pair.left, pair.right) for pair in pairs.pairs] == [("2 squared", "four"), ("3 squared", "nine")]
    (number,) = import_file(made / "qti-package-maker-numbers.zip").items
    assert float(number.answer.value) == pytest.approx(0.69)
