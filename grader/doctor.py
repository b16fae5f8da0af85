"""`grader doctor`: what of this machine and this course works, what does not, and what to do about it."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from grader.course.paths import Course
from grader.course.settings import NOTHING_SAID, load_settings

Verdict = Literal["works", "missing", "broken"]
OLDEST, NEWEST = (3, 11), (3, 13)  # the Pythons that all pins are installed and tested on
NEEDED_DISK = 5.0  # gigabytes: an environment, a class of hundreds, its cache
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^;\s]+)")
WALLS = ("namespaces", "system calls", "/proc", "rights", "pidfd", "control group")
# What a container must allow that has no capability SYS_ADMIN: calls that make namespaces and mounts, and
# a /proc that nothing covers, without which no other one may be mounted.
CONTAINER = (
    "grade on Linux; in a container, as its ordinary user, with --security-opt seccomp=unconfined and, for podman, "
    "--security-opt unmask=ALL, for docker, --security-opt systempaths=unconfined --security-opt apparmor=unconfined"
)
DISTRIBUTIONS = ("nbgrader-parallel", "labkit")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `missing` is something that only some work needs; `broken` stops everyone."""

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


Look = Callable[[Course], Finding]


def examine(course: Course) -> Iterator[Finding]:
    """Look at everything, one thing after another; a look that fails is a finding too."""
    for what, look in looks_of(course).items():
        try:
            yield look(course)
        except Exception as error:  # noqa: BLE001 - whatever is wrong here is to be told, not to stop
            yield Finding(what, "broken", f"{type(error).__name__}: {error}", "see the message; the README has set-up")


def looks_of(course: Course) -> dict[str, Look]:
    """What is looked at by name: the kit's own, and then what the course names (`c.Grader.looks`)."""
    return {**LOOKS, **_of_course(course)}


def _of_course(course: Course) -> dict[str, Look]:
    """The looks of the course's own library; one that says what keeps it from being loaded."""
    named = ""
    try:
        named = load_settings(course.root).looks
        module, _, name = named.partition(":")
        found = getattr(importlib.import_module(module), name) if named else {}
    except Exception as error:  # noqa: BLE001 - to be told, not to stop
        said = f"{named or 'its settings'}: {type(error).__name__}: {error}"
        return {
            "course": lambda _: Finding("course", "broken", said, "install the course's library, or correct the name")
        }
    return {what: _told(what, look) for what, look in found.items()}


def _told(what: str, look: Callable[[], tuple[Verdict, str, str]]) -> Look:
    return lambda _: Finding(what, *look())


def _python(_: Course) -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return Finding("python", "works", found)
    wanted = " to ".join(".".join(map(str, one)) for one in (OLDEST, NEWEST))
    return Finding("python", "broken", f"{found}, {wanted} is needed", "make an environment with one: `make setup`")


def _versions(course: Course) -> Finding:
    wrong = []
    pins = {}
    for distribution in (*DISTRIBUTIONS, *load_settings(course.root).readable):
        for requirement in _requires(distribution):
            if "extra ==" not in requirement and (match := PIN.match(requirement)):
                pins[match[1]] = match[2]
    for name, wanted in sorted(pins.items()):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "nothing"
        if found.partition("+")[0] != wanted:
            wrong.append(f"{name} {wanted} (found {found})")
    if wrong:
        return Finding(
            "versions", "broken", f"not as pinned: {', '.join(wrong)}", "`make setup`, or pip install these versions"
        )
    return Finding("versions", "works", f"{len(pins)} packages as pinned")


def _requires(distribution: str) -> list[str]:
    """What a distribution asks for; a course's library that is not installed under its own name asks for nothing."""
    try:
        return importlib.metadata.requires(distribution) or []
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return []


def _labs(course: Course) -> Finding:
    missing = [lab for lab in course.lab_names() if not (course.labs / lab / f"{lab}.ipynb").is_file()]
    unbuilt = [lab for lab in course.assignments() if not (course.source / lab / f"{lab}.ipynb").is_file()]
    if missing:
        return Finding("labs", "broken", f"not built: {', '.join(missing)}", "grader build")
    if unbuilt:
        return Finding("labs", "missing", f"not registered for grading: {', '.join(unbuilt)}", "grader build")
    return Finding("labs", "works", f"{len(course.assignments())} assignments")


def _sandbox(course: Course) -> Finding:
    from grader.kernels.launch import lab_zygote, wait_until_ready
    from grader.kernels.sandbox import SandboxError

    try:
        wait_until_ready(lab_zygote([], load_settings(course.root))).stop()
    except SandboxError as error:
        return Finding(
            "sandbox", "broken", str(error), f"{CONTAINER}; or `grader grade --sandbox none`, if you trust the class"
        )
    return Finding("sandbox", "works", "student code runs apart: no network, files or processes of yours")


@cache
def _walls() -> dict[str, Finding | str]:
    """What stands between student code and this machine, each wall tried out in a kernel; or why it could not be."""
    from grader.kernels.launch import lab_zygote, wait_until_ready
    from grader.kernels.walls import walls

    try:
        with lab_zygote([], NOTHING_SAID) as zygote:
            found = walls(wait_until_ready(zygote).started)
    except Exception as error:  # noqa: BLE001 - each wall says it, and it is tried once
        return dict.fromkeys(WALLS, f"{type(error).__name__}: {error}")
    return {one.name: Finding(one.name, "works" if one.stands else "missing", one.seen, one.remedy) for one in found}


def _wall(name: str) -> Callable[[Course], Finding]:
    def look(_: Course) -> Finding:
        found = _walls()[name]
        return Finding(name, "broken", found, "see `sandbox`") if isinstance(found, str) else found

    return look


def _database(course: Course) -> Finding:
    from grader.course.coursedir import gradebook

    if shutil.which("alembic") is None and not (Path(sys.executable).parent / "alembic").exists():
        return Finding(
            "database", "broken", "alembic is not on PATH; nbgrader makes databases with it", "pip install -e ."
        )
    with gradebook(course) as book:
        students, dialect = len(book.students), book.engine.dialect.name
        return Finding("database", "works", f"{dialect}, {students} students")


def _late(course: Course) -> Finding:
    from grader.course.late import read_late

    try:
        late = read_late(course)
    except LookupError as error:
        return Finding("late policy", "broken", str(error), "correct the file")
    return Finding("late policy", "works", f"{late.per_day:.0%} a day, {len(late.due)} due dates, class/late.toml")


def _browser(_: Course) -> Finding:
    from grader.formats.paper.browser import find_chromium

    try:
        return Finding("browser", "works", find_chromium())
    except LookupError as missing:
        return Finding("browser", "missing", f"{missing}", "only exams as PDF need it: apt-get install chromium")


def _disk(course: Course) -> Finding:
    free = shutil.disk_usage(course.root).free / 1e9
    if free >= NEEDED_DISK:
        return Finding("disk", "works", f"{free:.0f} GB free")
    return Finding(
        "disk", "broken", f"{free:.1f} GB free, {NEEDED_DISK:g} are wanted", "free some, or delete class/cache"
    )


def _memory(_: Course) -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if total >= 4:
        return Finding("memory", "works", f"{total:.0f} GB")
    return Finding("memory", "missing", f"{total:.1f} GB; grading wants 4 and more", "grade with `--jobs 1`")


LOOKS: dict[str, Look] = {
    "python": _python,
    "versions": _versions,
    "labs": _labs,
    "sandbox": _sandbox,
    **{name: _wall(name) for name in WALLS},
    "database": _database,
    "late policy": _late,
    "browser": _browser,
    "disk": _disk,
    "memory": _memory,
}
