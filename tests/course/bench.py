"""`make bench`, third part: ordinary assignments graded by stock nbgrader and by `grader grade`, whole commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

from grader.course.paths import Course, find_course

from .assignments import pandas_homework, quickstart
from .making import at, clean_environment
from .roads import differences, rows_of

SIZES = (3, 8, 20)
JOBS = 2


def main() -> None:
    """Run it, and add its lines to `class/reports/bench.md`."""
    lines = [
        f"| ordinary assignment, {JOBS} jobs | students | stock, s | ours, s | faster | gradebooks |",
        "|---|---|---|---|---|---|",
    ]
    for kind in (quickstart, pandas_homework):
        with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
            master = Path(folder) / "master"
            kind.make(master)
            took = {size: _compared(master, kind.NAME, size) for size in SIZES}
        for size, (stock, ours, same) in took.items():
            name = kind.__name__.rpartition(".")[2]
            lines.append(f"| {name} | {size} | {stock:.1f} | {ours:.1f} | {stock / ours:.1f}× | {same} |")
        less, more = took[SIZES[1]], took[SIZES[2]]
        stock, ours = ((more[i] - less[i]) / (SIZES[2] - SIZES[1]) for i in (0, 1))
        lines.append(f"| … at the margin | a submission | {stock:.2f} | {ours:.2f} | {stock / ours:.1f}× | |")
    print("\n".join(lines))
    report = find_course().reports / "bench.md"
    report.parent.mkdir(parents=True, exist_ok=True)
    with report.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines) + "\n")


def _compared(master: Path, assignment: str, size: int) -> tuple[float, float, str]:
    """Seconds of both, on the same distinct submissions, and whether the gradebooks are equal."""
    stock, ours = (_class(master, f"{name}-{size}", assignment, size) for name in ("stock", "ours"))
    took = [
        _timed(stock, "-m", "nbgrader", "autograde", assignment),
        _timed(ours, "-m", "grader.cli", "grade", assignment, "--quiet", "--jobs", str(JOBS)),
    ]
    rows = []
    for root in (stock, ours):
        with at(root) as course:
            rows.append(rows_of(course, assignment))
    return took[0], took[1], "equal" if not differences(*rows) else "DIFFER"


def _class(master: Path, name: str, assignment: str, size: int) -> Path:
    """A copy of the course in which `size` students handed in, each something of their own."""
    root = master.with_name(name)
    shutil.copytree(master, root)
    course = Course(root)
    models = course.students("submitted", assignment)
    for number in range(size):
        goal = course.folder("submitted", f"student-{number:02d}", assignment)
        shutil.copytree(course.folder("submitted", models[number % len(models)], assignment), goal)
        for path in goal.glob("*.ipynb"):
            notebook = nbformat.read(path, as_version=4)
            notebook.cells.append(new_markdown_cell(f"Handed in by number {number}.", id=f"own-{number}"))
            nbformat.write(notebook, path)
    for student in models:
        shutil.rmtree(course.folder("submitted", student, assignment).parent)
    return root


def _timed(root: Path, *command: str) -> float:
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=root, env=clean_environment(), check=False, **nowhere)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
