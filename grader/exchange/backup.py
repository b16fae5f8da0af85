"""A whole term in one file, and back: submissions, gradebook, graded notebooks, feedback, history, roster, keys.

A tar file with a first member that says what is in it. Names of members begin with the role of their folder, not with
its name here, so that a term goes back into a course that lays its folders out otherwise. What can be made anew (cache,
locks) is left out. The gradebook is an SQLite file in it, wherever it is kept: `sqlite3`'s own copy, or row by row.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import os
import re
import sqlite3
import tarfile
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader import api
from sqlalchemy import create_engine, insert, select

from grader.course.coursedir import gradebook
from grader.course.known import in_submitted
from grader.course.paths import Course
from grader.files import locked
from grader.text import student_text

FIRST, VERSION, GRADEBOOK = "term.json", 1, "gradebook.db"
LEFT_OUT = re.compile(r"cache|\..*|term-.*\.tar\.gz")  # of the grader's own folder
ROLES = ("submitted", "autograded", "feedback", "class")  # the more special ones come first
PRIVATE = 0o600  # points, names, the course's secret


def back_up(course: Course, goal: Path) -> dict[str, int]:
    """Write a term to `goal`, readable by its owner only; returns how many files of each role are in it.

    Grading waits meanwhile. Links are kept as links.

    Raises:
        LookupError: the file is there already.
        OSError: something cannot be read or written; then there is no file.
    """
    if os.path.lexists(goal):
        raise LookupError(f"{goal} is there already; give another name.")
    part = goal.with_name(f".{goal.name}.part")
    goal.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            locked(course.cache / ".recording"),
            tempfile.TemporaryDirectory(dir=course.class_dir) as place,
            _gradebook_file(course, Path(place)) as database,
        ):
            members = [(GRADEBOOK, database), *_members(course, {Path(place), goal, part})]
            made = datetime.now(UTC).isoformat(timespec="seconds")
            said = {"version": VERSION, "made": made, "files": {name: _digest(path) for name, path in members}}
            counts = Counter(name.partition("/")[0] for name, _ in members)
            first = Path(place) / FIRST
            first.write_bytes(json.dumps(said).encode("utf-8"))
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
            with os.fdopen(descriptor, "wb") as raw, gzip.GzipFile("", "wb", 6, raw) as packed:
                with tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as archive:
                    for name, path in [(FIRST, first), *members]:
                        archive.add(path, name, recursive=False)
                packed.flush()
        part.rename(goal)
    finally:
        part.unlink(missing_ok=True)
    return counts


def restore(course: Course, source: Path) -> dict[str, int]:
    """Put a term back into a course that has none; returns how many files of each role were put back.

    Raises:
        LookupError: it is no such file, it is damaged, or the course has students already; then nothing was changed.
        OSError: something cannot be written; then nothing was changed.
    """
    _require_empty(course)
    course.class_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=course.class_dir, prefix=".restored-") as place:
        said = _unpacked(source, Path(place))
        counts = Counter(name.partition("/")[0] for name in said)
        with locked(course.cache / ".recording"):
            _put_back(course, Path(place), said)
    return counts


def _roles(course: Course) -> Mapping[str, Path]:
    """Where the folders of a term lie here."""
    here = (course.submitted, course.autograded, course.feedback, course.class_dir)
    return dict(zip(ROLES, here, strict=True))


def _members(course: Course, without: set[Path]) -> Iterator[tuple[str, Path]]:
    """The files of a term, each with its name in a backup: in order, each once."""
    roles = _roles(course)
    own = {path.resolve() for path in roles.values()} | {path.resolve() for path in without}
    book = str(course.gradebook.resolve())
    for role, top in roles.items():
        folders = [top]
        while folders:
            here = folders.pop()
            for entry in sorted(os.scandir(here), key=lambda one: one.name) if here.is_dir() else ():
                path = Path(entry.path)
                if role == "class" and here == top and LEFT_OUT.fullmatch(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders += [] if path.resolve() in own else [path]
                elif (entry.is_symlink() or entry.is_file()) and not _is_of(path, book):
                    yield f"{role}/{path.relative_to(top).as_posix()}", path


def _is_of(path: Path, book: str) -> bool:
    """Whether it is the database, or one of the files that SQLite keeps beside it."""
    return str(path.parent.resolve() / path.name).removeprefix(book) in ("", "-wal", "-shm", "-journal")


def _digest(path: Path) -> str:
    """The SHA-256 of a file, or where a link leads."""
    if path.is_symlink():
        return f"link {path.readlink()}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _gradebook_file(course: Course, place: Path) -> Iterator[Path]:
    """The gradebook as one SQLite file."""
    path = place / GRADEBOOK
    with gradebook(course) as book:
        if book.engine.dialect.name == "sqlite":
            with closing(sqlite3.connect(path)) as there, closing(sqlite3.connect(book.engine.url.database)) as here:
                here.backup(there)
        else:
            engine = create_engine(f"sqlite:///{path}")
            api.Base.metadata.create_all(engine)
            with engine.begin() as there:
                _copy_rows(book.db, there)
            engine.dispose()
    yield path


def _copy_rows(here: Any, there: Any) -> None:
    for table in api.Base.metadata.sorted_tables:
        rows = [dict(row) for row in here.execute(select(table)).mappings()]
        if rows:
            there.execute(insert(table), rows)


def _require_empty(course: Course) -> None:
    with gradebook(course) as book:
        students = sorted(one.id for one in book.students)
    there = students or sorted(in_submitted(course))
    if there:
        said = f"{len(there)} students are here already, such as {student_text(there[0], 40)}"
        raise LookupError(f"{said}: a term goes back into a course that has none. Nothing was changed.")
    history = course.class_dir / "history"
    if history.is_dir() and any(history.iterdir()):
        raise LookupError(f"{history} has results already: move it away, and restore again. Nothing was changed.")


def _unpacked(source: Path, place: Path) -> Mapping[str, str]:
    """Unpack a backup beside the course, and hold it to what it says of itself: the digests of its files, by name.

    Raises:
        LookupError: it is no backup, or damaged.
    """
    try:
        with tarfile.open(source, "r:gz") as archive:
            archive.extractall(place, filter=_kept)
        said = json.loads((place / FIRST).read_bytes())
        files: Mapping[str, str] = said["files"]
        if any(".." in Path(name).parts for name in files):
            raise ValueError("names lead out of it")
        wrong = [name for name, digest in files.items() if _digest(place / name) != digest]
    except FileNotFoundError as error:
        raise LookupError(f"{source}: {error.filename or FIRST} is missing; take another backup.") from None
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, gzip.BadGzipFile, zlib.error) as error:
        raise LookupError(f"{source} is no backup of `grader backup`, or damaged ({error}).") from None
    if said.get("version") != VERSION:
        raise LookupError(f"{source} was written by another version of grader ({said.get('version')}).")
    if wrong or any(name != GRADEBOOK and name.partition("/")[0] not in ROLES for name in files):
        wrong = wrong or ["its list of files"]
        raise LookupError(f"{source} is damaged: {student_text(wrong[0])} is other than it says; take another backup.")
    return files


def _kept(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    """Python's filter for data of strangers; links of students are kept as they are, wherever they lead: none is
    followed here.
    """
    if member.issym():
        plain = copy.copy(member)
        plain.type, plain.linkname = tarfile.REGTYPE, ""
        tarfile.data_filter(plain, path)
        return member
    return tarfile.data_filter(member, path)


def _put_back(course: Course, place: Path, files: Mapping[str, str]) -> None:
    """Move what was unpacked into its places: all of it, or nothing. The gradebook comes last."""
    roles, made = _roles(course), []
    replaced = place / ".replaced"
    try:
        for name in files:
            role, _, rest = name.partition("/")
            if name == GRADEBOOK:
                continue
            goal = roles[role] / rest
            goal.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(goal):  # the secret and the banks of a course that was built anew
                aside = replaced / name
                aside.parent.mkdir(parents=True, exist_ok=True)
                goal.rename(aside)
                made.append((aside, goal))
            (place / name).rename(goal)
            made.append((goal, place / name))
        _restore_gradebook(course, place / GRADEBOOK)
    except BaseException:
        for here, there in reversed(made):
            here.rename(there)
        raise


def _restore_gradebook(course: Course, path: Path) -> None:
    with gradebook(course) as book:
        sqlite = book.engine.dialect.name == "sqlite"
        database = book.engine.url.database
        if not sqlite:
            engine = create_engine(f"sqlite:///{path}")
            with engine.connect() as here:
                for table in reversed(api.Base.metadata.sorted_tables):
                    book.db.execute(table.delete())
                _copy_rows(here, book.db)
            engine.dispose()
            book.db.commit()
    if sqlite:
        with closing(sqlite3.connect(path)) as here, closing(sqlite3.connect(database)) as there:
            here.backup(there)
