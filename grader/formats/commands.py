"""The commands `grader quiz export` and `grader quiz formats`: thin, each imports what it needs when it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.formats import import_command as import_command
from grader.quizzes.commands import bank_file, quiz_app
from grader.usage import FELL_SHORT, WRONG_USE, AsJson

if TYPE_CHECKING:
    from grader.formats.model.registry import Exported, NothingCarriedError
    from grader.quizzes.rendered import RenderedBank

    Written = tuple[str, Exported, Path | None]  # of which bank, what, and where it is; nowhere if nothing is in it

__all__ = ["quiz_app"]  # with the commands of this module added

WIDEST = 140  # columns of the tables of formats
FEW_JOBS = 6  # exports that are made sooner one after another than by new processes

OneBank = Annotated[str, typer.Argument(help="A bank, such as assessment, or a YAML file.")]
SomeBanks = Annotated[str, typer.Argument(help="A bank, such as assessment, or a YAML file; or all.")]


@quiz_app.command()
def export(
    bank: SomeBanks,
    to: Annotated[str, typer.Option(help="A format that `grader quiz formats` lists, or all.")],
    variants: Annotated[
        int | None,
        typer.Option(min=1, help="The most variants of an item; as many as students receive by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file; with `all` the folder. By default a folder: build/export/.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a bank for another system, and tell what that system's format cannot carry.

    The bank's claims are run first. Variants become a pool where the format has pools, else numbered questions. What is
    written holds the keys, whatever the bank's mode is: it is for teachers, apart from html, which is sealed.

    Examples: `grader quiz export assessment --to qti12`, `grader quiz export all --to all --variants 10`
    """
    from grader.course.paths import find_course
    from grader.formats.model.registry import format_named, formats

    with user_errors():
        names = list(formats()) if to == "all" else [format_named(to).name]
        paths = list(find_course().bank_files().values()) if bank == "all" else [bank_file(bank)]
        file = out if "all" not in (bank, to) else None
        folder = find_course().root / "build" / "export" if out is None else (out.parent if file else out)
        written = _write_all(paths, names, variants, folder, file)
    if as_json:
        typer.echo(json.dumps([_told(*one) for one in written], indent=1, ensure_ascii=False))
    else:
        _show(written)


@quiz_app.command("formats")
def list_formats(
    explain: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="How to import a file of this format, click by click.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the formats, with the types of items and the features that each can carry; or explain one of them.

    Example: `grader quiz formats --explain ilias`
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from grader.formats.model.registry import FEATURES, TYPES, formats

    if explain is not None:
        _explain(explain, as_json)
        return
    known = formats().values()
    if as_json:
        told = [
            {
                "name": f.name,
                "title": f.title,
                "suffix": f.suffix,
                "types": [name for name in TYPES if name in f.types],
                "features": [name for name in FEATURES if name in f.features],
            }
            for f in known
        ]
        typer.echo(json.dumps(told, indent=1))
        return
    console = Console(width=WIDEST)
    for title, names in (("✓ items of this type, - left out", TYPES), ("✓ carried, - lost", FEATURES)):
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
        table.add_column("", no_wrap=True)
        for name in names:
            table.add_column(name.replace(" ", "\n"), no_wrap=True)
        for f in known:
            table.add_row(f.name, *["✓" if name in f.types | f.features else "-" for name in names])
        console.print(table)
    typer.echo("How to import one, click by click: grader quiz formats --explain FORMAT")


def _explain(name: str, as_json: bool) -> None:
    from grader.formats.model.registry import FEATURES, TYPES, format_named

    with user_errors():
        known = format_named(name)
    lost: dict[str, list[str]] = {
        "types": [kind for kind in TYPES if kind not in known.types],
        "features": [str(feature) for feature in FEATURES if feature not in known.features],
    }
    if as_json:
        told = {"name": known.name, "title": known.title, "suffix": known.suffix, "guide": known.guide, "lost": lost}
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
        return
    typer.echo(known.guide.rstrip())
    for what, names in lost.items():
        if names:
            typer.echo(f"\nIt has no {what} for: {', '.join(names)}.")
    typer.echo(f"\nWhat a bank of yours loses, item by item: `grader quiz export BANK --to {name}`.")


@quiz_app.command("score-table")
def score_table(
    bank: OneBank,
    variants: Annotated[
        int | None,
        typer.Option(min=1, help="The most variants of an item; as many as students receive by default."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file; printed by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the points of every response to every item, as CSV or JSON, to compare other systems with.

    Columns of the CSV: item, variant, response, points. A response is what was chosen or typed, in plain text; of an
    item with several parts, part by part; empty for no answer. The JSON has the same rows with each response part by
    part, and the questions with their options, so that any engine can be fed. Where the combinations are too many,
    those that differ little from the right one, or answer one part alone, stand for all.
    """
    from grader.formats.model.score_table import score_json
    from grader.formats.model.score_table import score_table as table
    from grader.quizzes.prove import proved_bank

    with user_errors():
        made = (score_json if as_json else table)(proved_bank(bank_file(bank), variants))
    if out is None:
        typer.echo(made, nl=False)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(made, encoding="utf-8", newline="")
    rows = len(json.loads(made)["responses"]) if as_json else made.count("\n") - 1
    typer.echo(f"{rows} responses in {out}")


@contextmanager
def user_errors() -> Iterator[None]:
    """Errors that the user can mend become messages: exit code 1 for what a bank says wrongly, 2 for wrong use."""
    from grader.quizzes.load import QuizError

    try:
        yield
    except QuizError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FELL_SHORT) from None
    except (LookupError, FileNotFoundError, ValueError) as error:
        typer.echo(f"grader: {error.args[0] if isinstance(error, LookupError) else error}", err=True)
        raise typer.Exit(WRONG_USE) from None


def _write_all(
    paths: list[Path], names: list[str], variants: int | None, folder: Path, file: Path | None
) -> list[Written]:
    import os
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from multiprocessing import get_context

    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    from grader.formats.model.registry import Exported, NothingCarriedError
    from grader.quizzes.prove import proved_bank

    written: list[Written] = []
    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    cores = os.cpu_count() or 1
    with ExitStack() as opened:
        bar = opened.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        task = bar.add_task("proving", total=len(paths) * (len(names) + 1))
        threads = opened.enter_context(ThreadPoolExecutor(cores))  # claims run in a process for each bank
        banks = list(threads.map(lambda path: proved_bank(path, variants), paths))
        bar.update(task, advance=len(paths))
        jobs = [(bank, name) for bank in banks for name in names]
        made_by: Callable[..., Iterable[Exported | NothingCarriedError]] = map
        if len(jobs) > FEW_JOBS:
            made_by = opened.enter_context(ProcessPoolExecutor(cores, get_context("spawn"))).map
        folder.mkdir(parents=True, exist_ok=True)
        for (bank, name), made in zip(jobs, made_by(_made, jobs), strict=True):
            bar.update(task, advance=1, description=f"{bank.bank} as {name}")
            if isinstance(made, NothingCarriedError) and len(jobs) == 1:
                raise made
            if isinstance(made, NothingCarriedError):
                written.append((bank.bank, Exported(name, "", b"", made.losses, 0), None))
                continue
            goal = file or folder / made.file_name
            goal.write_bytes(made.data)
            written.append((bank.bank, made, goal))
    return written


def _made(job: tuple[RenderedBank, str]) -> Exported | NothingCarriedError:
    """One bank in one format, or why it is not; several are made side by side."""
    from grader.formats.model.registry import NothingCarriedError, export_bank

    try:
        return export_bank(*job)
    except NothingCarriedError as error:
        return error


def _told(bank: str, made: Exported, file: Path | None) -> dict[str, Any]:
    losses = [asdict(loss) for loss in made.losses]
    return {
        "bank": bank,
        "format": made.format,
        "file": str(file) if file else None,
        "bytes": len(made.data),
        "items": made.items,
        "losses": losses,
    }


def _show(written: list[Written]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table()
    for column in ("bank", "format", "items", "items lost", "fields lost", "bytes"):
        named = column in ("bank", "format")
        table.add_column(column, justify="left" if named else "right", no_wrap=named)
    for bank, made, _ in written:
        gone = left_out(made)
        counts = (made.items, gone, len(made.losses) - gone, len(made.data))
        table.add_row(bank, made.format, *map(str, counts))
    console.print(table)
    files = [file for _, _, file in written if file]
    goal = str(files[0]) if len(files) == 1 else f"{len(files)} files in {files[0].parent}"
    console.print(f"Written: {goal}", markup=False, highlight=False, soft_wrap=True)
    if len({bank for bank, _, _ in written}) > 1 and len({made.format for _, made, _ in written}) > 1:
        console.print("What each loss is: export one bank or one format, or say --json.")
        return
    losses: dict[tuple[str, str, str, str], list[str]] = {}
    for bank, made, _ in written:
        for loss in made.losses:
            losses.setdefault((bank, made.format, loss.field, loss.said), []).append(loss.item or "the bank")
    for (bank, name, field, said), items in losses.items():
        line = f"{bank} {name}: {field}: {said} ({', '.join(items)})"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def left_out(made: Exported) -> int:
    """How many items are not in an export because its format has none of their type."""
    from grader.formats.model.registry import TYPES

    return len({loss.item for loss in made.losses if loss.field in TYPES})
