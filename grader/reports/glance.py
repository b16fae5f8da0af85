"""The report's first screen: how the class is, what to talk about tomorrow, and whom to look at.

It says nothing that is not below it: it chooses. The newest lab is the one that was handed in last, by the median; the
exercise is the one at which the class lost most points.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import quantiles
from typing import TYPE_CHECKING

from grader.quizzes.analyse import FEW, ItemAnalysis
from grader.reports.pages import points, share
from grader.text import StudentText, student_text

if TYPE_CHECKING:
    from grader.reports.class_report import CheckRate, ExerciseRate, LabReport, Misconception

FELL = 0.25  # of the points more than the class, against the labs before
BELOW = 1.5  # standard deviations below the class, and less than half of the points
LOST = 0.05  # a mean share of an exercise that is worth talking about
SHORT = 110  # signs of a reason
NAMED = 3  # students of one reason that are called by name


@dataclass(frozen=True)
class Week:
    """What was handed in in a week: its Monday, how many submissions, and their mean share of the points."""

    monday: str
    handed_in: int
    mean: float

    @property
    def label(self) -> str:
        """The Monday, as an axis has it: 5 Oct."""
        day = date.fromisoformat(self.monday)
        return f"{day.day} {day:%b}"


@dataclass(frozen=True)
class People:
    """Students to look at for the same reasons; `urgency` 0 is who could not be graded."""

    students: tuple[str, ...]
    why: tuple[str, ...]
    urgency: int

    @property
    def named(self) -> str:
        """The first of them by name, and how many more."""
        more = len(self.students) - NAMED
        return ", ".join(self.students[:NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Topic:
    """What to talk about: the exercise that cost the class most points and its check that was missed most, what most
    students got wrong in the same way, and the hardest question of the quiz. None where there is none.
    """

    exercise: ExerciseRate | None
    lost: float
    check: CheckRate | None
    mistakes: tuple[Misconception, ...]
    item: ItemAnalysis | None


@dataclass(frozen=True)
class Glance:
    """The answers: the newest lab with graded work, the quarters of its scores, the topic, people, and both trends."""

    newest: LabReport
    quarters: tuple[float, float] | None
    topic: Topic
    people: tuple[People, ...]
    labs: tuple[tuple[str, float], ...]
    weeks: tuple[Week, ...]

    @property
    def looked_at(self) -> int:
        """How many students there are to look at."""
        return len({student for group in self.people for student in group.students})


def glance(reports: Sequence[LabReport]) -> Glance | None:
    """The first screen of some labs; None before anything is graded."""
    graded = [one for one in reports if one.graded]
    if not graded:
        return None
    dated = {one.lab: median_time(one) for one in graded}
    newest = max(enumerate(graded), key=lambda entry: (dated[entry[1].lab], entry[0]))[1]
    scores = sorted(score for _, score in newest.scores)
    quarters = quantiles(scores, n=4, method="inclusive") if len(scores) >= FEW else None
    return Glance(
        newest=newest,
        quarters=(quarters[0], quarters[2]) if quarters else None,
        topic=_topic(newest),
        people=tuple(_people(graded, newest)),
        labs=tuple((one.lab, one.mean / one.max_score) for one in graded if one.max_score),
        weeks=tuple(_all_weeks(graded)),
    )


def weeks_of(handed_in: Sequence[tuple[str, float]]) -> tuple[Week, ...]:
    """Submissions by week, from their times (ISO) and shares of the points."""
    found: dict[str, list[float]] = defaultdict(list)
    for time, part in handed_in:
        day = date.fromisoformat(time[:10])
        found[(day - timedelta(days=day.weekday())).isoformat()].append(part)
    return tuple(Week(monday, len(own), sum(own) / len(own)) for monday, own in sorted(found.items()))


def median_time(report: LabReport) -> str:
    """When half of a lab's submissions were there; nothing where no time is known."""
    times = sorted(time for _, time in report.times)
    return times[len(times) // 2] if times else ""


def _all_weeks(reports: Sequence[LabReport]) -> Iterator[Week]:
    """The weeks of all labs together."""
    found: dict[str, list[Week]] = defaultdict(list)
    for one in reports:
        for week in one.weeks:
            found[week.monday].append(week)
    for monday, own in sorted(found.items()):
        count = sum(week.handed_in for week in own)
        yield Week(monday, count, sum(week.mean * week.handed_in for week in own) / count)


def _topic(report: LabReport) -> Topic:
    """What of a lab is worth talking about."""
    from grader.reports.class_report import QUIZ

    lost = {one.exercise: (1 - one.mean) * one.max_score for one in report.exercises if one.exercise != QUIZ}
    worst = max(report.exercises, key=lambda one: lost.get(one.exercise, -1.0), default=None)
    if worst is not None and (worst.exercise == QUIZ or worst.mean > 1 - LOST):
        worst = None
    missed = [check for check in worst.checks if check.passed < check.of] if worst else []
    items = [one for one in report.quiz.items if one.count >= FEW] if report.quiz else []
    item = min(items, key=lambda one: one.difficulty, default=None)
    return Topic(
        exercise=worst,
        lost=lost[worst.exercise] if worst else 0.0,
        check=min(missed, key=lambda check: check.passed / check.of, default=None),
        mistakes=tuple(_told_apart(report.misconceptions))[:3],
        item=item if item is not None and item.difficulty < 1 - LOST else None,
    )


def _told_apart(mistakes: Sequence[Misconception]) -> Iterator[Misconception]:
    """Mistakes that several made and that say something: a hint that stands at several places fits any of them."""
    places = Counter(one.what for one in mistakes)
    return (one for one in mistakes if one.students > 1 and places[one.what] == 1)


def _people(reports: Sequence[LabReport], newest: LabReport) -> Iterator[People]:
    """Whom to look at, the most urgent first; students with the same reasons are one line."""
    reasons: dict[str, list[tuple[int, float, StudentText]]] = defaultdict(list)

    def add(student: str, urgency: int, why: str, weight: float = 0.0) -> None:
        reasons[student].append((urgency, weight, student_text(why, SHORT)))

    for one in reports:
        of = f"{one.lab}: " if len(reports) > 1 else ""
        for shown, reason in one.failed:
            add(shown, 0, f"{of}cannot be read: {reason}")
        for student, why in one.run.not_graded if one.run else ():
            add(student, 0, f"{of}not graded: {why}")
        for student, why in one.run.flagged if one.run else ():
            add(student, 1, f"{of}flagged: {why}")
    for student in newest.missing:
        add(student, 2, f"handed in nothing for {newest.lab}")
    before = _means(reports, newest)
    now = {student: score / newest.max_score for student, score in newest.scores if newest.max_score}
    both = before.keys() & now.keys()
    usual = sum(now[student] - before[student] for student in both) / len(both) if both else 0.0
    for student, score in newest.scores:
        if student in both and now[student] - before[student] < usual - FELL:
            fell = f"fell to {share(now[student], 1)} % of the points; {share(before[student], 1)} % in the labs before"
            add(student, 3, fell, now[student] - before[student])
        elif score < newest.mean - BELOW * newest.spread and now.get(student, 1.0) < 0.5:
            add(student, 4, f"{points(score)} of {points(newest.max_score)} points, far below the class", score)
    groups: dict[tuple[int, float, tuple[StudentText, ...]], list[str]] = defaultdict(list)
    for name, own in reasons.items():
        urgency, weight, _ = min(own)
        groups[urgency, weight, tuple(dict.fromkeys(text for *_, text in sorted(own)))].append(name)
    for (urgency, _, texts), students in sorted(groups.items()):
        yield People(tuple(sorted(students)), texts, urgency)


def _means(reports: Sequence[LabReport], newest: LabReport) -> dict[str, float]:
    """Each student's mean share of the points in the labs before the newest."""
    shares: dict[str, list[float]] = defaultdict(list)
    for one in reports:
        if one is not newest and one.max_score:
            for student, score in one.scores:
                shares[student].append(score / one.max_score)
    return {student: sum(own) / len(own) for student, own in shares.items()}
