"""Whatever is handed in, the processes that grade stay small: 300 MB the main one, 500 MB each worker and reader."""

from __future__ import annotations

import pytest
from class_of_attackers import Ran, graded, hand_in, new_course
from memory_makers import WANTS_MEMORY

MAIN_MB, WORKER_MB = 300, 500
WORST = (
    "everything_at_once",
    "fifty_megabytes_with_an_emoji",
    "many_small_objects",
    "plots_with_an_emoji",
    "twenty_megabytes_of_files",
    "two_hundred_megabytes_printed",
)
HONEST = ("honest-1", "honest-2")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A class of the worst and of some honest students, graded by a process of its own."""
    course = new_course(tmp_path_factory.mktemp("memory") / "course")
    hand_in(course, HONEST, (), {name: WANTS_MEMORY[name] for name in WORST})
    return graded(course)


def test_the_main_process_stays_small(ran: Ran) -> None:
    assert 0 < ran.peaks["main"].resident < MAIN_MB


@pytest.mark.parametrize("kind", ["reader", "worker"])
def test_the_processes_that_work_on_submissions_stay_small(ran: Ran, kind: str) -> None:
    assert 0 < ran.peaks[kind].resident < WORKER_MB


@pytest.mark.parametrize("name", WORST)
def test_each_gets_what_its_honest_part_is_worth(ran: Ran, name: str) -> None:
    row, expected = ran.rows[name], WANTS_MEMORY[name].expected
    assert (row.score, row.graded) == (expected.score, expected.graded), row


@pytest.mark.parametrize("name", HONEST)
def test_honest_students_have_no_remark(ran: Ran, name: str) -> None:
    row = ran.rows[name]
    assert (row.score, row.graded, row.reason, row.events, row.flags) == (5.0, True, "", [], [])
