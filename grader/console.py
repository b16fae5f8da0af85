"""What commands share: their arguments, how they print results and failures, and their exit codes."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.text import student_lines
from grader.usage import FELL_SHORT, WRONG_USE

if TYPE_CHECKING:
    from rich.console import Console

    from grader.course.paths import Course

NAMES = {"lab", "student"}
NUMBERS = {"score", "expected", "of", "exercises", "checks", "points", "caught", "failures"}

LabArgument = Annotated[str | None, typer.Argument(help="A lab, such as 01-decoding; without it, all of them.")]
OneLab = Annotated[str, typer.Argument(help="A lab, such as 01-decoding.")]


@contextmanager
def wrong_use() -> Iterator[Course]:
    """The course; errors that the user can mend become one message and exit code 2."""
    from grader.build.problems import BuildError
    from grader.course.paths import find_course
    from grader.kernels.sandbox import SandboxError

    try:
        yield find_course()
    except OSError as error:
        typer.echo(f"grader: {error}{_remedy(error)}", err=True)
        raise typer.Exit(WRONG_USE) from None
    except (LookupError, BuildError, SandboxError) as error:
        typer.echo(f"grader: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    except Exception as error:
        if not _is_of_the_gradebook(error):
            raise
        said = "the gradebook can be neither read nor written now; look at its disk and its rights, and run it again"
        typer.echo(f"grader: {said} ({getattr(error, 'orig', error)}); what was finished is kept", err=True)
        raise typer.Exit(WRONG_USE) from None


def _is_of_the_gradebook(error: Exception) -> bool:
    """Whether the database refused: a full disk, no rights, no server. Commands that need none do not import it."""
    if "sqlalchemy.exc" not in sys.modules:
        return False
    from sqlalchemy.exc import OperationalError

    return isinstance(error, OperationalError)


def _remedy(error: OSError) -> str:
    """What to do about a disk that is full or a folder that may not be written; nothing is lost by either."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "; make room and run it again: what was finished is kept"
    if isinstance(error, PermissionError):
        return "; give yourself the right to it and run it again: what was finished is kept"
    return ""


def chosen_labs(lab: str | None, known: list[str]) -> list[str]:
    """The lab that was asked for, or all of them; LookupError for one that is not known."""
    if lab is not None and lab not in known:
        raise LookupError(f"no lab is called {lab!r}; there are: {', '.join(known) or 'none'}.")
    return known if lab is None else [lab]


def stdout() -> Console:
    """Where tables are shown: text stands there as it is, as `[red]` and `:bomb:` may be names of files."""
    from rich.console import Console

    return Console(markup=False, emoji=False)


def stderr() -> Console:
    """Where progress is shown: standard error, so that output can be piped."""
    from rich.console import Console

    return Console(stderr=True, markup=False, emoji=False)


def finish(result: Any, failures: list[str], done: str, as_json: bool) -> None:
    """Print the result, then the failures, and leave with the exit code that belongs to them."""
    if as_json:
        typer.echo(json.dumps(result, indent=1))
    elif done:
        typer.echo(done)
    for failure in failures:
        typer.echo(student_lines(failure), err=True)
    if failures:
        raise typer.Exit(FELL_SHORT)


def new_table(title: str, *columns: str) -> Any:
    """An empty table; numbers stand to the right, names are not broken."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in NUMBERS else "left", no_wrap=column in NAMES)
    return table
