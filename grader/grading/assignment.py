"""What a grade depends on besides the submission: one assignment, as a frozen value that can be sent as bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.cells import imports_of
from grader.coursedir import gradebook
from grader.kernels.launch import Zygote, lab_zygote
from grader.kernels.limits import Limits
from grader.paths import Course
from grader.settings import NOTHING_SAID, CourseSettings, installed_version, load_settings

RUN = re.compile(r'^run\("(?P<lab>[^"]+)", "(?P<exercise>[^"]+)", globals\(\)\)', re.M)
QUIZ = re.compile(r'^run_quiz\("(?P<lab>[^"]+)", "(?P<bank>[^"]+)"\)', re.M)
GRADING_CODE = ("checks/*.py", "kernels/*.py", "quizzes/*.py", "grading/*.py", "hooks.py", "neutral.py", "settings.py")
DISTRIBUTIONS = ("numpy", "ipython", "nbgrader", "nbformat", "safetensors")  # and those that the course names


@dataclass(frozen=True)
class MasterCell:
    """A cell that nbgrader's gradebook knows: what a submission's cell of that name is restored to."""

    name: str
    cell_type: str
    source: str
    checksum: str
    locked: bool
    max_score: float | None


@dataclass(frozen=True)
class Assignment:
    """Everything that a grade depends on besides the submission and the environment."""

    lab: str
    release: str
    kernelspec: str | None
    cells: tuple[MasterCell, ...]
    checks: str
    fixtures: str
    secret: bytes
    banks: Mapping[str, str] = field(default_factory=dict)
    """Released quiz banks with their keys: the hash of what students have, and the bank as JSON."""
    limits: Limits = field(default_factory=Limits)
    sandboxed: bool = True
    settings: CourseSettings = NOTHING_SAID

    def to_bytes(self) -> bytes:
        """As JSON."""
        content = asdict(self) | {"secret": base64.b64encode(self.secret).decode("ascii"), "banks": dict(self.banks)}
        return json.dumps(content, sort_keys=True).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Assignment:
        """The inverse of `to_bytes`."""
        content = json.loads(data)
        content["secret"] = base64.b64decode(content["secret"])
        content["cells"] = tuple(MasterCell(**cell) for cell in content["cells"])
        content["limits"] = Limits(**content["limits"])
        content["settings"] = CourseSettings.from_json(json.dumps(content["settings"]))
        return Assignment(**content)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the assignment and of the environment that grades it: a change of either is another grade."""
        parts = hashlib.sha256(self.to_bytes())
        parts.update(environment(self.settings.distributions).encode())
        return parts.hexdigest()

    @cached_property
    def released(self) -> NotebookNode:
        """The released notebook, read once; nobody changes it."""
        return nbformat.reads(self.release, as_version=4)

    def exercises(self) -> dict[str, str]:
        """The exercise that each hidden cell checks, by the cell's name."""
        return {c.name: found["exercise"] for c in self.cells if (found := RUN.search(c.source))}

    def quizzes(self) -> dict[str, str]:
        """The bank that each graded quiz cell scores, by the cell's name."""
        return {c.name: found["bank"] for c in self.cells if (found := QUIZ.search(c.source))}

    def max_scores(self) -> dict[str, float]:
        """The most that each graded cell can give."""
        return {cell.name: cell.max_score for cell in self.cells if cell.max_score is not None}

    def imports(self) -> list[list[str]]:
        """What the lab's notebook imports outside demo cells: lists of a module and names taken from it."""
        return imports_of(self.released)


def load_assignment(course: Course, lab: str, limits: Limits | None = None, sandboxed: bool = True) -> Assignment:
    """Read one assignment from the gradebook, `labs/` and `solutions/`.

    Raises:
        LookupError: nbgrader does not know the lab.
    """
    folder = course.solutions / lab
    with gradebook(course) as book:
        notebook = book.find_notebook(lab, lab)
        scores = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
        cells = tuple(
            MasterCell(c.name, c.cell_type, c.source, c.checksum, bool(c.locked), scores.get(c.name))
            for c in notebook.source_cells
        )
        kernelspec = notebook.kernelspec
    return Assignment(
        lab=lab,
        release=(course.labs / lab / f"{lab}.ipynb").read_text(encoding="utf-8"),
        kernelspec=kernelspec,
        cells=cells,
        checks=_text(folder / "checks.py"),
        fixtures=_text(folder / "fixtures.py"),
        secret=course.secret(),
        banks=_banks(course, cells),
        limits=limits or Limits(),
        sandboxed=sandboxed,
        settings=load_settings(course.root).of_grades(),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _banks(course: Course, cells: tuple[MasterCell, ...]) -> dict[str, str]:
    """Every released bank that a quiz cell of these may need, by hash."""
    if not any(QUIZ.search(cell.source) for cell in cells):
        return {}
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(course.banks.glob("*.json"))}


def zygote_for(assignment: Assignment) -> Zygote:
    """Start, without waiting for it, a zygote that has imported what the assignment's notebook imports."""
    return lab_zygote(assignment.imports(), assignment.settings, assignment.sandboxed)


def environment(distributions: Iterable[str] = ()) -> str:
    """What a grade depends on in this installation: Python, the packages that labs use, and the code that checks."""
    versions: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}
    for name in (*DISTRIBUTIONS, *distributions):
        versions[name] = installed_version(name)
    for files in GRADING_CODE:
        code = hashlib.sha256()
        for path in sorted(Path(__file__).parent.parent.glob(files)):
            code.update(path.name.encode() + path.read_bytes())
        versions[files] = code.hexdigest()
    return json.dumps(versions, sort_keys=True)
