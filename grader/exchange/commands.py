"""The commands `grader bundle` and `grader collect`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.console import OneLab, chosen_labs, finish, new_table, stdout, wrong_use
from grader.usage import AsJson

if TYPE_CHECKING:
    from grader.exchange.collect import Collected


def bundle(
    who: Annotated[str, typer.Argument(help="student or instructor.")],
    out: Annotated[Path | None, typer.Option(help="The zip; named after the course, here, by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pack a zip to give away.

    student: labs/ as it was released, an environment.yml and a short README; it is made only if no solution, hidden
    check, wrong answer or key is found in it. instructor: the course with all of these, without classes and caches.
    """
    from grader.exchange.bundle import instructor_bundle, instructor_name, student_bundle, student_name
    from grader.formats.model.packages import pack

    makers = {"student": (student_bundle, student_name), "instructor": (instructor_bundle, instructor_name)}
    with wrong_use() as course:
        if who not in makers:
            raise LookupError(f"a bundle is for student or instructor, not {who!r}.")
        make, named = makers[who]
        files = make(course)
        goal = out or Path(f"{named(course)}.zip")
        goal.parent.mkdir(parents=True, exist_ok=True)
        goal.write_bytes(pack(files))
    size = goal.stat().st_size / 1e6
    result = {"file": str(goal), "megabytes": round(size, 1), "files": sorted(files)}
    finish(result, [], f"{len(files)} files, {size:.1f} MB: {goal}", as_json)


def collect(
    downloads: Annotated[list[Path], typer.Argument(help="Bulk downloads, hand-in zips, or notebooks.")],
    lab: Annotated[str | None, typer.Option(help="The lab of files whose names do not tell it.")] = None,
    roster: Annotated[
        Path | None,
        typer.Option(
            help="A CSV that says who is who: name,student, number,student, or the platform's own export. Nobody else "
            "is taken then. Whoever is collected is remembered in class/roster.csv."
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            help="How paths read: moodle, canvas, folders, or a regular expression with (?P<name>…) or (?P<number>…), "
            "and (?P<file>…)."
        ),
    ] = None,
    same_people: Annotated[
        bool,
        typer.Option(
            "--same-people",
            help="A known name under a new number is the same person: Moodle numbers people anew in each assignment. "
            "Two of one name in one download are held back all the same.",
        ),
    ] = False,
    timezone: Annotated[str, typer.Option(help="Where the platform's clock stands, such as Europe/Berlin.")] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Put what students handed in into class/submitted.

    It takes the bulk downloads of Moodle ("Download all submissions") and Canvas ("Download Submissions") as they are,
    however large: zips of hand-in zips or of notebooks. Times and Canvas's LATE are kept in timestamp.txt. A hand-in
    zip or notebook by itself is taken too; the folder that it lies in names the student.

    Who is who stands in class/roster.csv (platform, number, name, student), which this command extends and you may
    edit. People whose names could be taken for one another are all held back until their lines there name a student;
    the list says which line to complete.

    What cannot be taken is listed with what to do, file by file, and everything else is collected: damaged or hostile
    members of a zip, more than 100 files or 256 MB of one student in one download, more than 64 MB in one file, a disk
    with less than 256 MB free.

    Examples: `grader collect submissions.zip --roster gradebook.csv`, `grader collect inbox/*/*.zip`
    """
    import re
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from grader.course.roster import read_roster
    from grader.exchange.collect import collect as put
    from grader.exchange.downloads import PATTERNS

    with wrong_use() as course:
        chosen_labs(lab, course.assignments())
        try:
            reads = (PATTERNS.get(pattern) or re.compile(pattern)) if pattern else None
            zone = ZoneInfo(timezone)
        except re.error as error:
            raise LookupError(f"--pattern is no regular expression: {error}.") from None
        except (ZoneInfoNotFoundError, ValueError):
            raise LookupError(f"--timezone {timezone!r} is not known; write it like Europe/Berlin.") from None
        if (reads and not {"file"} <= set(reads.groupindex)) or (
            reads and not {"name", "number"} & set(reads.groupindex)
        ):
            raise LookupError("--pattern needs the groups (?P<file>…) and (?P<name>…) or (?P<number>…).")
        listed = read_roster(roster) if roster else None
        found, left = put(course, downloads, reads, listed, lab, zone, same_people)
    if not as_json:
        _show_collected(found)
    result = {"collected": [asdict(one) for one in found], "left": [asdict(one) for one in left]}
    finish(result, [str(one) for one in left], "", as_json)


def return_feedback(
    lab: OneLab,
    download: Annotated[Path, typer.Argument(help="Moodle's or Canvas's bulk download of this assignment.")],
    out: Annotated[Path | None, typer.Option(help="The zip; class/reports/LAB/feedback.zip else.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pack each student's page of feedback as the platform takes it back.

    The zip is for Moodle's "Upload multiple feedback files in a zip" (a file that students get beside their grade), or
    for Canvas's "Upload Submissions" (a comment with the page). Their names of students and files are in the download
    of the submissions: give the same that was collected. Points go by `grader export-grades`.

    Example: `grader return-feedback 01-decoding submissions.zip`
    """
    from grader.exchange.returned import return_feedback as pack

    with wrong_use() as course:
        chosen_labs(lab, course.assignments())
        goal = out or course.reports / lab / "feedback.zip"
        students, left = pack(course, lab, download, goal)
    result = {"file": str(goal), "students": students, "left": [asdict(one) for one in left]}
    finish(result, [str(one) for one in left], f"the pages of {len(students)} students in {goal}", as_json)


def _show_collected(found: list[Collected]) -> None:
    table = new_table(f"{len(found)} submissions in class/submitted", "student", "lab", "handed in", "files")
    for one in found:
        when = f"{one.time}{', late' if one.late else ''}"
        table.add_row(one.student, one.lab, when, ", ".join(one.files))
    stdout().print(table)
