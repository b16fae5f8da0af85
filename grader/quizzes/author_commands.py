"""What an author of a bank does over and over: `grader quiz prove`, `sign` and `new`; thin, quick to load."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.quizzes.commands import BankArgument, Sandbox, SandboxOption, banks_of, quiz_app, shut_in, walls_of
from grader.usage import FELL_SHORT, WRONG_USE, AsJson

if TYPE_CHECKING:
    from grader.quizzes.evaluate import Walls
    from grader.quizzes.prove import Proof

LOOK = 0.3  # seconds between two looks at a file that is watched
COLUMNS = (
    "bank",
    "items",
    "options",
    "bound",
    "signed",
    "cited",
    "neither",
    "claims",
    "variants",
    "fewest",
    "failures",
)

ItemOption = Annotated[str | None, typer.Option("--item", help="The id of one item: it is proved alone.")]


@quiz_app.command()
def prove(
    bank: BankArgument = None,
    item: ItemOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Prove again whenever the file is saved; Ctrl-C ends.")
    ] = False,
    survivors: Annotated[
        bool, typer.Option("--survivors", help="List each change of a text that nothing noticed, signed texts too.")
    ] = False,
    limit: Annotated[float, typer.Option(min=0.1, help="Seconds for each thing that is evaluated.")] = 60.0,
    sandbox: SandboxOption = Sandbox.AUTO,
    as_json: AsJson = False,
) -> None:
    """Run every claim over every variant, try what changes of the texts go unnoticed, and look at the form.

    The table counts options, by what ties their texts to their claims: bound by the engine, signed by a reader, cited
    from a source, or neither; claims run, variants, and the fewest variants of an item that has several.

    A false key, a true distractor, a claim that cannot come out the other way, variants that collide, options that
    read the same, a key that gives itself away, a figure without words, maths that cannot be drawn: each is a failure,
    listed with its line; where the bank says `bound: required`, what is neither bound nor signed too. An item is left
    at its first variant that is untrue. Items that have not changed since they were proved here (build/claims) are not
    run again. Banks hold Python. It runs shut in, as students' code does: no network, none of your files, nothing that
    stays. Where no sandbox can be had, a course's own banks run with your rights, which is said, others only with
    --sandbox=none.

    Examples: `grader quiz prove`, `grader quiz prove 05-means --item a-mean-of-means --watch`
    """
    paths = banks_of(bank)
    if (item is not None or watch) and len(paths) != 1:
        typer.echo("grader: --item and --watch need one bank: name it.", err=True)
        raise typer.Exit(WRONG_USE)
    for _ in _saved(paths[0]) if watch else (0,):
        proofs, doubles = _proved(paths, item, limit, walls_of(sandbox))
        if as_json:
            typer.echo(json.dumps([proof.as_dict() for proof in proofs], indent=1))
        else:
            _show(proofs)
        for proof in proofs if survivors else ():
            for of_item, change in proof.survivors:
                typer.echo(f"{proof.bank}: {of_item}: goes through: {change}")
        failures = [str(fault) for proof in proofs for fault in proof.failures] + doubles
        for failure in failures:
            typer.echo(failure, err=True)
        if failures and not watch:
            raise typer.Exit(FELL_SHORT)


def _proved(paths: list[Path], item: str | None, limit: float, walls: Walls | None) -> tuple[list[Proof], list[str]]:
    """The proofs of banks, side by side under a bar; and of all banks together, what several of them ask."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from grader.quizzes.across import doubles, variants_of
    from grader.quizzes.prove import prove as prove_bank

    columns = (TextColumn("proving"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with shut_in(), Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=sum(variants_of(path, item) for path in paths))

        def tell(what: str) -> None:
            bar.update(task, advance=1, description=what)

        try:
            with ThreadPoolExecutor(os.cpu_count()) as threads:
                proofs = list(threads.map(lambda path: prove_bank(path, limit, tell, walls, item), paths))
        except LookupError as error:
            typer.echo(f"grader: {error.args[0]}", err=True)
            raise typer.Exit(WRONG_USE) from None
    return proofs, [str(fault) for fault in doubles(paths)] if len(paths) > 1 else []


def _saved(path: Path) -> Iterator[int]:
    """Now, and again each time the file has been saved, until Ctrl-C."""
    seen = -1
    try:
        while True:
            changed = path.stat().st_mtime_ns if path.exists() else seen
            if changed != seen:
                seen = changed
                yield changed
                typer.echo(f"{path}: waiting until it is saved; Ctrl-C ends.", err=True)
            time.sleep(LOOK)
    except KeyboardInterrupt:
        return


@quiz_app.command()
def sign(
    bank: Annotated[str, typer.Argument(help="A bank, such as assessment, or the YAML file of any.")],
    item: Annotated[str, typer.Option("--item", help="The id of the item that you read.")],
    option: Annotated[
        int | None, typer.Option(min=1, help="The number of one option; by default all, one by one.")
    ] = None,
    blank: Annotated[str | None, typer.Option(help="Of a cloze item: the blank whose options you read.")] = None,
) -> None:
    """Show what nothing but a reader can tie together, one by one, and sign what you find to agree.

    For each option whose text is prose: its text, the claim that decides it, and `means`, the claim in words. A yes
    puts the hash of all of them, and of the code behind them, into signed.json beside the bank. What changes
    afterwards has to be read and signed anew.

    Example: `grader quiz sign 05-means --item a-mean-of-means`
    """
    from grader.quizzes.load import QuizError, load
    from grader.quizzes.reader import to_read
    from grader.quizzes.signing import sign as signed

    [path] = banks_of(bank)
    try:
        loaded = load(path).only(item)
        [found] = loaded.model.items
        pages = to_read(found, blank, option)
    except (QuizError, LookupError) as error:
        typer.echo(f"grader: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    read = {}
    for place, page in pages.items():
        typer.echo(f"\n{page}\n")
        read[place] = typer.confirm("Does the text say what decides it, no more and no less?")
    if read:
        typer.echo(f"{sum(read.values())} of {len(read)} signed in {signed(load(path), found, read)}")
    if not read or not all(read.values()):
        typer.echo("What is not signed: bind its text, or mend `means`, then sign it.", err=True)
        raise typer.Exit(FELL_SHORT)


@quiz_app.command()
def new(
    lab: Annotated[str, typer.Argument(help="A lab, such as 05-means, or its bank.")],
    kind: Annotated[
        str, typer.Argument(metavar="TYPE", help="single, multiple, numeric, order, match, cloze, code-output.")
    ],
) -> None:
    """Write a commented item at the end of the lab's bank, true as it stands, to start from.

    Example: `grader quiz new 05-means single`, then `grader quiz prove 05-means --item new-single --watch`
    """
    from grader.course.paths import find_course
    from grader.quizzes.starter import begin

    try:
        path, name = begin(find_course(), lab, kind)
    except LookupError as error:
        typer.echo(f"grader: {error.args[0]}", err=True)
        raise typer.Exit(WRONG_USE) from None
    typer.echo(f"{path}: {name}. Now: grader quiz prove {path.stem} --item {name} --watch")


def _show(proofs: list[Proof]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 0), pad_edge=False, show_edge=False)
    for head in COLUMNS:
        table.add_column(head, justify="left" if head == "bank" else "right", no_wrap=head == "bank")
    for proof in proofs:
        table.add_row(proof.bank, *map(str, _counts([proof])))
    if len(proofs) > 1:
        table.add_section()
        table.add_row("all", *map(str, _counts(proofs)))
    Console().print(table)


def _counts(proofs: Iterable[Proof]) -> list[int]:
    """The numbers of a row of the table."""
    them = list(proofs)
    ties = [sum(proof.ties.get(tie, 0) for proof in them) for tie in ("bound", "signed", "cited", "neither")]
    fewest = min((proof.fewest for proof in them if proof.computed), default=0)
    items, options, claims, variants = (
        sum(counted) for counted in zip(*((p.items, p.options, p.claims, p.variants) for p in them), strict=True)
    )
    return [items, options, *ties, claims, variants, fewest, sum(len(proof.failures) for proof in them)]
