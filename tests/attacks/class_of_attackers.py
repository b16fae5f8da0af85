"""A class of the toy lab, honest and hostile, graded by a process of its own whose memory is watched."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import psutil
from attack_files import Attack, answered, submission_of
from attack_makers import LAB, Made

from grader.build.notebooks import write_notebook
from grader.build.release import build_lab
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import Row
from grader.kernels.limits import Limits

REPO = Path(__file__).resolve().parents[2]
LIMITS = Limits(
    cell_seconds=3.0,
    call_seconds=2.0,
    submission_seconds=120.0,
    cpu_seconds=20,
    memory_mb=512,
    processes=32,
    running=6,
    disk_mb=32,
    output_bytes=1_000_000,
    restarts=3,
)
APART = Path(__file__).with_name("grade_apart.py")
LOOK_SECONDS = 0.05
NOWHERE = {"PORT": "9", "ABSTRACT": "nobody-listens", "SOCKET": "/nonexistent", "OUTSIDE": "/nonexistent"}


@dataclass
class Peak:
    """Most MB of one process: resident (`VmHWM`, which the system keeps exactly), and its share of them (PSS)."""

    resident: float = 0.0
    share: float = 0.0

    def take(self, other: Peak) -> None:
        """The larger of both."""
        self.resident, self.share = max(self.resident, other.resident), max(self.share, other.share)


@dataclass(frozen=True)
class Ran:
    """A graded class: seconds from the start of the process to its end, rows by student, peaks by kind of process."""

    seconds: float
    rows: Mapping[str, Row]
    peaks: Mapping[str, Peak]


def new_course(root: Path) -> Course:
    """A course of the toy lab, released."""
    shutil.copytree(REPO / "tests" / "files" / "toy", root)
    (root / "labs").mkdir()
    shutil.copyfile(REPO / "nbgrader_config.py", root / "nbgrader_config.py")
    course = Course(root)
    build_lab(course, LAB)
    return course


def hand_in(course: Course, honest: Iterable[str], attacks: Iterable[Attack], makes: Mapping[str, Made]) -> None:
    """Lay down submissions; no two honest ones are equal."""
    release = nbformat.read(course.labs / LAB / f"{LAB}.ipynb", as_version=4)
    places = NOWHERE | {"COURSE": str(course.root), "REPO": str(REPO)}
    for name in honest:
        notebook = answered(release)
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"By {name}.", id="by"))
        write_notebook(notebook, course.submitted / name / LAB / f"{LAB}.ipynb")
    for attack in attacks:
        path = course.submitted / attack.name / LAB / f"{LAB}.ipynb"
        write_notebook(submission_of(attack, release, places), path)
    for name, made in makes.items():
        (course.submitted / name / LAB).mkdir(parents=True)
        made.make(course.submitted / name / LAB, answered(release), copy.deepcopy(release))


def graded(course: Course) -> Ran:
    """Grade the whole class in a process of its own, and watch it and those that it starts."""
    peaks: dict[str, Peak] = {}
    began = time.monotonic()
    said = course.root / "rows.json"
    limits = json.dumps(asdict(LIMITS))
    command = [sys.executable, str(APART), str(course.root), limits, str(said)]
    environment = os.environ | {ROOT_VARIABLE: str(course.root)}
    with psutil.Popen(command, cwd=course.root, env=environment) as process:
        while process.poll() is None:
            _look(process, peaks)
            time.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - began
    if process.returncode:
        raise RuntimeError(f"grading the class ended with {process.returncode}")
    rows = [Row.from_json(row) for row in json.loads(said.read_text(encoding="utf-8"))]
    return Ran(seconds, {row.student: row for row in rows}, peaks)


def _look(process: psutil.Process, peaks: dict[str, Peak]) -> None:
    peaks.setdefault("main", Peak()).take(_peak(process.pid))
    for child in process.children():
        try:
            words = " ".join(child.cmdline())
            if "grader.grading.reading" in words:
                peaks.setdefault("reader", Peak()).take(_peak(child.pid))
            elif "forkserver" in words:
                for worker in child.children():
                    peaks.setdefault("worker", Peak()).take(_peak(worker.pid))
        except psutil.Error:
            continue


def _peak(pid: int) -> Peak:
    try:
        resident = _field(Path(f"/proc/{pid}/status"), "VmHWM:")
        return Peak(resident, _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:"))
    except OSError:  # it has ended
        return Peak()


def _field(path: Path, name: str) -> float:
    """MB of a line that says kB; 0 where there is none, as for a process that has just ended."""
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0
