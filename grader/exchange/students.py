"""Changes of who is who in a term: one student under another id, two who are one, one who is removed.

A student is in the gradebook, in folders, in history, roster, late.toml and reports. A change is made in all of them or
in none: it is worked out first, written down in the grader's own folder, then made step by step, each of which can be
undone, and the gradebook last. Where the process was killed in between, the next change, or the same one again,
completes it. An exchange, and backups, are not touched.
"""

from __future__ import annotations

import contextlib
import csv
import glob
import io
import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from nbgrader import api
from sqlalchemy import delete, insert, select, text, update

from grader.course.coursedir import assignment_names, gradebook, time_in
from grader.course.known import everybody, gone, in_roster
from grader.course.late import late_file
from grader.course.names import folded, nearest
from grader.course.paths import Course, Step
from grader.course.roster import Line, Roster, id_problem, read_remembered, write_remembered
from grader.files import locked, write_whole
from grader.grading.attempts import attempts_file
from grader.grading.ledger import entries
from grader.text import StudentText, student_text

JOURNAL = ".student-change.json"
STEPS: tuple[Step, ...] = ("submitted", "autograded", "feedback")
STUDENT, SUBMITTED, NOTEBOOK, GRADE, COMMENT = (
    kind.__table__ for kind in (api.Student, api.SubmittedAssignment, api.SubmittedNotebook, api.Grade, api.Comment)
)
Undo = Callable[[], object]


@dataclass(frozen=True)
class Change:
    """`old` becomes `new`, or is removed where there is no new one. In the assignments of `kept` what `old` handed in
    counts, in others what `new` did.
    """

    old: str
    new: str = ""
    kept: tuple[str, ...] = ()


@dataclass
class Plan:
    """What a change does: what moves where (nowhere: it is removed), in that order; files to write; rows to change."""

    change: Change
    moves: list[tuple[Path, Path | None]] = field(default_factory=list)
    writes: dict[Path, bytes] = field(default_factory=dict)
    rows: int = 0

    def lines(self, course: Course) -> list[StudentText]:
        """For people."""

        def short(path: Path) -> str:
            return str(path.relative_to(course.root)) if path.is_relative_to(course.root) else str(path)

        said = [f"gradebook: {self.rows} submissions of {self.change.old}"] if self.rows else []
        said += [f"{short(here)} → {short(there)}" if there else f"remove {short(here)}" for here, there in self.moves]
        said += [f"write {short(path)}" for path in self.writes]
        return [student_text(line) for line in said]


def rename(course: Course, old: str, new: str) -> Change:
    """The change by which a student gets an id that nobody has.

    Raises:
        LookupError: nobody has the old id, the new one can name no folder, or somebody has it.
    """
    known = _require(course, old)
    if problem := id_problem(new):
        raise LookupError(f"the id {student_text(new, 40)!r} {problem}; give another one.")
    there = next((one for one in known if folded(one) == folded(new) and one != old), None)
    if there is not None:
        raise LookupError(f"{there} is there already: `grader student merge {old} {there}` makes one of the two.")
    if old == new:
        raise LookupError(f"{old} is called so already.")
    return Change(old, new)


def merge(course: Course, old: str, new: str, keep: str | None = None) -> Change:
    """The change by which two ids become one student, `new`. What both handed in counts once: the later, or `keep`'s.

    Raises:
        LookupError: nobody has one of the ids; or times do not say which hand-in is the later one.
    """
    _require(course, old)
    _require(course, new)
    if old == new or keep not in (None, old, new):
        raise LookupError(f"--keep is {old} or {new}." if old != new else "two different students were expected.")
    theirs = [lab for lab in _labs(course) if _handed_in(course, old, lab)]
    kept = [
        lab
        for lab in theirs
        if not _handed_in(course, new, lab) or keep == old or (keep is None and _is_later(course, lab, old, new))
    ]
    return Change(old, new, tuple(kept))


def remove(course: Course, old: str) -> Change:
    """The change by which nothing personal of a student is left.

    Raises:
        LookupError: nobody has the id.
    """
    _require(course, old)
    return Change(old)


def make(course: Course, change: Change, dry: bool = False) -> list[StudentText]:
    """Make a change, or with `dry` only say what it would be; in lines.

    Raises:
        LookupError: a file of the class says something that is not understood; then nothing was changed.
        OSError: something cannot be written; then nothing was changed.
    """
    if dry:
        return planned(course, change).lines(course)
    journal = course.class_dir / JOURNAL
    with ExitStack() as held:
        for lab in _labs(course):
            held.enter_context(locked(course.cache / f".{lab}.lock"))
        held.enter_context(locked(course.cache / ".recording"))
        for begun in _begun(journal):
            _sweep(course, begun)
            _apply(course, planned(course, begun))
            journal.unlink()
            if begun == change:
                return [student_text(f"{change.old}: the change that was begun before is complete")]
        plan = planned(course, change)
        write_whole(journal, json.dumps(asdict(change)).encode("utf-8", "surrogateescape"), flush=True)
        try:
            _apply(course, plan)
        finally:  # made or undone; a process that was killed leaves it
            journal.unlink()
    return plan.lines(course)


def planned(course: Course, change: Change) -> Plan:
    """What a change does to a course as it is now; nothing that is done already.

    Raises:
        LookupError: a file of the class says something that is not understood.
    """
    plan = Plan(change)
    for step in STEPS:
        _plan_folders(course, plan, step)
    for lab in _labs(course):
        ledger = course.ledger(lab)
        for path in (ledger, attempts_file(ledger)):
            _plan_text(plan, path, _renamed_lines)
        if not change.new:
            theirs = {one.key for one in entries(ledger) if one.student == change.old}
            others = {one.key for one in entries(ledger) if one.student != change.old}
            cached = [
                course.cache / lab / f"{key}.json" for key in sorted(theirs - others) if re.fullmatch(r"\w+", key)
            ]
            plan.moves += [(path, None) for path in cached if path.is_file()]
    _plan_text(plan, course.watched, _renamed_lines)
    _plan_text(plan, late_file(course), lambda raw, one: _renamed_extensions(late_file(course), raw, one))
    _plan_roster(course, plan)
    _plan_reports(course, plan)
    with gradebook(course) as book:
        where = SUBMITTED.c.student_id == change.old
        plan.rows = len(book.db.execute(select(SUBMITTED.c.id).where(where)).all())
    return plan


def _require(course: Course, name: str) -> set[str]:
    known = everybody(course) | {one.student for lab in _labs(course) for one in entries(course.ledger(lab))}
    if name not in known:
        raise LookupError(f"no student is called {student_text(name, 40)!r}; {nearest(name, known)}")
    return known


def _labs(course: Course) -> list[str]:
    history = [path.stem for path in (course.class_dir / "history").glob("*.jsonl") if "." not in path.stem]
    return sorted({*assignment_names(course), *course.known(), *history})


def _handed_in(course: Course, student: str, lab: str) -> bool:
    return course.folder("submitted", student, lab).is_dir()


def _is_later(course: Course, lab: str, old: str, new: str) -> bool:
    """Whether `old`'s hand-in is the later one.

    Raises:
        LookupError: that is not known.
    """
    first, second = (time_in(course.folder("submitted", one, lab)) for one in (old, new))
    if first is None or second is None:
        raise LookupError(f"both handed in {lab}, and when is not known: say whose counts, --keep {old} or {new}.")
    return first > second


def _plan_folders(course: Course, plan: Plan, step: Step) -> None:
    """The folders of a step. Of what both handed in, what does not count is kept, hidden: `.of-ID` in the student's."""
    old, new, kept = plan.change.old, plan.change.new, plan.change.kept
    home, goal = _home(course, step, old), _home(course, step, new) if new else None
    if home is not None and (goal is None or not os.path.lexists(goal)):
        plan.moves += [(home, goal)] if os.path.lexists(home) else []
        return
    for lab in _labs(course):
        here = course.folder(step, old, lab)
        there = course.folder(step, new, lab) if new else None
        if there is None:
            plan.moves += [(path, None) for path in (here, *here.parent.glob(f".{glob.escape(old)}.of-*"))]
            continue
        if not os.path.lexists(here):
            continue
        hidden = there.with_name(f".{there.name}.of-{old if lab not in kept else new}")
        if goal is not None:
            hidden = goal / f".of-{new}" / lab
        if lab in kept or not os.path.lexists(there):
            plan.moves += [(there, hidden if step == "submitted" else None)] if os.path.lexists(there) else []
            plan.moves.append((here, there))
        elif home is None:
            plan.moves.append((here, hidden if step == "submitted" else None))
    if home is not None and goal is not None and os.path.lexists(home):
        plan.moves.append((home, goal / f".of-{old}" if step == "submitted" else None))
    plan.moves = [(here, there) for here, there in plan.moves if there is not None or os.path.lexists(here)]


def _home(course: Course, step: Step, student: str) -> Path | None:
    """The folder that holds all of a student at a step; None where assignments come before names."""
    parts = Path(course.layout.structure).parts
    place = next(i for i, part in enumerate(parts) if "{student_id}" in part)
    above = str(Path(*parts[: place + 1]))
    if "{assignment_id}" in above:
        return None
    return course.root / above.format(nbgrader_step=getattr(course.layout, step), student_id=student)


def _plan_text(plan: Plan, path: Path, changed: Callable[[bytes, Change], bytes]) -> None:
    if not path.is_file():
        return
    before = path.read_bytes()
    if (after := changed(before, plan.change)) != before:
        plan.writes[path] = after


def _renamed_lines(raw: bytes, change: Change) -> bytes:
    """Lines of history with another student, or without those of one; what is no line of history stays."""
    found: list[bytes] = []
    for line in raw.splitlines(keepends=True):
        try:
            said = json.loads(line)
            theirs = said["student"] == change.old
        except (ValueError, TypeError, KeyError):
            found.append(line)
            continue
        if not theirs:
            found.append(line)
        elif change.new:
            found.append(json.dumps(said | {"student": change.new}).encode("ascii") + b"\n")
    return b"".join(found)


def _renamed_extensions(path: Path, raw: bytes, change: Change) -> bytes:
    """`late.toml` with another student's name, or without theirs; all else stands as an instructor wrote it.

    Raises:
        LookupError: it names the student in a way that is not changed here.
    """
    said = tomllib.loads(raw.decode("utf-8")).get("extensions", {})
    wanted = {lab: _with(granted, change) for lab, granted in said.items()}
    if wanted == said:
        return raw
    key = re.compile(rf"""^[ \t]*(?P<quote>["']?){re.escape(change.old)}(?P=quote)[ \t]*=""")
    lines, inside, gives = [], "", ""
    for line in raw.decode("utf-8").splitlines(keepends=True):
        if head := re.match(r"^[ \t]*\[([^\]\n]+)\]", line):
            inside = head[1].strip()
            gives = inside.removeprefix("extensions.").strip("\"' ")
        if not inside.startswith("extensions.") or not (found := key.match(line)):
            lines.append(line)
        elif change.new and change.new not in said.get(gives, {}):
            lines.append(json.dumps(change.new, ensure_ascii=False) + " =" + line[found.end() :])
    made = "".join(lines)
    if tomllib.loads(made).get("extensions", {}) != wanted:
        raise LookupError(f"{path}: change the lines of {change.old} in [extensions] yourself, and say it again.")
    return made.encode("utf-8")


def _with(granted: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """Extensions of a lab after a change; where both have one, the new one's stays."""
    rest = {name: days for name, days in granted.items() if name != change.old}
    return ({change.new: granted[change.old]} if change.new and change.old in granted else {}) | rest


def _plan_roster(course: Course, plan: Plan) -> None:
    roster = read_remembered(course.roster)
    if not any(line.student == plan.change.old for line in roster.lines):
        return
    lines: list[Line] = []
    for line in roster.lines:
        if line.student != plan.change.old:
            lines.append(line)
        elif plan.change.new:
            lines.append(replace(line, student=plan.change.new))
    made = course.roster.with_name(f".{course.roster.name}.made")
    try:
        write_remembered(made, Roster(tuple(lines), roster.head))
        plan.writes[course.roster] = made.read_bytes()
    finally:
        made.unlink(missing_ok=True)


def _plan_reports(course: Course, plan: Plan) -> None:
    """Rows of the last grading run go with the student; reports that name the old id are made anew."""
    old, new = student_text(plan.change.old), student_text(plan.change.new)
    known = json.dumps(old)[1:-1], old
    for path in sorted(course.reports.rglob("*")) if course.reports.is_dir() else ():
        if not path.is_file() or path.is_symlink():
            continue
        if path.name == "grading.json":
            rows = json.loads(path.read_text(encoding="utf-8"))
            left = [row | {"student": name} for row in rows for name in _shown(row["student"], old, new, rows)]
            if left != rows:
                plan.writes[path] = (json.dumps(left, indent=1) + "\n").encode("utf-8")
        elif path.name == "grading.csv":
            _plan_text(plan, path, lambda raw, _: _renamed_csv(raw, old, new))
        elif any(name in path.read_text(encoding="utf-8", errors="replace") for name in known):
            plan.moves.append((path, None))


def _shown(student: str, old: str, new: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a row's student is called now; nothing where it has no row any more."""
    if student != old:
        return [student]
    return [new] if new and not any(row["student"] == new for row in rows) else []


def _renamed_csv(raw: bytes, old: str, new: str) -> bytes:
    reader = csv.DictReader(io.StringIO(raw.decode("utf-8"), newline=""))
    rows = list(reader)
    left = [row | {"student": name} for row in rows for name in _shown(row["student"], old, new, rows)]
    made = io.StringIO(newline="")
    writer = csv.DictWriter(made, reader.fieldnames or [])
    writer.writeheader()
    writer.writerows(left)
    return made.getvalue().encode("utf-8")


def _begun(journal: Path) -> Iterator[Change]:
    """A change that a killed process left half-way."""
    if journal.is_file():
        said = json.loads(journal.read_bytes().decode("utf-8", "surrogateescape"))
        yield Change(said["old"], said["new"], tuple(said["kept"]))


def _apply(course: Course, plan: Plan) -> None:
    """All steps, or none: what was done is undone, last first, where one fails. The gradebook's is the last."""
    undo: list[Undo] = []
    trash: list[Path] = []
    try:
        for here, there in plan.moves:
            goal = there or here.with_name(f".{here.name}.removed")
            if there is None:
                _forget(goal)
                trash.append(goal)
            goal.parent.mkdir(parents=True, exist_ok=True)
            _rename(here, goal, undo)
        for path, content in plan.writes.items():
            undo.append(partial(write_whole, path, path.read_bytes()))
            write_whole(path, content, flush=True)
        _change_rows(course, plan.change)
    except BaseException:
        for step in reversed(undo):
            with contextlib.suppress(OSError):
                step()
        raise
    for path in trash:
        _forget(path)
    for _, there in plan.moves:
        if there and there.name.startswith(".of-") and there.is_dir() and not any(there.iterdir()):
            there.rmdir()


def _rename(here: Path, there: Path, undo: list[Undo]) -> None:
    here.rename(there)
    undo.append(lambda: there.rename(here))


def _sweep(course: Course, change: Change) -> None:
    """Remove what a killed process had put aside to be removed."""
    names, labs = [one for one in (change.old, change.new) if one], _labs(course)
    asides = [home for step in STEPS if (home := _home(course, step, change.old)) is not None]
    asides += [course.folder(step, name, lab) for step in STEPS for name in names for lab in labs]
    for path in asides:
        _forget(path.with_name(f".{path.name}.removed"))
    for place in (course.reports, course.cache):
        for path in place.rglob(".*.removed") if place.is_dir() else ():
            _forget(path)


def _forget(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Listed:
    """One student of a term: what platforms call them, what of how many assignments is handed in and graded; who left.

    `gone` says how it is known that somebody left, and is empty for all others.
    """

    student: StudentText
    name: StudentText
    numbers: StudentText
    handed_in: int
    graded: int
    of: int
    gone: StudentText


def listed(course: Course) -> list[Listed]:
    """Everybody whom the course knows.

    Raises:
        LookupError: the roster cannot be read.
    """
    labs, roster, left = assignment_names(course), in_roster(course), gone(course)
    with gradebook(course) as book:
        names = {one.id: " ".join(part for part in (one.first_name, one.last_name) if part) for one in book.students}
    found = []
    for student in sorted(everybody(course)):
        lines = roster.get(student, ())
        numbers = " ".join(f"{line.platform}:{line.number}".strip(":") for line in lines if line.number)
        found.append(
            Listed(
                student=student_text(student),
                name=student_text(names.get(student) or next((line.name for line in lines if line.name), "")),
                numbers=student_text(numbers),
                handed_in=sum(_handed_in(course, student, lab) for lab in labs),
                graded=sum(course.folder("autograded", student, lab).is_dir() for lab in labs),
                of=len(labs),
                gone=left.get(student, student_text("")),
            )
        )
    return found


def _change_rows(course: Course, change: Change) -> None:
    """The gradebook's part, in one transaction: nbgrader's own rows, by the tables of its classes."""
    with gradebook(course) as book:
        db = book.db
        sqlite = book.engine.dialect.name == "sqlite"
        if sqlite:
            db.execute(text("PRAGMA secure_delete = ON"))  # what is removed is overwritten in the file
        labs = dict(db.execute(select(api.Assignment.name, api.Assignment.id)).all())
        if change.new:
            _move_rows(db, change, labs)
        else:
            _drop_rows(db, SUBMITTED.c.student_id == change.old)
        db.execute(delete(STUDENT).where(STUDENT.c.id == change.old))
        db.commit()
        if sqlite:
            db.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def _move_rows(db: Any, change: Change, labs: Mapping[str, str]) -> None:
    old = db.execute(select(STUDENT).where(STUDENT.c.id == change.old)).mappings().first()
    if db.execute(select(STUDENT.c.id).where(STUDENT.c.id == change.new)).first() is None and old is not None:
        db.execute(insert(STUDENT).values(**{**old, "id": change.new}))
    query = select(SUBMITTED.c.assignment_id).where(SUBMITTED.c.student_id == change.new)
    there = set(db.execute(query).scalars())
    for lab, number in labs.items():
        if number in there:
            loser = change.new if lab in change.kept else change.old
            _drop_rows(db, (SUBMITTED.c.student_id == loser) & (SUBMITTED.c.assignment_id == number))
    db.execute(update(SUBMITTED).where(SUBMITTED.c.student_id == change.old).values(student_id=change.new))


def _drop_rows(db: Any, which: Any) -> None:
    submitted = select(SUBMITTED.c.id).where(which)
    notebooks = select(NOTEBOOK.c.id).where(NOTEBOOK.c.assignment_id.in_(submitted))
    for table in (GRADE, COMMENT):
        db.execute(delete(table).where(table.c.notebook_id.in_(notebooks)))
    db.execute(delete(NOTEBOOK).where(NOTEBOOK.c.assignment_id.in_(submitted)))
    db.execute(delete(SUBMITTED).where(which))
