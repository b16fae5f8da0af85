"""`grader bench`: classes graded by stock nbgrader and by `grader grade`, in seconds, megabytes and equal grades.

Each lab is a step of its own, and what was measured is kept in `class/reports/bench.json`: a run that is stopped goes
on, and a change of the code that grades measures anew. Stock nbgrader takes one submission after another, 4 to 6 s each
and none more than its neighbour: it grades a few of the class, `STOCK` of them, and the rest is that slope. What we say
of ourselves is measured whole. Needs an idle machine.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from grader.course.paths import Course, find_course
from grader.course.settings import load_settings
from grader.files import write_whole
from grader.grading import bench_recorder
from grader.grading.assignment import environment
from grader.grading.autograde import TOGETHER
from grader.grading.bench_runs import TOY, by_stock, by_us, course_of, hand_in
from grader.grading.simulate import Service

STOCK = (2, 5)
OURS = (8, 32)
SCALE = (10, 300, 3000)
"""Submissions of the toy, for what one more costs in a small class and in a large one."""
RECORDED = 1000
JOBS = 2
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """One lab: seconds of both by the number of submissions, the most memory, and whether the grades are equal."""

    lab: str
    stock: dict[str, float]
    ours: dict[str, float]
    stock_mb: tuple[float, float]
    ours_mb: tuple[float, float]
    equal: bool

    @property
    def stock_each(self) -> float:
        """Seconds that one more submission takes stock nbgrader."""
        return slope(self.stock, *STOCK)

    @property
    def ours_each(self) -> float:
        """Seconds that one more submission takes `grader grade`."""
        return slope(self.ours, *OURS)

    @property
    def stock_whole(self) -> float:
        """Seconds that stock nbgrader takes for the whole class."""
        return self.stock[str(STOCK[0])] + (OURS[1] - STOCK[0]) * self.stock_each


def slope(seconds: Mapping[str, float], few: int, many: int) -> float:
    """Seconds that one more submission takes.

    >>> slope({"2": 3.0, "5": 9.0}, 2, 5)
    2.0
    """
    return (seconds[str(many)] - seconds[str(few)]) / (many - few)


class Kept:
    """What was measured before, by the code that grades now, with as many jobs."""

    def __init__(self, home: Course, jobs: int, anew: bool) -> None:
        self._path = home.reports / "bench.json"
        code = environment(load_settings(home.root).distributions)
        self._by = hashlib.sha256(f"{jobs} {code}".encode()).hexdigest()
        known = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() and not anew else {}
        self._found: dict[str, Any] = known.get("found", {}) if known.get("by") == self._by else {}

    def step(self, name: str, measure: Callable[..., Any], *args: Any) -> Any:
        """What a step gave, as JSON; it is measured where that is not known."""
        if name not in self._found:
            found = measure(*args)
            self._found[name] = json.loads(
                json.dumps(asdict(found) if is_dataclass(found) and not isinstance(found, type) else found)
            )
            whole = {"by": self._by, "found": self._found}
            write_whole(self._path, json.dumps(whole, indent=1).encode())
        return self._found[name]


def bench(
    home: Course, labs: Sequence[str], jobs: int, tell: Tell, scale: Sequence[int] = SCALE[:2], anew: bool = False
) -> tuple[list[Measured], list[str]]:
    """Measure labs, and the toy if it is among them: what was found, and the table as lines of Markdown.

    The table is `class/reports/bench.md`, too.
    """
    kept = Kept(home, jobs, anew)
    found = [Measured(**kept.step(lab, _lab, home, lab, jobs, tell)) for lab in labs]
    lines = table(found, jobs)
    if TOY in labs:
        sizes = {str(n): kept.step(f"{TOY} {n}", _toy, home, n, jobs, tell) for n in scale}
        lines += ["", *_scale(sizes)]
    last = [lab for lab in labs if lab != TOY][-1:]
    lines += [
        line for lab in last for line in ("", _recorder(lab, kept.step(f"recorder {lab}", _record, home, lab, tell)))
    ]
    write_whole(home.reports / "bench.md", ("\n".join(lines) + "\n").encode())
    return found, lines


def all_labs(home: Course) -> list[str]:
    """What can be measured: the labs with exercises, and the toy."""
    return [*filter(home.has_checks, home.assignments()), TOY]


def _lab(home: Course, lab: str, jobs: int, tell: Tell) -> Measured:
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as temporary:
        tell(f"{lab}: building it")
        course = course_of(home, lab, Path(temporary) / "course")
        stock, ours = {}, {}
        for size in STOCK:
            hand_in(course, lab, size)
            tell(f"{lab}: {size} submissions by stock nbgrader")
            stock[str(size)] = by_stock(course, lab)
        tell(f"{lab}: the same {STOCK[1]} by grader grade")
        same = by_us(course, lab, jobs).scores == stock[str(STOCK[1])].scores
        for size in OURS:
            hand_in(course, lab, size)
            tell(f"{lab}: {size} submissions by grader grade")
            ours[str(size)] = by_us(course, lab, jobs)
    return Measured(
        lab=lab,
        stock={size: one.seconds for size, one in stock.items()},
        ours={size: one.seconds for size, one in ours.items()},
        stock_mb=_most([one.memory for one in stock.values()]),
        ours_mb=_most([one.memory for one in ours.values()]),
        equal=same,
    )


def _most(memories: Sequence[Any]) -> tuple[float, float]:
    return max(one.grader for one in memories), max(one.kernel for one in memories)


def _toy(home: Course, size: int, jobs: int, tell: Tell) -> float:
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as temporary:
        course = course_of(home, TOY, Path(temporary) / "course")
        hand_in(course, TOY, size)
        tell(f"{TOY}: {size} submissions by grader grade")
        return by_us(course, TOY, jobs).seconds


def _record(home: Course, lab: str, tell: Tell) -> bench_recorder.Recorder:
    """What the recorder takes for a result of a lab, in the gradebook that the environment names, else SQLite."""
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as temporary:
        course = course_of(home, lab, Path(temporary) / "course")
        hand_in(course, lab, 1)
        by_us(course, lab, 1)
        tell(f"{lab}: {RECORDED} results recorded")
        return bench_recorder.measured(course, lab, RECORDED)


def table(found: Sequence[Measured], jobs: int) -> list[str]:
    """The labs as a table in Markdown."""
    size = OURS[1]
    lines = [
        f"| lab | one more, stock | `grader grade --jobs {jobs}` | | {size} whole, stock | ours | | equal grades "
        "| grader MB | kernel MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        whole = one.ours[str(size)]
        lines.append(
            f"| {one.lab} | {one.stock_each:.2f} s | {one.ours_each:.3f} s | **{one.stock_each / one.ours_each:.1f}×** "
            f"| {one.stock_whole:.0f} s | {whole:.1f} s | **{one.stock_whole / whole:.1f}×** "
            f"| {'yes' if one.equal else 'NO'} | {one.stock_mb[0]:.0f} → {one.ours_mb[0]:.0f} "
            f"| {one.stock_mb[1]:.0f} → {one.ours_mb[1]:.0f} |"
        )
    few, many = STOCK
    said = (
        f"Stock nbgrader graded {few} and {many} submissions of each, one more is the slope; ours {OURS[0]} and {size}."
    )
    return [*lines, "", said]


def _scale(seconds: Mapping[str, float]) -> list[str]:
    """What one submission of the toy costs, from class to larger class."""
    sizes = sorted(map(int, seconds))
    said = [f"{sizes[0]} submissions of {TOY}: {seconds[str(sizes[0])]:.1f} s."]
    for few, many in pairwise(sizes):
        each = slope(seconds, few, many)
        said.append(f"{many:,}: {seconds[str(many)]:.1f} s, {each:.3f} s for each more than {few:,}.")
    return said


def _recorder(lab: str, took: Mapping[str, float]) -> str:
    rows, whole = took["rows"], took["whole"]
    return (
        f"The recorder takes {1 / rows:,.0f} results of {lab} a second into the gradebook, {TOGETHER} together; "
        f"{1 / whole:,.0f} a second with their folders and with the results that are kept."
    )


def service(home: Course, jobs: int) -> Service:
    """Service times for a simulation, from what was measured here: of the slowest lab, and of the recorder.

    Raises:
        LookupError: nothing was measured with so many jobs, or by the code as it is.
    """
    path = home.reports / "bench.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found = known.get("found", {})
    labs = [Measured(**one) for one in found.values() if isinstance(one, dict) and "ours" in one]
    recorders = [one["whole"] for one in found.values() if isinstance(one, dict) and "whole" in one]
    if not labs or not recorders:
        raise LookupError(f"{path} has no times of a lab and of the recorder: run `grader bench` first.")
    return Service(max(one.ours_each for one in labs) * jobs, 0.0, max(recorders), TOGETHER)


def main() -> None:
    """Measure everything, as `grader bench` does."""
    home = find_course()
    _, lines = bench(home, all_labs(home), JOBS, lambda said: print(said, file=sys.stderr))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
