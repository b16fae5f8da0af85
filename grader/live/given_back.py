"""What `grader serve` gives back: pages of feedback that `grader watch` wrote, each to whom it is about."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from grader.course.paths import Course
from grader.live.arrivals import Journal, mark_of
from grader.live.exams import NOT_FOUND, RefusedError

MOST_PAGES, MOST_BYTES = 20, 8 * 2**20
NOT_YET = "There is no feedback on it yet: it comes when what you handed in is graded."


class Feedback:
    """The pages of a course; what was graded is read anew when it has changed."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._read: tuple[object, Journal] | None = None

    def of(self, student: str, lab: str, labs: Collection[str]) -> dict[str, Any]:
        """The pages on what a student handed in of a lab last, or before.

        Returns:
            `pages`, HTML by file name; `graded`, when; `last`, whether what was handed in last was graded by then;
            `why`, why it could not be: then the pages are about what came before.

        Raises:
            RefusedError: there is no such lab, nothing was graded while `grader watch` ran, or a page is too large.
            OSError: a page cannot be read.
        """
        if lab not in labs:
            raise RefusedError(NOT_FOUND, "No lab of that name is handed in here.")
        journal, key = self._journal(), (lab, student)
        graded = journal.last(key)
        folder = self._course.folder("feedback", student, lab)
        files = [path for path in sorted(folder.glob("*.html")) if path.is_file() and not path.is_symlink()]
        if graded is None or (not files and not journal.why_not(key)) or folder.is_symlink():
            raise RefusedError(NOT_FOUND, NOT_YET)
        if len(files) > MOST_PAGES or sum(path.stat().st_size for path in files) > MOST_BYTES:
            raise RefusedError(NOT_FOUND, "Its feedback is too large to be sent; ask your instructor for it.")
        return {
            "pages": {path.name: path.read_text(encoding="utf-8") for path in files},
            "graded": graded.isoformat(timespec="seconds"),
            "why": journal.why_not(key),
            "last": journal.is_graded(key, mark_of(self._course.folder("submitted", student, lab))),
        }

    def _journal(self) -> Journal:
        path = self._course.watched
        status = path.stat() if path.exists() else None
        stamp = status and (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._read is None or self._read[0] != stamp:
            self._read = stamp, Journal(path)
        return self._read[1]
