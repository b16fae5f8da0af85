"""The class report of some labs: what was scored, missed, believed and asked; as one HTML page, as CSV and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from grader.cells import QUIZ_CELL
from grader.course.known import gone, in_roster
from grader.course.paths import Course
from grader.files import write_csv, write_whole
from grader.grading.load import is_trusted
from grader.quizzes.analyse import BankAnalysis, analyse
from grader.quizzes.kept import load_kept
from grader.quizzes.score import AttemptScore
from grader.reports import figures
from grader.reports.glance import Week, glance, weeks_of
from grader.reports.pages import page
from grader.reports.results import HIDDEN, LabResults, Result, lab_results
from grader.text import StudentText, student_text

QUIZ = QUIZ_CELL.removesuffix(HIDDEN)
MOST_MISCONCEPTIONS = 15


@dataclass(frozen=True)
class CheckRate:
    """One check: how many of the students whose exercise was checked passed it."""

    check: str
    promise: str
    passed: int
    of: int


@dataclass(frozen=True)
class ExerciseRate:
    """One graded cell: shares of students with all, some and none of its points, and its checks."""

    exercise: str
    max_score: float
    mean: float
    full: int
    partly: int
    none: int
    checks: tuple[CheckRate, ...]


@dataclass(frozen=True)
class Misconception:
    """What went wrong in the same way for several students, and where: a check's hint, or what a distractor catches."""

    where: str
    what: str
    students: int


@dataclass(frozen=True)
class Run:
    """The last grading run: seconds of work in all and of the slowest, and who was not graded, troubled or flagged."""

    time: str
    seconds: float
    slowest: str
    slowest_seconds: float
    not_graded: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, str], ...]
    flagged: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LabReport:
    """One lab of the report. Statistics are about students who were graded."""

    lab: str
    title: str
    max_score: float
    students: int
    graded: int
    waiting: int
    late: int
    mean: float
    median: float
    spread: float
    scores: tuple[tuple[str, float], ...]
    exercises: tuple[ExerciseRate, ...]
    misconceptions: tuple[Misconception, ...]
    quiz: BankAnalysis | None
    run: Run | None
    failed: tuple[tuple[StudentText, StudentText], ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    """Who left, and how that is known: they are in no other figure."""
    trusted: bool = True
    """Whether checks or a quiz that no student code can reach gave the points; else ordinary tests."""
    times: tuple[tuple[str, str], ...] = ()
    """When each student handed in (ISO, UTC), where that is known."""
    weeks: tuple[Week, ...] = ()
    missing: tuple[str, ...] = ()
    """Students of the roster, or of other labs of the report, who handed in nothing; who left is not among them."""


def lab_report(course: Course, lab: str) -> LabReport:
    """Everything that the report says about a lab.

    Raises:
        LookupError: the lab is not in the gradebook.
    """
    found = lab_results(course, lab)
    graded = [one for one in found.results if _was_graded(found, one)]
    scores = [one.score for one in graded]
    firsts = [(one.student, one.quiz.attempts[0]) for one in found.results if one.quiz and one.quiz.attempts]
    bank = course.bank_of(lab)
    banks = load_kept(course.banks) if bank else {}
    titles = {item.id: item.title for kept in banks.values() for item in kept.items}
    return LabReport(
        lab=lab,
        title=found.title,
        max_score=found.max_score,
        students=len(found.results),
        graded=len(graded),
        waiting=sum(one.waits for one in graded),
        late=sum(one.seconds_late > 0 for one in found.results),
        mean=mean(scores) if scores else 0.0,
        median=median(scores) if scores else 0.0,
        spread=stdev(scores) if len(scores) > 1 else 0.0,
        scores=tuple((one.shown, one.score) for one in graded),
        exercises=tuple(_exercises(graded)),
        misconceptions=tuple(_misconceptions(graded, firsts, titles)),
        quiz=analyse(banks, bank.stem, [one.quiz.attempts for one in found.results if one.quiz]) if bank else None,
        run=_run(found),
        failed=found.failed,
        gone=tuple(found.gone.items()),
        trusted=is_trusted(course, lab),
        times=tuple((one.shown, f"{one.submitted:%Y-%m-%dT%H:%M}") for one in graded if one.submitted),
        weeks=weeks_of(
            [(one.submitted.isoformat(), one.score / (one.max_score or 1)) for one in graded if one.submitted]
        ),
        missing=tuple(
            student_text(student) for student in sorted(_listed(course) - {one.student for one in found.results})
        ),
    )


def _listed(course: Course) -> set[str]:
    """Everybody in `class/roster.csv` who has not left."""
    return {*in_roster(course)} - {*gone(course)}


def _missing(reports: Sequence[LabReport]) -> list[LabReport]:
    """The labs, with who handed in others of them and not this one among those who are missing."""
    known = {student for one in reports for student, _ in one.scores}
    return [
        replace(one, missing=tuple(sorted({*one.missing, *(known - _there(one))}))) if one.graded else one
        for one in reports
    ]


def _there(report: LabReport) -> set[str]:
    """Everybody of whom a lab knows something."""
    ungraded = {student for student, _ in report.run.not_graded} if report.run else set()
    left = {student for student, _ in (*report.failed, *report.gone)}
    return {student for student, _ in report.scores} | ungraded | left


def write_report(course: Course, labs: Sequence[str], folder: Path) -> tuple[list[Path], list[str]]:
    """Write `report.html`, `report.json`, `exercises.csv`, `items.csv` and `choices.csv`; who is not in them, and why.

    Raises:
        LookupError: a lab is not in the gradebook.
    """
    reports = _missing([lab_report(course, lab) for lab in labs])
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "report.html", folder / "report.json"]
    write_whole(written[0], report_page(reports).encode("utf-8"))
    write_whole(written[1], (json.dumps([asdict(one) for one in reports], indent=1) + "\n").encode("utf-8"))
    for name, lines in (
        ("exercises", _exercise_lines(reports)),
        ("items", _item_lines(reports)),
        ("choices", _choice_lines(reports)),
    ):
        table = list(lines)
        written.append(write_csv(folder / f"{name}.csv", list(table[0]) if table else ["lab"], table))
    failures = [f"{one.lab}: {student}: {why}" for one in reports for student, why in one.failed]
    return written, failures


def report_page(reports: Sequence[LabReport]) -> str:
    """The report as one HTML page with its figures inside."""
    students = sorted({student for one in reports for student, _ in one.scores})
    table = [[dict(one.scores).get(student) for one in reports] for student in students]
    shown = [
        {
            "report": one,
            "scores": figures.score_distribution([score for _, score in one.scores], one.max_score),
            "exercises": figures.exercise_rates(one.exercises) if one.exercises else "",
            "map": figures.item_map(one.quiz.items) if one.quiz and one.quiz.items else "",
            "curves": {item.item: figures.answer_curves(item) for item in one.quiz.items} if one.quiz else {},
        }
        for one in reports
    ]
    first = glance(reports)
    drawn = dict.fromkeys(("scores", "labs", "weeks"), "")
    if first is not None:
        scores = [score for _, score in first.newest.scores]
        drawn["scores"] = figures.score_distribution(scores, first.newest.max_score, 380, 150)
        if len(first.labs) > 1:
            drawn["labs"] = figures.trend(
                [lab.partition("-")[0] for lab, _ in first.labs], [part for _, part in first.labs]
            )
        if len(first.weeks) > 1:
            drawn["weeks"] = figures.trend([week.label for week in first.weeks], [week.mean for week in first.weeks])
    return page(
        "report.html.j2", labs=shown, students=list(zip(students, table, strict=True)), first=first, drawn=drawn
    )


def _was_graded(found: LabResults, result: Result) -> bool:
    """Whether there was something to grade: the last run says so, or, without a run's rows, the exercises do."""
    row = found.rows.get(result.shown)
    return bool(row["graded"]) if row else bool(result.exercises)


def _exercises(graded: Sequence[Result]) -> Iterator[ExerciseRate]:
    names = dict.fromkeys(exercise.name for result in graded for exercise in result.exercises)
    for name in names:
        own = [exercise for result in graded for exercise in result.exercises if exercise.name == name]
        shares = [exercise.score / exercise.max_score if exercise.max_score else 0.0 for exercise in own]
        full = sum(share >= 1 - 1e-9 for share in shares)
        none = sum(share <= 1e-9 for share in shares)
        checks = {check.check: check.promise for exercise in own for check in exercise.checks}
        passed = Counter(check.check for exercise in own for check in exercise.checks if check.passed)
        ran = Counter(check.check for exercise in own for check in exercise.checks)
        yield ExerciseRate(
            exercise=name,
            max_score=own[0].max_score,
            mean=mean(shares),
            full=full,
            partly=len(own) - full - none,
            none=none,
            checks=tuple(CheckRate(check, told, passed[check], ran[check]) for check, told in checks.items()),
        )


def _misconceptions(
    graded: Sequence[Result], firsts: Sequence[tuple[str, AttemptScore]], titles: Mapping[str, str]
) -> Iterator[Misconception]:
    """The commonest first; a hint or a distractor counts once a student."""
    seen: dict[tuple[str, str], set[str]] = {}
    for result in graded:
        for exercise in result.exercises:
            for check in exercise.checks:
                if not check.passed and check.hint:
                    seen.setdefault((exercise.name, check.hint), set()).add(result.student)
    for student, first in firsts:
        for item, what in first.misconceptions:
            seen.setdefault((titles.get(item, item), what), set()).add(student)
    ranked = sorted(seen.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    for (where, what), students in ranked[:MOST_MISCONCEPTIONS]:
        yield Misconception(where, what, len(students))


def _run(found: LabResults) -> Run | None:
    if found.run is None:
        return None
    rows = list(found.rows.values())
    nobody: Mapping[str, Any] = {"student": "", "seconds": 0.0}
    slowest = max(rows, key=lambda row: row["seconds"], default=nobody)
    return Run(
        time=found.run.strftime("%Y-%m-%d %H:%M"),
        seconds=sum(row["seconds"] for row in rows),
        slowest=slowest["student"],
        slowest_seconds=slowest["seconds"],
        not_graded=tuple((row["student"], row["reason"]) for row in rows if not row["graded"]),
        events=tuple((row["student"], event) for row in rows for event in row["events"]),
        flagged=tuple((row["student"], flag) for row in rows for flag in row["flags"]),
    )


def _exercise_lines(reports: Iterable[LabReport]) -> Iterator[dict[str, Any]]:
    for one in reports:
        for exercise in one.exercises:
            told = {"lab": one.lab, "exercise": exercise.exercise, "max_score": exercise.max_score}
            rates = {"mean": exercise.mean, "full": exercise.full, "partly": exercise.partly, "none": exercise.none}
            yield told | rates | {"check": "", "promise": "", "passed": "", "of": ""}
            for check in exercise.checks:
                yield told | dict.fromkeys(rates, "") | asdict(check)


def _item_lines(reports: Iterable[LabReport]) -> Iterator[dict[str, Any]]:
    for one in reports:
        for item in one.quiz.items if one.quiz else ():
            kept = {name: value for name, value in vars(item).items() if name not in ("choices", "variants", "advice")}
            yield {"lab": one.lab, **kept, "advice": "; ".join(item.advice)}


def _choice_lines(reports: Iterable[LabReport]) -> Iterator[dict[str, Any]]:
    for one in reports:
        for item in one.quiz.items if one.quiz else ():
            for choice in item.choices:
                curve = {f"third_{place}": share for place, share in enumerate(choice.curve, start=1)}
                kept = {name: value for name, value in vars(choice).items() if name != "curve"}
                yield {"lab": one.lab, "item": item.item, **kept, **curve}
