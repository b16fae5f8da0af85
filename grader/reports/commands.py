"""The commands `grader feedback`, `report` and `export-grades`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from grader.console import LabArgument, OneLab, chosen_labs, finish, new_table, stderr, stdout, wrong_use
from grader.usage import AsJson


def self_check(
    lab: OneLab,
    notebook: Annotated[Path | None, typer.Argument(help="Your notebook; work/LAB/LAB.ipynb by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Grade your own notebook with the hidden checks, for who learns alone; your quiz attempts beside it count too.

    It runs shut in, as a class's work does, in a temporary course: no gradebook is touched. Where no sandbox can be
    had, it runs in process, and says so. The page that students get as feedback is written beside the notebook.

    Example: `grader self-check 01-decoding`
    """
    from grader.reports.self_check import self_check as check

    with wrong_use() as course, stderr().status("self-check") as status:
        found = check(course, lab, notebook, status.update)
    if not as_json:
        typer.echo("\n".join([*found.told, *found.notes]))
    done = f"{found.lab}: {found.points:g} of {found.most:g} points" + (f"; {found.page}" if found.page else "")
    finish(asdict(found), [], done, as_json)


def export_grades(
    lab: LabArgument = None,
    to: Annotated[str, typer.Option("--to", help="csv, canvas or moodle.")] = "csv",
    roster: Annotated[
        Path | None,
        typer.Option(help="The platform's own export, whose names and numbers of students are taken over."),
    ] = None,
    letters: Annotated[
        str | None, typer.Option(help="A letter over all labs, by per cents: A=90,B=80,C=70,D=60,F=0.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file; class/reports/grades[-canvas|-moodle].csv else.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write every student's points to a CSV file: the gradebook's, with the highest score of each quiz.

    Points given by hand are in them, late penalties are taken off. A quiz counts with the best of all submissions that
    were ever graded here, whatever was handed in last. csv has a line a student and lab. canvas and moodle have a line
    a student with the columns that these platforms' gradebook imports want; students are named by their folder in
    class/submitted, which has to be the platform's login, or by --roster.

    Example: `grader export-grades --to canvas --roster canvas-export.csv --letters A=90,B=80,F=0`
    """
    from grader.course.coursedir import assignment_names
    from grader.course.known import gone
    from grader.course.roster import read_remembered
    from grader.reports.grades import grades, write_grades
    from grader.reports.lms import FORMATS, Scale, lms_rows, write_lines
    from grader.reports.results import title_of
    from grader.text import student_text

    with wrong_use() as course:
        if to not in FORMATS:
            raise LookupError(f"--to is {', '.join(FORMATS)}, not {to!r}.")
        if to == "csv" and (roster or letters):
            raise LookupError("--roster and --letters go with --to canvas or --to moodle.")
        found = grades(course, chosen_labs(lab, assignment_names(course)))
        left = {student: student_text(student) for student in gone(course)}
        failures = [
            f"{grade.student}: {grade.lab} has cells without a score" for grade in found if grade.needs_manual_grade
        ]
        if to == "csv":
            path = write_grades(found, out or course.reports / "grades.csv")
        else:
            titles = {name: title_of(course, name) for name in dict.fromkeys(grade.lab for grade in found)}
            there = [line for line in read_remembered(course.roster).lines if line.student not in left]
            lines, told = lms_rows(found, to, titles, Scale.parse(letters) if letters else None, roster, there)
            failures += told
            path = write_lines(lines, out or course.reports / f"grades-{to}.csv")
    done = f"{len(found)} grades in {path}" + (f"; who is gone is left out: {', '.join(left.values())}" if left else "")
    finish([asdict(grade) for grade in found], failures, done, as_json)


def feedback(lab: LabArgument = None, as_json: AsJson = False) -> None:
    """Write a page of feedback for every student, where `nbgrader release_feedback` takes it.

    Of an assignment with trusted checks it shows the score, each exercise with its checks (passed, or missed with a
    hint), quiz attempts question by question, late penalties and the comments of formgrader; no hidden input, reference
    or key is on it. Of one with ordinary tests it is nbgrader's own page of each notebook, made in parallel.
    """
    from rich.progress import track

    from grader.course.coursedir import assignment_names
    from grader.grading.load import is_trusted
    from grader.reports.feedback import write_feedback
    from grader.reports.notebook_feedback import write_notebook_feedback

    with wrong_use() as course:
        names = chosen_labs(lab, assignment_names(course))
        written: list[Path] = []
        failures: list[str] = []
        for name in track(names, "feedback", console=stderr(), transient=True):
            write = write_feedback if is_trusted(course, name) else write_notebook_feedback
            pages, failed = write(course, name)
            written, failures = [*written, *pages], [*failures, *failed]
    finish([str(path) for path in written], failures, f"{len(written)} pages in {course.feedback}", as_json)


def report_class(
    lab: LabArgument = None,
    out: Annotated[Path | None, typer.Option(help="A folder; class/reports or class/reports/LAB by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the class report: one HTML page, and its figures as JSON and CSV.

    Scores, exercises and their checks, the commonest mistakes, an analysis of each quiz item with advice in words, the
    time and failures of the grading run, and submissions to look at. `grader report` alone reports on all labs.
    """
    from grader.course.coursedir import assignment_names
    from grader.reports.class_report import write_report

    with wrong_use() as course, stderr().status("reporting"):
        names = chosen_labs(lab, assignment_names(course))
        files, failures = write_report(course, names, out or (course.reports / lab if lab else course.reports))
    finish([str(path) for path in files], failures, f"Written: {', '.join(map(str, files))}", as_json)


def analyse_quiz(
    lab: Annotated[str, typer.Argument(help="A lab with a quiz, such as 06-assessment.")],
    update: Annotated[
        bool, typer.Option("--update", help="Write what was measured into the bank, beside the guessed difficulty.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Analyse a quiz item by item, from the first time that each student in class/submitted met an item.

    N, the share of points, the correlation with the rest of the attempt (with Fisher's 95 % interval), and advice in
    words. `grader report` shows the same with figures, the answers that were given, and the differences of variants.
    Items whose difficulty is not as the bank expected are named; with --update the bank learns it for its next build.
    """
    from grader.grading.class_attempts import class_attempts
    from grader.quizzes.analyse import analyse
    from grader.quizzes.kept import load_kept
    from grader.quizzes.learn import write_measured

    with wrong_use() as course:
        chosen_labs(lab, course.assignments())
        attempts = [scored.attempts for scored in class_attempts(course, lab).values()]
        bank = course.bank_of(lab)
        found = analyse(load_kept(course.banks), bank.stem if bank else lab, attempts)
        learned = write_measured(bank, found) if update and bank else []
    if not as_json:
        reliability = "" if found.alpha is None else f", reliability {found.alpha:.2f}"
        said = f"{found.bank}: {found.attempts} first attempts, mean {found.mean:.0%}{reliability}"
        table = new_table(said, "item", "N", "share", "correlation", "advice")
        for item in found.items:
            told = (
                "–" if item.discrimination is None else f"{item.discrimination:.2f} ({item.low:.2f} … {item.high:.2f})"
            )
            table.add_row(item.item, str(item.count), f"{item.difficulty:.0%}", told, "; ".join(item.advice))
        stdout().print(table)
    said = f"Written into {bank}: {', '.join(learned) or 'nothing, as no item has answers enough'}." if update else ""
    finish(asdict(found), [], said, as_json)
