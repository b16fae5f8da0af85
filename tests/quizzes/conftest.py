"""A course whose only lab is a quiz with every type of item, and small banks written in a test."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.build.release import build_lab
from grader.paths import ROOT_VARIABLE, Course
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


@pytest.fixture(scope="session")
def quiz_template(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The course, built once; tests get copies of it."""
    root = tmp_path_factory.mktemp("quiz") / "course"
    shutil.copytree(FILES / "solutions", root / "solutions")
    (root / "quizzes").mkdir()
    for name in ("sample.yaml", "figures.py"):
        shutil.copyfile(FILES / name, root / "quizzes" / name)
    (root / "quizzes" / "secret").write_text("5e" * 32 + "\n")
    (root / "labs").mkdir()
    shutil.copyfile(REPO / "nbgrader_config.py", root / "nbgrader_config.py")
    build_lab(Course(root), LAB)
    return Course(root)


@pytest.fixture
def quiz_course(quiz_template: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A built quiz course of one's own, where commands and kernels find it."""
    root = tmp_path / "course"
    shutil.copytree(quiz_template.root, root)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.chdir(root)
    return Course(root)
