"""The commands `grader quiz …`: thin, and quick to load, because each imports what it needs when it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from grader.quizzes.prove import Proof

HELD, FELL_SHORT, WRONG_USE = 0, 1, 2

quiz_app = typer.Typer(
    help="Prove the item banks of quizzes/, write them for other systems, and print the schema that editors use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

BankArgument = Annotated[str | None, typer.Argument(help="A bank, such as assessment; without it, all of them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of a table.")]


@quiz_app.command()
def prove(
    bank: BankArgument = None,
    limit: Annotated[float, typer.Option(min=0.1, help="Seconds for each thing that is evaluated.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Run every claim over every variant, then the lints.

    A false key, a true distractor, a claim that cannot come out the other way, variants that collide, options that
    read the same, a key that gives itself away, a figure without words, maths that cannot be drawn: each is a failure,
    listed with its line. Banks hold Python that runs here, with limits on time and memory: prove banks that you trust.
    """
    from rich.console import Console

    from grader.quizzes.prove import prove as prove_bank

    paths = _banks(bank)
    with Console(stderr=True).status("proving") as status:
        proofs = [prove_bank(path, limit, status.update) for path in paths]
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
def schema() -> None:
    """Print the JSON Schema of a bank; quizzes/bank.schema.json is this."""
    from grader.quizzes.schema import schema as made

    typer.echo(made(), nl=False)


def _banks(bank: str | None) -> list[Path]:
    from grader.paths import find_course

    try:
        known = find_course().bank_files()
        if bank is None:
            return list(known.values())
        if bank not in known:
            raise LookupError(f"no bank is called {bank!r}; there are: {', '.join(known) or 'none'}.")
        return [known[bank]]
    except LookupError as error:
        typer.echo(f"grader: {error.args[0]}", err=True)
        raise typer.Exit(WRONG_USE) from None


def _show(proofs: list[Proof]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("bank", "items", "options", "claims run", "cited", "variants", "failures"):
        table.add_column(column, justify="left" if column == "bank" else "right", no_wrap=column == "bank")
    for p in proofs:
        counts = (p.items, p.options, p.claims, p.cited, p.variants, len(p.failures))
        table.add_row(p.bank, *map(str, counts))
    Console().print(table)
