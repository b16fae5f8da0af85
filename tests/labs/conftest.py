"""What the tests of every lab share: its solution, its checks, and its whole notebook, executed. A module names LAB."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from grader.build.notebooks import read_source, solution_namespace
from grader.cells import is_demo
from grader.checks.registry import LabChecks, load_lab
from grader.course.paths import ROOT_VARIABLE, Course

LINE = re.compile(r"(.+?): \d+ of (\d+) steps")


class Told(NotebookClient):
    """Runs a notebook, and writes down each text of each display that is shown more than once."""

    texts: dict[str, list[str]]

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        if msg["msg_type"] in ("display_data", "update_display_data"):
            place = msg["content"].get("transient", {}).get("display_id")
            if place:
                self.texts.setdefault(place, []).append(msg["content"]["data"].get("text/plain", ""))
        return super().process_message(msg, cell, cell_index)


@dataclass(frozen=True)
class Executed:
    """A solution notebook after all its cells ran, demo cells included."""

    cells: list[NotebookNode]
    texts: list[list[str]]  # of each display that lives, in order

    @property
    def lines(self) -> list[tuple[str, int]]:
        """What worked with a line that lives, and in how many steps."""
        found = [LINE.match(texts[-1]) for texts in self.texts]
        return [(line[1], int(line[2])) for line in found if line]

    @property
    def silent(self) -> list[str]:
        """Lines that tell less than each step, or each tenth of their steps."""
        heads = [LINE.match(texts[-1]) for texts in self.texts]
        told = [(line, texts[1:-1]) for line, texts in zip(heads, self.texts, strict=True) if line]
        return [line[0] for line, between in told if len(between) < min(int(line[2]), 10)]

    @property
    def outputs(self) -> list[NotebookNode]:
        return [output for cell in self.cells for output in cell.get("outputs", [])]

    @property
    def printed(self) -> str:
        return "".join(output.get("text", "") for output in self.outputs)

    @property
    def pictures(self) -> int:
        """Pictures that say in words what they show."""
        return sum('alt="' in output.get("data", {}).get("text/html", "") for output in self.outputs)

    @property
    def points(self) -> float:
        """What the hidden cells ended in, added up."""
        hidden = [cell for cell in self.cells if cell.id.endswith("-hidden")]
        return sum(float(cell.outputs[-1]["data"]["text/plain"]) for cell in hidden)


@pytest.fixture(scope="module")
def solution(request: pytest.FixtureRequest, repo: Course) -> dict[str, Any]:
    """What the solution's graded cells define."""
    return solution_namespace(request.module.LAB, repo)


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, repo: Course) -> LabChecks:
    return load_lab(repo.solutions / request.module.LAB)


@pytest.fixture(scope="module")
def solutions(repo: Course) -> Callable[[str], dict[str, Any]]:
    """What the graded cells of a lab's solution define."""
    return cache(lambda lab: solution_namespace(lab, repo))


@pytest.fixture(scope="module")
def shown(repo: Course, solutions: Callable[[str], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """What a lab's solution defines, and then its demo cells that hold one of some texts, each found once."""

    def run(lab: str, *texts: str, **given: Any) -> dict[str, Any]:
        cells = [cell.source for cell in read_source(repo.solutions / lab / "lab.py").cells if is_demo(cell)]
        assert [sum(text in cell for cell in cells) for text in texts] == [1] * len(texts)
        names = solutions(lab) | given
        for cell in cells:
            if any(text in cell for text in texts):
                exec(compile(cell, f"<{lab}>", "exec"), names)
        return names

    return run


@pytest.fixture
def without_demos(
    request: pytest.FixtureRequest, repo: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What is defined after the graded cells and the visible checks alone, in a folder without a model or data."""
    name = request.module.LAB
    shutil.copy(repo.labs / name / f"{name}.help.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in read_source(repo.solutions / name / "lab.py").cells:
        if cell.cell_type == "code" and not is_demo(cell) and not cell["id"].endswith("-hidden"):
            exec(compile(cell.source, f"<{cell['id']}>", "exec"), namespace)
    return namespace


@pytest.fixture
def executed(request: pytest.FixtureRequest, repo: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Executed:
    """The whole solution notebook in the kernel that it asks for; its hidden cells find the course by the variable.

    A module may say in REPLACED what runs shorter.
    """
    monkeypatch.setenv(ROOT_VARIABLE, str(repo.root))
    name = request.module.LAB
    notebook = read_source(repo.solutions / name / "lab.py")
    for cell in notebook.cells:
        for text, shorter in {"rlhf.smol_installed()": "False", **getattr(request.module, "REPLACED", {})}.items():
            cell.source = cell.source.replace(text, shorter)
    folder = tmp_path / name
    folder.mkdir()
    nbformat.write(notebook, folder / f"{name}.ipynb")
    for file in (repo.labs / name).glob("*.json"):  # the quiz, the visible checks
        shutil.copy(file, folder)
    client = Told(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.texts = {}
    client.execute()
    return Executed(notebook.cells, list(client.texts.values()))
