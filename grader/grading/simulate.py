"""A deadline day by simulation: submissions that arrive, workers that grade them, and the one recorder.

Students hand in late: the time left at the deadline is exponential, within a day. Workers take what waits in its order;
the recorder takes together what waits for it, up to `TOGETHER` results, as `grader grade` does. Service times are those
that `grader bench` measured; nothing else of the machine is modelled.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DAY = 24 * 3600.0
USUAL_HOURS = 4.0
"""The mean of the time that is left when a submission arrives, before it is cut off at a day."""
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Service:
    """Seconds: of a worker for a submission; of the recorder for a transaction, and for each result in it."""

    grading: float
    transaction: float
    recording: float
    together: int


@dataclass(frozen=True)
class Day:
    """What became of a day's submissions; times in seconds."""

    waits: tuple[float, ...]
    """From handing in to the recorded grade, at the percentiles of `PERCENTILES`, and the longest."""
    after: float
    """When the last grade is recorded, from the deadline on."""
    queue: int
    """The most submissions that waited for a worker."""
    busiest: float
    """Submissions that arrived in the busiest minute, a second."""
    workers_busy: float
    recorder_busy: float
    """The shares of the last hour before the deadline in which they worked."""


def arrivals(count: int, seed: int = 0, hours: float = USUAL_HOURS) -> list[float]:
    """Times of handing in on a day that ends with the deadline, at `DAY`: in order."""
    left = np.random.default_rng(seed).random(count)
    most = -np.expm1(-DAY / (3600 * hours))
    return sorted((DAY + 3600 * hours * np.log1p(-left * most)).tolist())


def graded(times: Sequence[float], workers: int, seconds: float) -> list[float]:
    """When each submission is graded: first come, first served.

    >>> graded([0.0, 0.0, 0.0], workers=2, seconds=1.0)
    [1.0, 1.0, 2.0]
    """
    free = [0.0] * workers
    done = []
    for time in times:
        end = max(time, heapq.heappop(free)) + seconds
        heapq.heappush(free, end)
        done.append(end)
    return done


def recorded(ready: Sequence[float], service: Service) -> tuple[list[float], list[tuple[float, float]]]:
    """When each result is recorded, and the times in which the recorder works: all that waits goes in together.

    >>> recorded([0.0, 0.5, 0.6], Service(1.0, transaction=1.0, recording=0.25, together=64))
    ([1.25, 2.75, 2.75], [(0.0, 1.25), (1.25, 2.75)])
    """
    done: list[float] = []
    busy: list[tuple[float, float]] = []
    now, at = 0.0, 0
    while at < len(ready):
        begin = max(now, ready[at])
        last = at
        while last < len(ready) and last < at + service.together and ready[last] <= begin:
            last += 1
        now = begin + service.transaction + (last - at) * service.recording
        busy.append((begin, now))
        done += [now] * (last - at)
        at = last
    return done, busy


def simulate(times: Sequence[float], workers: int, service: Service) -> Day:
    """A day of submissions that arrive at `times`.

    Raises:
        ValueError: there are no submissions, or no workers.
    """
    if not times or workers < 1:
        raise ValueError("a day needs submissions, and at least one worker")
    ends = graded(times, workers, service.grading)  # in the order of arrival, which is that of the ends
    done, busy = recorded(ends, service)
    waits = np.array(done) - np.array(times)
    begins = np.array(ends) - service.grading
    waiting = np.arange(1, len(times) + 1) - np.searchsorted(begins, np.array(times), side="right")
    hour = DAY - 3600.0
    return Day(
        waits=(*(float(np.percentile(waits, p)) for p in PERCENTILES), float(waits.max())),
        after=max(done) - DAY,
        queue=int(max(waiting.max(), 0)),
        busiest=float(np.histogram(times, bins=np.arange(0.0, DAY + 60, 60.0))[0].max()) / 60,
        workers_busy=_share([(end - service.grading, end) for end in ends], hour) / workers,
        recorder_busy=_share(busy, hour),
    )


def _share(busy: Sequence[tuple[float, float]], since: float) -> float:
    """The part of the time from `since` to the deadline that intervals cover; those side by side add up."""
    return sum(max(min(end, DAY) - max(begin, since), 0.0) for begin, end in busy) / (DAY - since)


def said(count: int, workers: int, service: Service, day: Day) -> list[str]:
    """A simulated day in words."""
    limit = service.together / (service.transaction + service.together * service.recording)
    half, most, nearly, longest = day.waits
    return [
        f"{count:,} submissions on the last day, on average {USUAL_HOURS:g} h before the deadline; {workers} workers.",
        f"Grading takes a worker {service.grading:.3f} s. The recorder takes {limit:,.0f} submissions a second.",
        f"In the busiest minute {day.busiest:.1f} arrive a second; {workers / service.grading:,.0f} can be graded.",
        f"From handing in to the grade: half within {half:.1f} s, 95 % {most:.1f} s, 99 % {nearly:.1f} s, "
        f"the longest {longest:.1f} s.",
        f"At most {day.queue:,} wait for a worker; the last grade is there {day.after:.0f} s after the deadline.",
        f"In the last hour workers are busy {day.workers_busy:.0%} of the time, the recorder {day.recorder_busy:.0%}.",
    ]
