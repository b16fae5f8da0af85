"""The commands `grader quiz …`: thin, and quick to load, because each imports what it needs when it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.usage import FELL_SHORT, WRONG_USE, AsJson

if TYPE_CHECKING:
    from grader.quizzes.evaluate import Walls
    from grader.quizzes.prove import Proof

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
def prove(
    bank: BankArgument = None,
    limit: Annotated[float, typer.Option(min=0.1, help="Seconds for each thing that is evaluated.")] = 60.0,
    sandbox: SandboxOption = Sandbox.AUTO,
    as_json: AsJson = False,
) -> None:
    """Run every claim over every variant, then the lints.

    The table counts options, the share of them that claims decide, claims run, variants, and the fewest variants of an
    item that has several.

    A false key, a true distractor, a claim that cannot come out the other way, variants that collide, options that
    read the same, a key that gives itself away, a figure without words, maths that cannot be drawn: each is a failure,
    listed with its line. Items that have not changed since they were proved here (build/claims) are not run again.
    Banks hold Python. It runs shut in, as students' code does: no network, none of your files, nothing that stays.
    Where no sandbox can be had, a course's own banks run with your rights, which is said, others only with
    --sandbox=none.
    """
    from rich.console import Console

    from grader.quizzes.prove import prove as prove_bank

    paths = _banks(bank)
    walls = _walls(sandbox)
    with _shut_in(), Console(stderr=True).status("proving") as status, ThreadPoolExecutor(os.cpu_count()) as threads:
        proofs = list(threads.map(lambda path: prove_bank(path, limit, status.update, walls), paths))
    if as_json:
        typer.echo(json.dumps([proof.as_dict() for proof in proofs], indent=1))
    else:
        _show(proofs)
    failures = [str(fault) for proof in proofs for fault in proof.failures]
    for failure in failures:
        typer.echo(failure, err=True)
    if failures:
        raise typer.Exit(FELL_SHORT)


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

    from grader.paths import find_course
    from grader.quizzes.load import QuizError
    from grader.quizzes.preview import preview as made

    [path] = _banks(bank)
    try:
        with _shut_in(), Console(stderr=True).status("rendering") as status:
            page, faults = made(path, variants, status.update, _walls(sandbox))
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
    from grader.paths import find_course
    from grader.quizzes.schema import schema as made
    from grader.settings import load_settings

    try:
        families = load_settings(find_course().root).families
    except LookupError as error:
        typer.echo(f"grader: {error.args[0]}", err=True)
        raise typer.Exit(WRONG_USE) from None
    typer.echo(made(families), nl=False)


def _walls(sandbox: Sandbox) -> Walls | None:
    return "none" if sandbox == Sandbox.NONE else None


@contextmanager
def _shut_in() -> Iterator[None]:
    """Tell what keeps a bank from being shut in, and end."""
    from grader.kernels.sandbox import SandboxError

    try:
        yield
    except SandboxError as refused:
        typer.echo(f"grader: nothing of the bank was run: {refused}", err=True)
        raise typer.Exit(FELL_SHORT) from None


def bank_file(bank: str) -> Path:
    """The YAML file of a bank, by its name or its path. Raises LookupError, which lists the banks that there are."""
    from grader.paths import find_course

    path = Path(bank)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise LookupError(f"there is no file {path}.")
        return path
    known = find_course().bank_files()
    if bank not in known:
        raise LookupError(f"no bank is called {bank!r}; there are: {', '.join(known) or 'none'}.")
    return known[bank]


def _banks(bank: str | None) -> list[Path]:
    """The files of all banks of the course, or of the one that is named or whose file is."""
    from grader.paths import find_course

    try:
        return list(find_course().bank_files().values()) if bank is None else [bank_file(bank)]
    except LookupError as error:
        typer.echo(f"grader: {error.args[0]}", err=True)
        raise typer.Exit(WRONG_USE) from None


def _show(proofs: list[Proof]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 0), pad_edge=False, show_edge=False)
    for head in ("bank", "items", "options", "claimed", "claims", "variants", "fewest", "failures"):
        table.add_column(head, justify="left" if head == "bank" else "right", no_wrap=head == "bank")
    for p in proofs:
        counts = (p.items, p.options, f"{p.claimed:.0%}", p.claims, p.variants, p.fewest, len(p.failures))
        table.add_row(p.bank, *map(str, counts))
    if len(proofs) > 1:
        options, cited = sum(p.options for p in proofs), sum(p.cited for p in proofs)
        counts = (
            sum(p.items for p in proofs),
            options,
            f"{1 - cited / max(options, 1):.0%}",
            sum(p.claims for p in proofs),
            sum(p.variants for p in proofs),
            min((p.fewest for p in proofs if p.computed), default=0),
            sum(len(p.failures) for p in proofs),
        )
        table.add_section()
        table.add_row("all", *map(str, counts))
    Console().print(table)
