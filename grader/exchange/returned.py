"""Pages of feedback for a platform, under the names of its own download, as it takes them back.

Moodle ("Upload multiple feedback files in a zip") finds a student by `Ada Lovelace_1234567_assignsubmission_file_`,
Canvas ("Upload Submissions") by the numbers of user and file in `lovelaceada_4711_815_`. Both numbers are known from
the download of the submissions alone; who they are stands in `class/roster.csv`, by number, or by a name that nobody
else has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path

from grader.course.paths import Course
from grader.course.people import who_is_who
from grader.course.roster import read_remembered
from grader.exchange.downloads import PLATFORMS, Sent, files_in
from grader.exchange.told import Left, Told
from grader.files import write_whole
from grader.formats.model.packages import pack

COLLECT = "collect the download first, or complete its line in class/roster.csv"


def return_feedback(course: Course, lab: str, download: Path, goal: Path) -> tuple[list[str], list[Left]]:
    """Pack the pages of feedback of a lab for the platform that a download of its submissions came from.

    Args:
        course: the course.
        lab: the lab.
        download: the platform's bulk download of this assignment: others have other numbers.
        goal: the zip that is written.

    Returns:
        The students whose pages are in it, and what of the download has none.

    Raises:
        LookupError: nothing in the download is from Moodle or Canvas, or nobody has a page.
        OSError: the zip cannot be written.
    """
    told = Told()
    sent = [
        one
        for one in files_in(download, course.assignments(), None, UTC, told)
        if one.member is not None and one.person.platform in PLATFORMS
    ]
    remembered = read_remembered(course.roster)
    # An empty list besides the roster: nobody else is known, so nobody gets an id that is made of a name.
    known = who_is_who(((one.person, download) for one in sent), remembered, ()).students
    prefixes: dict[str, str] = {}
    for one in sent:
        student = known[one.person.identity]
        if not isinstance(student, str):
            told.add(str(one.source), f"nobody is {one.person}", COLLECT, one.person.name)
        else:
            prefixes.setdefault(student, _prefix(one))
    if not prefixes:
        raise LookupError(
            f"{download}: nothing in it is a submission of somebody whom class/roster.csv knows; {COLLECT}."
        )
    pages = {student: _pages(course, student, lab) for student in prefixes}
    for student in sorted(prefixes):
        if not pages[student]:
            told.add(student, "no page of feedback", f"run `grader feedback {lab}`", student)
    if not any(pages.values()):
        raise LookupError(f"nobody in {download} has a page of feedback: run `grader feedback {lab}` first.")
    write_whole(
        goal, pack({prefixes[student] + name: page for student in pages for name, page in pages[student].items()})
    )
    return sorted(student for student in pages if pages[student]), told.finished()


def _prefix(one: Sent) -> str:
    """The platform's part of a path, which ends where the student's begins."""
    assert one.member is not None
    return one.member.name.removesuffix(one.file)


def _pages(course: Course, student: str, lab: str) -> Mapping[str, bytes]:
    """A student's pages, which the grader wrote, by name."""
    folder = course.folder("feedback", student, lab)
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.html"))}
