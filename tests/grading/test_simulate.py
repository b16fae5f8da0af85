"""The simulated deadline day: arrivals, workers and the recorder, where the outcome is known exactly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from grader.course.paths import Course
from grader.grading.bench import OURS, STOCK, Measured, service, table
from grader.grading.simulate import DAY, Service, arrivals, graded, recorded, simulate

QUICK = Service(grading=1.0, transaction=0.0, recording=0.0, together=64)


def test_everybody_hands_in_within_the_day_and_most_of_them_late() -> None:
    times = np.array(arrivals(20_000))
    assert len(times) == 20_000
    assert times.min() >= 0
    assert times.max() <= DAY
    assert np.array_equal(times, np.sort(times))
    last_hour = (times > DAY - 3600).mean()
    assert abs(last_hour - (1 - np.exp(-1 / 4)) / (1 - np.exp(-6))) < 0.01  # of an exponential with a mean of 4 hours
    assert arrivals(100, seed=1) == arrivals(100, seed=1) != arrivals(100, seed=2)


def test_who_comes_together_waits_for_those_before() -> None:
    assert graded([0.0] * 5, workers=2, seconds=3.0) == [3.0, 3.0, 6.0, 6.0, 9.0]
    assert graded([0.0, 10.0, 10.5], workers=1, seconds=1.0) == [1.0, 11.0, 12.0]


def test_the_mean_wait_is_that_of_queueing_theory() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.exponential(1.0, 200_000)).tolist()
    waits = np.array(graded(times, workers=1, seconds=0.8)) - np.array(times) - 0.8
    assert waits.mean() == pytest.approx(0.8**2 / (2 * (1 - 0.8)), rel=0.05)  # Pollaczek and Khinchine, M/D/1


def test_the_recorder_takes_together_what_waits_and_no_more_than_it_may() -> None:
    one_each = Service(1.0, transaction=2.0, recording=0.0, together=3)
    done, busy = recorded([0.0, 1.0, 1.0, 1.0, 1.0, 20.0], one_each)
    assert done == [2.0, 4.0, 4.0, 4.0, 6.0, 22.0]
    assert busy == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (20.0, 22.0)]


def test_a_day_counts_its_queue_its_waits_and_its_work() -> None:
    times = [DAY - 2.0] * 4
    day = simulate(times, 2, QUICK)
    assert day.queue == 2
    assert day.waits[-1] == 2.0
    assert day.after == 0.0
    assert day.workers_busy == pytest.approx(4 / (2 * 3600))
    slow = simulate(times, 2, Service(1.0, 0.0, 10.0, 1))
    assert slow.after == pytest.approx(-1.0 + 40.0)
    with pytest.raises(ValueError, match="at least one worker"):
        simulate(times, 0, QUICK)


def measured() -> Measured:
    stock = {str(STOCK[0]): 10.0, str(STOCK[1]): 10.0 + 5.0 * (STOCK[1] - STOCK[0])}
    ours = {str(OURS[0]): 3.0, str(OURS[1]): 3.0 + 0.125 * (OURS[1] - OURS[0])}
    return Measured("01-toy", stock, ours, (100.0, 300.0), (200.0, 40.0), True)


def test_what_was_measured_becomes_a_line_of_the_table() -> None:
    line = table([measured()], jobs=2)[2]
    assert line.startswith("| 01-toy | 5.00 s | 0.125 s | **40.0×** | 160 s | 6.0 s | **26.7×** | yes | 100 → 200 |")


def test_a_simulation_takes_the_times_that_were_measured(tmp_path: Path) -> None:
    course = Course(tmp_path)
    with pytest.raises(LookupError, match="grader bench"):
        service(course, 2)
    course.reports.mkdir(parents=True)
    found = {"01-toy": vars(measured()), "recorder 01-toy": {"rows": 0.001, "whole": 0.004}, "toy 10": 4.0}
    (course.reports / "bench.json").write_text(json.dumps({"by": "", "found": found}))
    assert service(course, 2).grading == 0.25  # of one worker: two were at work
    assert service(course, 2).recording == 0.004
