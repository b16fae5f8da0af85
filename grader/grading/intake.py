"""Taking in what was handed in, as data only: a notebook that can be read, or why not; what lies beside it.

This runs in the processes of `reading`, under limits: nothing here may be called on a student's file by the grader
itself. Nothing of a submission runs.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from grader.course.as_they_come import Signature, UnreadError, is_own, whose
from grader.course.filenames import is_attempts, is_notebook, lab_of
from grader.course.paths import Course
from grader.files import MAX_NOTEBOOK_BYTES, read_plain, write_whole
from grader.grading.looking import IGNORED, MAX_ENTRIES, MAX_NAME_BYTES, NotReadyError, look_at
from grader.grading.reading_notebooks import Read, read_notebook
from grader.grading.result import Submission
from grader.text import NO_TEXT, StudentText, is_student_text, student_text
from grader.times import MOST_BYTES, TIMESTAMP, time_of
from labkit.quiz.attempts import ATTEMPTS_FILE

MAX_OTHER_BYTES = 20 * 1024 * 1024
MAX_OTHER_FILE_BYTES = 15 * 1024 * 1024
MAX_OTHER_FILES = 100
MAX_PATH = 400
MAX_FOLDER_DEPTH = 20
MAX_NAMED = 6
INCOMPLETE = "some files beside the notebook were left out: too large, too many or too deep"


@dataclass(frozen=True)
class Taken:
    """One student's submission of one lab: ready to grade, or the reason why not and what would help.

    `digest` is the SHA-256 of what was handed in, and the name of the file in the spool that holds it.
    """

    student: str
    ready: bool
    reason: StudentText = NO_TEXT
    remedy: StudentText = NO_TEXT
    digest: str = ""
    meant: str = ""
    """The assignment that it is, where it is another one's whole work; then it is not ready."""

    def key(self, assignment: str) -> str:
        """The name of this submission's result under an assignment with that digest."""
        return hashlib.sha256(f"{assignment} {self.digest}".encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode("ascii")

    @staticmethod
    def from_bytes(student: str, data: bytes) -> Taken:
        """The inverse of `to_bytes`, for the student who was asked for."""
        said = json.loads(data)
        reason, remedy = student_text(said["reason"]), student_text(said["remedy"])
        return Taken(student, bool(said["ready"]), reason, remedy, str(said["digest"]), str(said["meant"]))


@dataclass(frozen=True)
class Wanted:
    """What of a folder is a submission: `notebooks` by name, without what `ignore` names (patterns of base names).

    `named` says that the student belongs to what is graded, because the course's own steps may ask.
    """

    notebooks: tuple[str, ...]
    ignore: tuple[str, ...] = ()
    named: bool = False
    given: tuple[str, ...] = ()
    """Large files that the course gives itself: those that were handed in are not read."""
    signatures: str = ""
    """A file with what tells the notebooks of the course apart; without it, nobody asks whose a notebook is."""

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Wanted:
        """From what `dataclasses.asdict` made, after a way through JSON."""
        names = {name: tuple(said[name]) for name in ("notebooks", "ignore", "given")}
        return Wanted(**{**said, **names})


def take_in(course: Course, lab: str, student: str, wanted: Wanted, spool: Path) -> Taken:
    """Read a submission, and write what is ready to `spool`. It raises nothing for what a submission holds or is."""
    try:
        submission = read_submission(course, lab, student, wanted)
        write_whole(spool / submission.digest, submission.to_bytes())
    except NotReadyError as found:
        return Taken(student, False, found.reason, found.remedy, meant=found.meant)
    except OSError as refused:
        what = Path(os.fsdecode(refused.filename)).name if refused.filename else "it"
        full = refused.errno in (errno.ENOSPC, errno.EDQUOT)
        rights = f"look at its rights: chmod -R u+rX {course.submitted.name}/{student}"
        remedy = "the disk is full: make room and grade again" if full else rights
        reason = f"{what} cannot be read: {refused.strerror or type(refused).__name__}"
        return Taken(student, False, student_text(reason), student_text(remedy))
    except MemoryError:
        said = student_text("reading it needs more memory than a submission may have")
        return Taken(student, False, said, student_text("clear its outputs and hand it in again"))
    return Taken(student, True, digest=submission.digest)


def read_submission(course: Course, lab: str, student: str, wanted: Wanted) -> Submission:
    """A submission as it is graded: its notebooks without outputs, and the other files beside them.

    What can be meant in one way only is taken so, and noted (`grader.course.as_they_come`). Links and what nbgrader
    ignores are left out, and so is everything beyond 100 files, 15 MB in one or 20 MB in all, 20 folders deep, with a
    name of more than 200 bytes or one that cannot be shown, or that cannot be read; the submission says so.

    Raises:
        NotReadyError: there is nothing to grade.
        OSError: the folder or a notebook cannot be read.
    """
    folder = course.folder("submitted", student, lab)
    known = signatures_in(wanted.signatures) if wanted.signatures else ()
    there = look_at(course, student, folder, wanted.notebooks)
    seen = hashlib.sha256(student.encode() if wanted.named else b"")
    notebooks = {}
    notes: list[StudentText] = []
    for name, path in there.items():
        raw = read_plain(path, MAX_NOTEBOOK_BYTES)
        seen.update(f"\0{name}.ipynb\0{len(raw)}\0".encode() + raw)
        found = _read(raw, name, lab, student)
        _require_own(course, found, lab, student, name, path, known)
        notebooks[name] = found.content
        taken = f"{student_text(path.name, 60)} was taken as {name}.ipynb"
        notes += [student_text(taken)] if path.name != f"{name}.ipynb" else []
        notes += found.notes
        del raw
    given = [folder / name for name in wanted.given]
    files, left = _beside(folder, [*there.values(), *given], wanted.ignore)
    notes += left
    copies = [name for name in sorted(files) if "/" not in name and is_attempts(name)]
    if ATTEMPTS_FILE not in files and len(copies) == 1:
        files[ATTEMPTS_FILE] = files.pop(copies[0])
        notes.append(student_text(f"{student_text(copies[0], 60)} was taken as {ATTEMPTS_FILE}"))
    if unknown := [student_text(name, 60) for name in sorted(files) if "/" not in name and is_notebook(name)]:
        notes.append(student_text(f"not of this assignment, and not graded: {', '.join(unknown[:MAX_NAMED])}"))
    time = time_of(files[TIMESTAMP]) if TIMESTAMP in files else None
    if TIMESTAMP in files and time is None:
        size = len(files[TIMESTAMP])
        long = f"{TIMESTAMP} has {size:,} bytes, at most {MOST_BYTES} are read"
        why = long if size > MOST_BYTES else f"{TIMESTAMP} holds no time"
        notes.append(student_text(f"{why}: when it was handed in is not known"))
    for name, content in sorted(files.items()):
        seen.update(f"\0{name}\0{len(content)}\0".encode())
        seen.update(content)
    seen.update(json.dumps(notes).encode())
    when = time.isoformat() if time else ""
    return Submission(notebooks, files, seen.hexdigest(), when, tuple(notes), student if wanted.named else "")


@cache
def signatures_in(path: str) -> tuple[Signature, ...]:
    """What tells the notebooks of the course apart, from the file that `selection.wanted_of` wrote."""
    return tuple(Signature.from_json(one) for one in json.loads(Path(path).read_text(encoding="utf-8")))


def _read(raw: bytes, name: str, lab: str, student: str) -> Read:
    try:
        return read_notebook(raw, name)
    except UnreadError as error:
        command = f"grader grade {lab} --student {shlex.quote(student)} --side"
        raise NotReadyError(error.reason, error.remedy.replace("--side", command, 1)) from None


def _require_own(
    course: Course, found: Read, lab: str, student: str, name: str, path: Path, known: Sequence[Signature]
) -> None:
    """Whether a notebook is another one's of the course, and what to do about it.

    Raises:
        NotReadyError: it is; or it has another name, and nothing says that it is this one.
    """
    own = next((one for one in known if (one.lab, one.notebook) == (lab, name)), None)
    others = whose(found.notebook, own, known) if own else []
    called = [one.lab if one.notebook == one.lab else f"{one.notebook}.ipynb of {one.lab}" for one in others]
    if own and others:
        said = f"this is {' or '.join(called[:MAX_NAMED])}, handed in as {path.name}"
        alone = all(sum(one.lab == this for one in known) == 1 for this in (lab, others[0].lab))
        if len(others) > 1 or not alone:
            raise NotReadyError(said, "ask which it is to be, or move it there, and grade again")
        other = others[0].lab
        if course.folder("submitted", student, other).exists():
            raise NotReadyError(said, f"ask for {lab}; {other} was handed in too")
        raise NotReadyError(said, f"grader grade {lab} --student {shlex.quote(student)} --move", other)
    if lab_of(path.name, [name]) is None and not (own and is_own(found.notebook, own)):
        shown = student_text(path.name, 60)
        remedy = f"if it is this one, rename it to {name}.ipynb and grade again"
        raise NotReadyError(f"no {name}.ipynb, but {shown}", remedy)


def read_files(folder: Path, ignore: Sequence[str] = ()) -> dict[str, bytes]:
    """The files beside the notebooks of a submission alone, for nbgrader's own road, which reads notebooks itself.

    Raises:
        OSError: the folder cannot be read.
    """
    return _beside(folder, [], (*ignore, "*.ipynb"))[0]


def _beside(folder: Path, others: Sequence[Path], ignore: Sequence[str]) -> tuple[dict[str, bytes], list[StudentText]]:
    """The files by relative name, without some others, and what was left out of them."""
    files: dict[str, bytes] = {}
    left, complete = MAX_OTHER_BYTES, True
    unread: list[str] = []
    odd = 0
    for path in _files_below(folder, unread, ignore):
        if path is None:
            complete = False
            continue
        if path in others:
            continue
        name = path.relative_to(folder).as_posix()
        if not is_student_text(name, MAX_PATH):
            odd += 1
            continue
        if any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in Path(name).parts) or len(files) == MAX_OTHER_FILES:
            complete = False
            continue
        try:
            most = min(left, MAX_OTHER_FILE_BYTES)
            if path.stat().st_size > most:
                complete = False
                continue
            files[name] = read_plain(path, most)
        except OSError:
            unread.append(name)
            continue
        left -= len(files[name])
    notes = [] if complete else [student_text(INCOMPLETE)]
    if odd:
        notes.append(student_text(f"{odd} files were left out: their names cannot be shown"))
    if unread:
        more = f" and {len(unread) - MAX_NAMED} more" if len(unread) > MAX_NAMED else ""
        notes.append(student_text(f"could not be read and was left out: {', '.join(unread[:MAX_NAMED])}{more}"))
    return files, notes


def _files_below(folder: Path, unread: list[str], ignore: Sequence[str]) -> Iterator[Path | None]:
    """Plain files in and below `folder`, in order, links not followed; None once for all that is too many or deep."""
    entries, folders = 0, [(folder, 0)]
    while folders:
        here, depth = folders.pop(0)
        try:
            with os.scandir(here) as found:
                listed = sorted(itertools.islice(found, MAX_ENTRIES + 1), key=lambda entry: entry.name)
        except OSError:
            if here == folder:
                raise
            unread.append(here.relative_to(folder).as_posix())
            continue
        for entry in listed:
            entries += 1
            if entries > MAX_ENTRIES:
                yield None
                return
            if entry.name in IGNORED or entry.is_symlink() or any(fnmatch(entry.name, one) for one in ignore):
                continue
            if entry.is_file(follow_symlinks=False):
                yield here / entry.name
            elif entry.is_dir(follow_symlinks=False) and depth < MAX_FOLDER_DEPTH:
                folders.append((here / entry.name, depth + 1))
            elif entry.is_dir(follow_symlinks=False):
                yield None
