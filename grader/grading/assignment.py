"""What a grade depends on besides the submission: one assignment, as a frozen value that can be sent as bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.cells import imports_of
from grader.course.settings import NOTHING_SAID, CourseSettings, installed_version
from grader.grading.configured import Steps
from grader.grading.given import Given
from grader.kernels.environments import (
    ANY_PYTHON,
    OWN,
    PYTHON_3,
    Environment,
    Program,
    program_from_json,
)
from grader.kernels.launch import Zygote, lab_zygote
from grader.kernels.limits import Limits

RUN = re.compile(r'^run\("(?P<lab>[^"]+)", "(?P<exercise>[^"]+)", globals\(\)\)', re.M)
QUIZ = re.compile(r'^run_quiz\("(?P<lab>[^"]+)", "(?P<bank>[^"]+)"\)', re.M)
GRADING_CODE = ("checks/*.py", "kernels/*.py", "quizzes/*.py", "grading/*.py", "course/*.py", "hooks.py", "neutral.py")
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
    """The most that it can give, for cells that are graded."""
    solution: bool = False
    task: bool = False


@dataclass(frozen=True)
class Master:
    """One notebook of an assignment, as it was released and as the gradebook knows it."""

    name: str
    release: str
    kernelspec: str | None
    cells: tuple[MasterCell, ...]

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


@dataclass(frozen=True)
class Assignment:
    """Everything that a grade depends on besides the submission and the environment."""

    lab: str
    masters: tuple[Master, ...]
    steps: Steps
    checks: str = ""
    cases: Mapping[str, str] = field(default_factory=dict)
    """By file: cases, what they import beside themselves, and which of them give the points."""
    fixtures: str = ""
    secret: bytes = b""
    banks: Mapping[str, str] = field(default_factory=dict)
    """Released quiz banks with their keys: the hash of what students have, and the bank as JSON."""
    given: Given = field(default_factory=Given)
    limits: Limits = field(default_factory=Limits)
    sandboxed: bool = True
    settings: CourseSettings = NOTHING_SAID
    environments: Mapping[str, Environment] = field(default_factory=dict)
    """The Python environments in which its notebooks run, by the name of the kernel."""
    programs: Mapping[str, Program] = field(default_factory=dict)
    """Kernels that are programs, which stock's Execute talks to: other languages, and settings that only it knows."""
    root: str = ""
    """The folder of the course, of which no kernel sees anything; a grade does not depend on it."""
    db: str = ""
    """The address of the gradebook, for a course's own steps that ask for it; nor on that."""

    def to_bytes(self) -> bytes:
        """As JSON."""
        content = asdict(self) | {"secret": base64.b64encode(self.secret).decode("ascii"), "banks": dict(self.banks)}
        return json.dumps(content | {"given": self.given.to_json()}, sort_keys=True).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Assignment:
        """The inverse of `to_bytes`."""
        content = json.loads(data)
        content["secret"] = base64.b64decode(content["secret"])
        content["masters"] = tuple(
            Master(**{**one, "cells": tuple(MasterCell(**cell) for cell in one["cells"])}) for one in content["masters"]
        )
        content["steps"] = Steps.from_json(content["steps"])
        content["given"] = Given.from_json(content["given"])
        content["limits"] = Limits(**content["limits"])
        content["settings"] = CourseSettings.from_json(json.dumps(content["settings"]))
        content["environments"] = {name: Environment.from_json(one) for name, one in content["environments"].items()}
        content["programs"] = {name: program_from_json(one) for name, one in content["programs"].items()}
        return Assignment(**content)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the assignment and of the environment that grades it: a change of either is another grade."""
        parts = hashlib.sha256(replace(self, root="", db="", given=replace(self.given, folder="")).to_bytes())
        parts.update(environment(self.settings.distributions).encode())
        return parts.hexdigest()

    @cached_property
    def alone(self) -> bool:
        """Whether it has one notebook."""
        return len(self.masters) == 1

    @cached_property
    def trusted(self) -> bool:
        """Whether checks or quizzes give its points, which no student code can reach; else its tests are ordinary."""
        return any(master.exercises() or master.quizzes() for master in self.masters)

    @cached_property
    def executes(self) -> bool:
        """Whether code of students runs at all: not for quizzes alone."""
        return not self.trusted or any(master.exercises() for master in self.masters)

    def max_score(self) -> float:
        """The most that it can give."""
        return sum(sum(master.max_scores().values()) for master in self.masters)

    def worth(self, cell: str) -> float:
        """The most that the cell of that name can give; 0 where there is none."""
        return next((scores[cell] for master in self.masters if cell in (scores := master.max_scores())), 0.0)

    def kernel(self, master: Master) -> str:
        """The name of the kernel that a notebook runs in."""
        said = json.loads(master.kernelspec) if master.kernelspec else {}
        name = str(self.steps.kernel_name or said.get("name") or PYTHON_3)
        return PYTHON_3 if name == ANY_PYTHON else name

    def imports(self, kernel: str) -> list[list[str]]:
        """What its notebooks of a kernel import outside of cells that are skipped: a module and names taken from it."""
        found: dict[str, set[str]] = {}
        for master in (one for one in self.masters if self.kernel(one) == kernel):
            for module, *names in imports_of(master.released):
                found.setdefault(module, set()).update(names)
        return [[module, *sorted(names)] for module, names in found.items()]


def in_order(notebook: str) -> str:
    """What notebooks are sorted by: nbgrader executes them in the order of their files, ps1-more before ps1."""
    return f"{notebook}.ipynb"


def start_zygotes(assignment: Assignment) -> dict[str, Zygote]:
    """Start, without waiting, a zygote for each environment, by the name of its kernel; none where no code runs.

    Each has imported what the notebooks of that kernel import, and rehearsed the recipes of the lab.
    """
    hidden = [Path(assignment.root)] if assignment.root else []
    wanted = dict(assignment.environments)
    if assignment.programs:  # they are born of a zygote too, and use nothing of it
        wanted.setdefault(PYTHON_3, OWN)
    return {
        name: lab_zygote(
            assignment.imports(name), assignment.settings, assignment.sandboxed, python, hidden, assignment.fixtures
        )
        for name, python in (wanted.items() if assignment.executes else ())
    }


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
