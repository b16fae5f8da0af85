"""Attacks on an ordinary assignment: its tests run among student code, so only what lies around them is promised.

The machine, classmates and the gradebook stay untouched; what tampers with a kernel and is noticed is flagged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from attack_files import all_attacks, answered, submission_of

from grader.course.paths import Course
from grader.grading.autograde import Row, grade_class, local_engine
from grader.kernels.limits import Limits

from .making import answer, at, code, graded, notebook, release, write
from .roads import Rows, rows_of

NAME = "ps1"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "attacked"\n'
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
LIMITS = Limits(
    cell_seconds=3.0,
    submission_seconds=120.0,
    cpu_seconds=20,
    memory_mb=512,
    processes=32,
    running=6,
    disk_mb=32,
    output_bytes=100_000,
    restarts=3,
)
HONEST = ("honest-1", "zz-honest")
# What reaches for what lies around: other files, the network, memory, processes, time, disk, the grader itself.
AROUND = [
    *("disk_filling", "endless_cell", "endless_output", "fork_bomb", "full_sockets", "memory_bomb"),
    *("memory_without_owner", "network", "outliving", "read_by_path", "read_proc", "sigkill_everything"),
    *("thread_bomb", "write_outside"),
]
# What gains points where tests run among student code, and is seen.
TAMPERS = ["assert_stripper", "patched_run_cell", "patched_showtraceback"]


@dataclass(frozen=True)
class After:
    """The graded class, and what lay outside of it before and after."""

    table: dict[str, Row]
    rows: Rows
    outside: tuple[dict[str, str], dict[str, str]]


def state(*folders: Path) -> dict[str, str]:
    """A hash of each file."""
    files = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    """A class of attackers and two honest students."""
    base = tmp_path_factory.mktemp("attacked")
    root, outside = base / "course", base / "outside"
    cells = (
        code("def total(values):\n    return sum(values)"),
        answer("total", STUB),
        answer("mean", STUB),
        graded("mean-checks", 1, "assert mean([1.0, 2.0]) == 1.5"),
        graded(
            "mean-hidden",
            2,
            "assert mean([4.0]) == 4.0\n### BEGIN HIDDEN TESTS\nassert mean([1, 3]) == 2\n### END HIDDEN TESTS",
        ),
        answer("spread", STUB),
        graded("spread-checks", 2, "assert spread([1.0, 4.0]) == 3.0"),
    )
    write(root, {"nbgrader_config.py": CONFIG})
    write(root / "source" / NAME, {f"{NAME}.ipynb": notebook(*cells), "data.csv": "a\n1\n"})
    write(outside, {"canary.txt": "CANARY"})
    release(root, NAME)
    released = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    places = {"COURSE": str(root), "REPO": str(Path(__file__).parents[2]), "OUTSIDE": str(outside)}
    places |= {"PORT": "9", "ABSTRACT": "nobody-listens", "SOCKET": "/nonexistent"}
    attacks = all_attacks()
    for name in (*AROUND, *TAMPERS):
        write(root / "submitted" / name / NAME, {f"{NAME}.ipynb": submission_of(attacks[name], released, places)})
    for name in HONEST:
        write(root / "submitted" / name / NAME, {f"{NAME}.ipynb": answered(released), "by.txt": name})
    watched = (root / "source", root / "release", root / "submitted", outside)
    before = state(*watched)
    with at(root):
        course = Course(root)
        table = {row.student: row for row in grade_class(course, NAME, engine=local_engine(2), limits=LIMITS)}
        yield After(table, rows_of(course, NAME), (before, state(*watched)))


def test_what_lies_around_is_untouched(after: After) -> None:
    assert after.outside[0] == after.outside[1]


def test_classmates_get_what_they_earned(after: After) -> None:
    for student in HONEST:
        row = after.table[student]
        assert (row.score, row.events, row.flags) == (5.0, [], [])


@pytest.mark.parametrize("name", AROUND)
def test_an_attack_on_what_lies_around_has_its_row(after: After, name: str) -> None:
    row = after.table[name]
    assert row.graded, row.reason
    assert after.rows["submission", name]["score"] == row.score <= 5.0


@pytest.mark.parametrize("name", TAMPERS)
def test_what_tampers_with_the_kernel_is_flagged_or_has_no_points(after: After, name: str) -> None:
    row = after.table[name]
    assert any("tampered kernel" in flag for flag in row.flags) or (not row.graded and "maximum" in row.reason)
