"""The command `grader roster import`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from grader.console import finish, new_table, stdout, wrong_use
from grader.usage import AsJson

roster_app = typer.Typer(help="Who is in the class: class/roster.csv, from a platform's list.", no_args_is_help=True)


@roster_app.callback()
def roster() -> None:
    """Who is in the class: class/roster.csv, from a platform's list."""


@roster_app.command("import")
def import_roster(
    path: Annotated[Path, typer.Argument(help="What Canvas or Moodle exported, or a CSV of your own: name,student.")],
    column: Annotated[
        str | None,
        typer.Option("--id", help="The column that is a student's id; else the platform's login, where all have one."),
    ] = None,
    part: Annotated[
        bool, typer.Option("--part", help="The list is of a part of the class, such as a section: nobody is gone.")
    ] = False,
    encoding: Annotated[
        str | None, typer.Option(help="What the file is in, such as cp1252, where it is neither UTF-8 nor UTF-16.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring class/roster.csv up to a platform's list of the class: once at the start, and whenever people come and go.

    The platform is known by the head of the file. Canvas: the gradebook's export (Points Possible and the test student
    are passed over), People, the class roster of New Analytics, a report of users. Moodle: participants, grades, a
    grading worksheet. Commas, semicolons or tabs; UTF-8 or UTF-16. Or a list of your own: name,student, and number.

    It shows who is added, renamed, changed, back, gone, and the same. Who is not on the list is marked in the column
    `left`, and stays in the roster. The platform's own numbers and names are kept: `collect` knows people by them, and
    `export-grades` and `return-feedback` write them. Where a line cannot be used, nothing is changed.

    Example: `grader roster import gradebook.csv --dry-run`
    """
    from grader.exchange.lists import read_list
    from grader.exchange.roster_import import STATES, import_list

    with wrong_use() as course:
        found = read_list(path, column, encoding)
        plan = import_list(course, found, path, part, dry)
    counts = Counter(one.state for one in plan.moved)
    if not as_json:
        table = new_table(f"{found.title}, students by {found.column}", "", "student", "name", "what")
        for one in plan.moved:
            if one.state != "same":
                table.add_row(one.state, one.student, one.name, one.what)
        if table.row_count:
            stdout().print(table)
        for line in (*plan.notes, *found.passed):
            typer.echo(line)
    told = ", ".join(f"{counts[state]} {'the same' if state == 'same' else state}" for state in STATES if counts[state])
    done = f"{'would be ' if dry else ''}{told} in {course.roster}"
    result = {
        "roster": str(course.roster),
        "platform": found.platform,
        "list": found.title,
        "id": found.column,
        "written": not dry,
        "students": [asdict(one) for one in plan.moved],
        "notes": plan.notes,
        "passed": found.passed,
    }
    finish(result, [], done, as_json)
