"""A toy course that tests may break: a copy of tests/files/toy with the repository's own nbgrader_config.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from grader.build.release import build_lab
from grader.paths import ROOT_VARIABLE, Course

torch.set_num_threads(1)  # two threads on two busy cores wait for one another

REPO = Path(__file__).resolve().parent.parent
LAB = "01-toy"


@pytest.fixture(scope="session")
def repo() -> Course:
    """The course of this repository; tests read it and leave it alone."""
    return Course(REPO)


@pytest.fixture(scope="session")
def toy_template(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The toy course, built once; tests get copies of it."""
    root = tmp_path_factory.mktemp("toy") / "course"
    shutil.copytree(REPO / "tests" / "files" / "toy", root)
    (root / "labs").mkdir(exist_ok=True)
    shutil.copyfile(REPO / "nbgrader_config.py", root / "nbgrader_config.py")
    course = Course(root)
    build_lab(course, LAB)
    return course


@pytest.fixture
def toy(toy_template: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A built toy course of one's own, where commands and kernels find it."""
    root = tmp_path / "course"
    shutil.copytree(toy_template.root, root)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.chdir(root)
    return Course(root)
