"""The commands `grader backup` and `grader restore`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from grader.console import finish, wrong_use
from grader.usage import AsJson


def backup(
    to: Annotated[Path | None, typer.Argument(help="The file; term-DATE-TIME.tar.gz, here, by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a whole term to one file: submissions, gradebook, graded notebooks, feedback, history, roster, keys.

    Whoever has it has everybody's points and the secret of the checks: it can be read by you alone. `grader restore`
    puts it back into the same course without a term.
    """
    from grader.exchange.backup import back_up

    goal = to or Path(f"term-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz")
    with wrong_use() as course:
        counts = back_up(course, goal)
    size = goal.stat().st_size / 1e6
    done = f"{sum(counts.values())} files, {size:.1f} MB: {goal}"
    finish({"file": str(goal), "megabytes": round(size, 1), "files": counts}, [], done, as_json)


def restore(
    source: Annotated[Path, typer.Argument(help="A file of `grader backup`.")], as_json: AsJson = False
) -> None:
    """Put a term back into a course that has none; grades are as they were. Nothing is changed where anything fails."""
    from grader.exchange.backup import restore as put_back

    with wrong_use() as course:
        counts = put_back(course, source)
    done = f"{sum(counts.values())} files put back; `grader export-grades` has the grades"
    finish({"files": counts}, [], done, as_json)
