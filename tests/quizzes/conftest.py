"""Small banks written in a test, and the sample bank with its keys."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.quizzes.keyed import KeyedBank, parse_kept

REPO = Path(__file__).resolve().parents[2]
FILES = REPO / "tests" / "files" / "quiz"
LAB, BANK = "06-sample", "sample"

SMALL = (FILES / "small.yaml").read_text()


@pytest.fixture
def bank(tmp_path: Path) -> Callable[..., Path]:
    """`bank(text)` writes a bank; without a text, one with one proved item; `old`, `new` change one place."""

    def write(text: str = SMALL, old: str = "", new: str = "") -> Path:
        assert old in text
        path = tmp_path / "quizzes" / "small.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text).replace(old, new, 1) if old else textwrap.dedent(text))
        (path.parent / "secret").write_text("ab" * 32 + "\n")
        return path

    return write


@pytest.fixture(scope="session")
def kept() -> KeyedBank:
    """The sample bank with its keys."""
    return parse_kept((FILES / "sample.kept.json").read_text())
