"""Runs that `grader bench` measures: a copy of a course, a class in which no two submissions are equal, a command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil

from grader.build.notebooks import write_notebook
from grader.build.release import build_lab
from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.grading.demo_class import make_class
from grader.grading.plain import STOCK_STEPS

TOY = "toy"
OWN = Path("tests") / "files" / "bench"  # a course of one notebook, which imports what is slow to import
MODELS = 6  # submissions that the others of a class are made of
SAMPLE_SECONDS = 0.25


@dataclass
class Memory:
    """Peak memory in MB that is shared with no other process: of the grading processes together, of one kernel."""

    grader: float = 0.0
    kernel: float = 0.0


@dataclass(frozen=True)
class Timed:
    """One run: seconds, memory, and every student's score."""

    seconds: float
    memory: Memory
    scores: dict[str, float] = field(default_factory=dict)


def course_of(home: Course, lab: str, root: Path) -> Course:
    """A course of one lab of the course at `home`, or of the bench's own notebook, built and registered."""
    source = home.root / OWN / "solutions" / lab if lab == TOY else home.solutions / lab
    shutil.copytree(source, root / "solutions" / lab)
    shutil.copyfile(home.root / "nbgrader_config.py", root / "nbgrader_config.py")
    (root / "labs").mkdir()
    for folder in ("quizzes", "build/claims"):  # what is proved already is not proved again
        if lab != TOY and (home.root / folder).is_dir():
            shutil.copytree(home.root / folder, root / folder)
    course = Course(root)
    build_lab(course, lab)
    return course


def hand_in(course: Course, lab: str, size: int) -> None:
    """A simulated class in which no two submissions are equal, so that the cache helps nobody."""
    shutil.rmtree(course.submitted, ignore_errors=True)
    models = [course.submitted / one.name / lab for one in make_class(course, lab, min(size, MODELS))]
    kept = [(nbformat.read(path / f"{lab}.ipynb", as_version=4), path) for path in models]
    for number in range(size):
        notebook, model = kept[number % len(kept)]
        folder = course.submitted / f"student-{number:05d}" / lab
        shutil.copytree(model, folder)
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"By {number}.", id="by"))
        write_notebook(notebook, folder / f"{lab}.ipynb")
        notebook.cells.pop()
    for path in models:
        shutil.rmtree(path.parent)


def by_stock(course: Course, lab: str) -> Timed:
    """The class by nbgrader's own autograde, with its own steps, from a gradebook that knows nothing of it."""
    config = course.root / "nbgrader_config.py"
    before = config.read_text(encoding="utf-8")
    _forget(course, lab)
    try:
        config.write_text(f"{before}\nc.Autograde.autograde_preprocessors = {STOCK_STEPS!r}\n", encoding="utf-8")
        return _timed(course, lab, ["-m", "nbgrader", "autograde", f"--assignment={lab}", "--log-level=ERROR"])
    finally:
        config.write_text(before, encoding="utf-8")


def by_us(course: Course, lab: str, jobs: int) -> Timed:
    """The class by `grader grade`, from a gradebook that knows nothing of it and without a cache."""
    _forget(course, lab)
    return _timed(course, lab, ["-m", "grader.cli", "grade", lab, "--jobs", str(jobs), "--quiet"])


def _forget(course: Course, lab: str) -> None:
    for path in course.gradebook.parent.glob(f"{course.gradebook.name}*"):
        path.unlink()
    for folder in (course.autograded, course.cache, course.ledger(lab).parent):
        shutil.rmtree(folder, ignore_errors=True)
    build_lab(course, lab)


def _timed(course: Course, lab: str, command: Sequence[str]) -> Timed:
    with _process([sys.executable, *command], course) as (process, memory):
        began = time.monotonic()
        process.wait()
        seconds = time.monotonic() - began
    with gradebook(course) as book:
        scores = {str(s.student.id): float(s.score) for s in book.assignment_submissions(lab)}
    return Timed(seconds, memory, scores)


@contextmanager
def _process(command: list[str], course: Course) -> Iterator[tuple[psutil.Popen, Memory]]:
    """A running command whose memory is watched; its programs are those of this environment."""
    memory, ended = Memory(), threading.Event()
    told = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with psutil.Popen(command, cwd=course.root, env=told, **nowhere) as process:
        watcher = threading.Thread(target=_watch, args=(process, memory, ended))
        watcher.start()
        try:
            yield process, memory
        finally:
            ended.set()
            watcher.join()


def _watch(process: psutil.Process, memory: Memory, ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_SECONDS):
        graders, kernels = 0.0, [0.0]
        try:
            for one in (process, *process.children(recursive=True)):
                used = one.memory_info()
                size = (used.rss - used.shared) / 2**20
                if _is_kernel(one):
                    kernels.append(size)
                else:
                    graders += size
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, IndexError):
            continue
        memory.grader, memory.kernel = max(memory.grader, graders), max(memory.kernel, *kernels)


def _is_kernel(process: psutil.Process) -> bool:
    """A started ipykernel, or a fork of the zygote."""
    words = " ".join(process.cmdline())
    parent = process.parent()
    return "ipykernel" in words or ("zygote" in words and parent is not None and "zygote" in " ".join(parent.cmdline()))
