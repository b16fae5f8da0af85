"""The commands `grader student list`, `rename`, `merge` and `remove`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from grader.console import finish, new_table, stdout, wrong_use
from grader.usage import AsJson

if TYPE_CHECKING:
    from grader.course.paths import Course
    from grader.exchange.students import Change

student_app = typer.Typer(
    help="Who is who in a term: list students, rename or merge them, or remove one with all that is personal.",
    no_args_is_help=True,
)
Who = Annotated[str, typer.Argument(help="The student's id, as `grader student list` has it.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@student_app.command("list")
def list_students(as_json: AsJson = False) -> None:
    """List everybody whom the gradebook, class/submitted or class/roster.csv knows, and who has left.

    Somebody has left whose lines in class/roster.csv say something in a column `left`; or who is in no line of it, was
    graded here, and has no folder in class/submitted any more. Their points stay, and are not exported.
    """
    from grader.exchange.students import listed

    with wrong_use() as course:
        found = listed(course)
    if not as_json:
        table = new_table("", "student", "name", "numbers", "handed in", "graded", "of", "gone")
        for one in found:
            table.add_row(
                one.student, one.name, one.numbers, str(one.handed_in), str(one.graded), str(one.of), one.gone
            )
        stdout().print(table)
    left = sum(bool(one.gone) for one in found)
    done = f"{len(found)} students" + (f", {left} gone" if left else "")
    finish([asdict(one) for one in found], [], done, as_json)


@student_app.command("rename")
def rename_student(
    old: Who,
    new: Annotated[str, typer.Argument(help="The new id, which nobody has.")],
    dry: Dry = False,
    as_json: AsJson = False,
) -> None:
    """Give a student another id: gradebook, folders, history, roster and late.toml, all of them or none.

    Example: `grader student rename adalovelace ada`
    """
    from grader.exchange.students import rename

    _make(lambda course: rename(course, old, new), f"{old} is {new} now", dry, as_json)


@student_app.command("merge")
def merge_students(
    old: Annotated[str, typer.Argument(help="The id that goes.")],
    new: Annotated[str, typer.Argument(help="The id that stays.")],
    keep: Annotated[
        str | None, typer.Option(help="Whose hand-in counts where both handed in: one of the two ids; the later else.")
    ] = None,
    dry: Dry = False,
    as_json: AsJson = False,
) -> None:
    """Make one student of two ids. The attempts and results of both are one history; a hand-in counts once.

    Of what both handed in, the one that does not count is kept in the student's folder, as `.of-ID`. Grade again, so
    that the best quiz of both counts.

    Example: `grader student merge lovelacea ada --dry-run`
    """
    from grader.exchange.students import merge

    _make(lambda course: merge(course, old, new, keep), f"{old} is {new} now", dry, as_json)


@student_app.command("remove")
def remove_student(who: Who, dry: Dry = False, as_json: AsJson = False) -> None:
    """Remove a student with all that is personal: folders, points, history, attempts, cached results, roster, reports.

    Reports that name them are deleted, and made anew by the next `grader report` and `export-grades`. What is in
    nbgrader's exchange, on the platform and in backups is not touched.

    Example: `grader student remove ada --dry-run`
    """
    from grader.exchange.students import remove

    _make(lambda course: remove(course, who), f"{who} is removed", dry, as_json)


def _make(change: Callable[[Course], Change], done: str, dry: bool, as_json: bool) -> None:
    from grader.exchange.students import make

    with wrong_use() as course:
        lines = make(course, change(course), dry)
    if not as_json:
        typer.echo("\n".join(lines))
    finish({"done": not dry, "changes": lines}, [], "nothing was changed" if dry else done, as_json)
