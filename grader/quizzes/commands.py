"""The commands `grader quiz …`: thin, and quick to load, because each imports what it needs when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.usage import FELL_SHORT, WRONG_USE

if TYPE_CHECKING:
    from grader.quizzes.evaluate import Walls

quiz_app = typer.Typer(
    help="Prove and preview the item banks of quizzes/, write them for other systems, print the schema of banks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

BankArgument = Annotated[
    str | None, typer.Argument(help="A bank, such as assessment, or the YAML file of any; without it, all of them.")
]


class Sandbox(StrEnum):
    """How a bank's code runs; `none` is for a bank that one has read and trusts."""

    AUTO = "auto"
    NONE = "none"


SandboxOption = Annotated[
    Sandbox,
    typer.Option(help="auto: a bank's code runs shut in; none: with your rights, where no sandbox can be had."),
]


@quiz_app.command()
def preview(
    bank: Annotated[str, typer.Argument(help="A bank, such as assessment, or the YAML file of any.")],
    variants: Annotated[
        int | None, typer.Option(min=1, max=20, help="Variants to show; as many as students receive by default.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The HTML file; build/previews/BANK.html by default.")] = None,
    sandbox: SandboxOption = Sandbox.AUTO,
) -> None:
    """Write a bank to one HTML page: every item with its keys, claims, feedback and figures.

    The page is for authors and instructors: it has all the answers. What does not hold of the bank stands at its top.
    """
    from rich.console import Console

    from grader.course.paths import find_course
    from grader.quizzes.load import QuizError
    from grader.quizzes.preview import preview as made

    [path] = banks_of(bank)
    try:
        with shut_in(), Console(stderr=True).status("rendering") as status:
            page, faults = made(path, variants, status.update, walls_of(sandbox))
    except QuizError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FELL_SHORT) from None
    goal = out or find_course().root / "build" / "previews" / f"{path.stem}.html"
    goal.parent.mkdir(parents=True, exist_ok=True)
    goal.write_text(page, encoding="utf-8")
    typer.echo(str(goal))
    for fault in faults:
        typer.echo(str(fault), err=True)
    if faults:
        raise typer.Exit(FELL_SHORT)


@quiz_app.command()
def schema() -> None:
    """Print the JSON Schema of a bank; quizzes/bank.schema.json is this."""
    from grader.course.paths import find_course
    from grader.course.settings import load_settings
    from grader.quizzes.schema import schema as made

    try:
        families = load_settings(find_course().root).families
    except LookupError as error:
        typer.echo(f"grader: {error.args[0]}", err=True)
        raise typer.Exit(WRONG_USE) from None
    typer.echo(made(families), nl=False)


def walls_of(sandbox: Sandbox) -> Walls | None:
    """What an author's choice means for `grader.quizzes.evaluate`."""
    return "none" if sandbox == Sandbox.NONE else None


@contextmanager
def shut_in() -> Iterator[None]:
    """Tell what keeps a bank from being shut in, and end."""
    from grader.kernels.sandbox import SandboxError

    try:
        yield
    except SandboxError as refused:
        typer.echo(f"grader: nothing of the bank was run: {refused}", err=True)
        raise typer.Exit(FELL_SHORT) from None


def bank_file(bank: str) -> Path:
    """The YAML file of a bank, by its name or its path. Raises LookupError, which lists the banks that there are."""
    from grader.course.paths import find_course

    path = Path(bank)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise LookupError(f"there is no file {path}.")
        return path
    known = find_course().bank_files()
    if bank not in known:
        raise LookupError(f"no bank is called {bank!r}; there are: {', '.join(known) or 'none'}.")
    return known[bank]


def banks_of(bank: str | None) -> list[Path]:
    """The files of all banks of the course, or of the one that is named or whose file is."""
    from grader.course.paths import find_course

    try:
        return list(find_course().bank_files().values()) if bank is None else [bank_file(bank)]
    except LookupError as error:
        typer.echo(f"grader: {error.args[0]}", err=True)
        raise typer.Exit(WRONG_USE) from None
