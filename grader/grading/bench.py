"""`make bench`: one class, graded by stock nbgrader and by `grader grade`, in seconds, megabytes and equal grades.

Both grade the same submissions: 32 of the course's first lab and 32 of a notebook that imports large libraries. The
cost of one more submission (the margin) is the slope of `grader grade` from 10 to 300 submissions of the latter. No
two submissions are equal, so that the cache helps nobody. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil

from grader.build.notebooks import write_notebook
from grader.build.release import build_lab
from grader.coursedir import gradebook
from grader.grading.autograde import grade_class, local_engine
from grader.grading.demo_class import make_class
from grader.grading.plain import STOCK_STEPS
from grader.paths import Course, find_course

OWN = Path("tests") / "files" / "bench"  # a course of one notebook, which imports what is slow to import
SIZE, FEW, MANY = 32, 10, 300
EDGE = 30
SAMPLE_SECONDS = 0.1


@dataclass
class Memory:
    """Peak resident memory in MB: of the grading processes together, and of the largest kernel."""

    grader: float = 0.0
    kernel: float = 0.0


@dataclass(frozen=True)
class Timed:
    """One run: seconds, memory, and every student's score."""

    seconds: float
    memory: Memory
    scores: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Run the bench and write `class/reports/bench.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--size", type=int, default=SIZE, help="submissions that both grade")
    parser.add_argument("--many", type=int, default=MANY, help="submissions of the long run")
    parser.add_argument("--stamps", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.stamps:
        _run_with_stamps(Course(chosen.stamps), chosen.jobs)
        return
    home = find_course()
    lines = run(home, chosen.jobs, chosen.size, chosen.many, lambda said: print(said, file=sys.stderr))
    home.reports.mkdir(parents=True, exist_ok=True)
    (home.reports / "bench.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def run(home: Course, jobs: int, size: int, many: int, tell: Callable[[str], None]) -> list[str]:
    """Measure, and say it as a Markdown table."""
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as temporary:
        course = _course(home, Path(temporary) / "course")
        lines = [
            f"| lab, {size} submissions | stock nbgrader | `grader grade --jobs {jobs}` | ratio | equal grades "
            "| grader MB | kernel MB |",
            "|---|---|---|---|---|---|---|",
        ]
        stock_each = {}
        for lab in course.assignments():
            tell(f"{lab}: {size} submissions by stock nbgrader")
            _hand_in(course, lab, size)
            stock = _timed(
                course, lab, ["nbgrader", "autograde", f"--assignment={lab}", "--log-level=ERROR"], stock=True
            )
            tell(f"{lab}: {size} submissions by grader grade")
            command = [sys.executable, "-m", "grader.cli", "grade", lab, "--jobs", str(jobs), "--quiet"]
            ours = _timed(course, lab, command)
            stock_each[lab] = stock.seconds / size
            lines.append(
                f"| {lab} | {stock.seconds:.1f} s, {stock.seconds / size:.2f} each | {ours.seconds:.1f} s, "
                f"{ours.seconds / size:.3f} each | **{stock.seconds / ours.seconds:.1f}×** "
                f"| {'yes' if stock.scores == ours.scores else 'NO'} "
                f"| {stock.memory.grader:.0f} → {ours.memory.grader:.0f} "
                f"| {stock.memory.kernel:.0f} → {ours.memory.kernel:.0f} |"
            )
        large = _large(course)
        tell(f"{large}: {FEW}, then {many} submissions by grader grade")
        few, _ = _stamped(course, FEW, jobs)
        long, stamps = _stamped(course, many, jobs)
    margin = (long - few) / (many - FEW)
    first, last = (stamps[FEW + EDGE] - stamps[FEW]) / EDGE, (stamps[-1] - stamps[-1 - EDGE]) / EDGE
    return [
        *lines,
        "",
        f"One more submission of {large}, slope from {FEW} ({few:.1f} s) to {many} ({long:.1f} s): {margin:.3f} s, "
        f"**{stock_each[large] / margin:.1f}×** less than stock nbgrader's {stock_each[large]:.2f} s.",
        f"Cost of one at {FEW}: {first:.3f} s; at {many}: {last:.3f} s ({last / first - 1:+.0%}).",
    ]


def _course(home: Course, root: Path) -> Course:
    """A course of the first lab and the bench's notebook, which comes second."""
    first = home.assignments()[0]
    shutil.copytree(home.root / OWN, root)
    shutil.copytree(home.solutions / first, root / "solutions" / first)
    shutil.copyfile(home.root / "nbgrader_config.py", root / "nbgrader_config.py")
    (root / "labs").mkdir()
    course = Course(root)
    for lab in course.assignments():
        build_lab(course, lab)
    return course


def _large(course: Course) -> str:
    """The bench's own notebook."""
    return course.assignments()[-1]


def _hand_in(course: Course, lab: str, size: int) -> None:
    """A simulated class in which no two submissions are equal."""
    shutil.rmtree(course.submitted, ignore_errors=True)
    for student in make_class(course, lab, size):
        path = course.submitted / student.name / lab / f"{lab}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"By {student.name}.", id="by"))
        write_notebook(notebook, path)


def _timed(course: Course, lab: str, command: list[str], stock: bool = False) -> Timed:
    """Run a command in the course from a fresh gradebook."""
    config = course.root / "nbgrader_config.py"
    before = config.read_text(encoding="utf-8")
    _forget(course)
    build_lab(course, lab)
    try:
        if stock:
            config.write_text(f"{before}\nc.Autograde.autograde_preprocessors = {STOCK_STEPS!r}\n", encoding="utf-8")
        with _process(command, course) as (process, memory):
            began = time.monotonic()
            process.wait()
            seconds = time.monotonic() - began
    finally:
        config.write_text(before, encoding="utf-8")
    with gradebook(course) as book:
        scores = {s.student.id: s.score for s in book.assignment_submissions(lab)}
    return Timed(seconds, memory, scores)


def _forget(course: Course) -> None:
    course.gradebook.unlink(missing_ok=True)
    for folder in (course.autograded, course.cache):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _process(command: list[str], course: Course) -> Iterator[tuple[psutil.Popen, Memory]]:
    """A running command whose memory is watched."""
    memory, ended = Memory(), threading.Event()
    with psutil.Popen(command, cwd=course.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        watcher = threading.Thread(target=_watch, args=(process, memory, ended))
        watcher.start()
        try:
            yield process, memory
        finally:
            ended.set()
            watcher.join()


def _watch(process: psutil.Popen, memory: Memory, ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_SECONDS):
        graders, kernels = 0.0, [0.0]
        try:
            for one in (process, *process.children(recursive=True)):
                size = _private(one)
                if _is_kernel(one):
                    kernels.append(size)
                else:
                    graders += size
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, IndexError):
            continue
        memory.grader, memory.kernel = max(memory.grader, graders), max(memory.kernel, *kernels)


def _private(process: psutil.Process) -> float:
    """MB that a process shares with no other."""
    return float(process.memory_full_info().uss) / 2**20


def _is_kernel(process: psutil.Process) -> bool:
    """A started ipykernel, or a fork of the zygote."""
    words = " ".join(process.cmdline())
    parent = process.parent()
    return "ipykernel" in words or ("zygote" in words and parent is not None and "zygote" in " ".join(parent.cmdline()))


def _stamped(course: Course, size: int, jobs: int) -> tuple[float, list[float]]:
    """Seconds of a whole process that grades `size` submissions, and when each was recorded."""
    _hand_in(course, _large(course), size)
    _forget(course)
    build_lab(course, _large(course))
    command = [sys.executable, "-m", "grader.grading.bench", "--stamps", str(course.root), "--jobs", str(jobs)]
    began = time.monotonic()
    said = subprocess.run(command, cwd=course.root, check=True, stdout=subprocess.PIPE).stdout
    return time.monotonic() - began, json.loads(said)


def _run_with_stamps(course: Course, jobs: int) -> None:
    stamps: list[float] = []
    grade_class(course, _large(course), watch=lambda _: stamps.append(time.monotonic()), engine=local_engine(jobs))
    print(json.dumps(stamps))


if __name__ == "__main__":
    main()
