"""The commands `grader quiz export` and `grader quiz formats`: thin, each imports what it needs when it runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.export import import_command as import_command
from grader.quizzes.commands import WRONG_USE, AsJson, quiz_app

if TYPE_CHECKING:
    from grader.export.registry import Exported

__all__ = ["quiz_app"]  # with the commands of this module added

OneBank = Annotated[str, typer.Argument(help="A bank, such as assessment, or a YAML file.")]


@quiz_app.command()
def export(
    bank: OneBank,
    to: Annotated[str, typer.Option(help="A format that `grader quiz formats` lists, or all.")],
    variants: Annotated[
        int | None,
        typer.Option(min=1, help="The most variants of an item; as many as students receive by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file, or with --to all the folder; in build/export/ by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a bank for another system, and tell what that system's format cannot carry.

    The bank's claims are run first. Variants become a pool where the format has pools, else numbered questions. What is
    written holds the keys, whatever the bank's mode is: it is for teachers, apart from html, which is sealed.

    Examples: `grader quiz export assessment --to qti12`, `grader quiz export 05-dpo --to all --variants 10`
    """
    from grader.export.registry import format_named, formats
    from grader.paths import find_course

    try:
        names = list(formats()) if to == "all" else [format_named(to).name]
        path = bank_file(bank)
        folder = out if out and to == "all" else (out.parent if out else find_course().root / "build" / "export")
        written = _write_all(path, names, variants, folder, out if to != "all" else None)
    except (LookupError, FileNotFoundError, ValueError) as error:
        typer.echo(f"grader: {error.args[0] if isinstance(error, LookupError) else error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    if as_json:
        typer.echo(json.dumps([_told(made, file) for made, file in written], indent=1, ensure_ascii=False))
    else:
        _show(written)


@quiz_app.command("formats")
def list_formats(as_json: AsJson = False) -> None:
    """List the formats, with the types of items and the features that each can carry."""
    from rich.console import Console
    from rich.table import Table

    from grader.export.registry import FEATURES, TYPES, formats

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
    table = Table("", *[f.name for f in known], title="✓ carried, - lost", title_justify="left")
    for kind in TYPES:
        table.add_row(kind, *["✓" if kind in f.types else "-" for f in known])
    table.add_section()
    for feature in FEATURES:
        table.add_row(feature, *["✓" if feature in f.features else "-" for f in known])
    Console(width=max(100, 22 + sum(len(f.name) + 3 for f in known))).print(table)


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


def _write_all(
    path: Path, names: list[str], variants: int | None, folder: Path, file: Path | None
) -> list[tuple[Exported, Path]]:
    from rich.console import Console
    from rich.progress import Progress

    from grader.export.registry import export_bank
    from grader.quizzes.prove import proved_bank

    written = []
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"proving {path.stem}", total=len(names) + 1)
        bank = proved_bank(path, variants)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            bar.update(task, advance=1, description=f"{path.stem} as {name}")
            made = export_bank(bank, name)
            goal = file or folder / made.file_name
            goal.write_bytes(made.data)
            written.append((made, goal))
        bar.update(task, advance=1)
    return written


def _told(made: Exported, file: Path) -> dict[str, Any]:
    losses = [asdict(loss) for loss in made.losses]
    return {"format": made.format, "file": str(file), "bytes": len(made.data), "items": made.items, "losses": losses}


def _show(written: list[tuple[Exported, Path]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table()
    for column in ("format", "items", "left out", "fields lost", "bytes", "file"):
        table.add_column(column, justify="left" if column in ("format", "file") else "right", overflow="fold")
    for made, file in written:
        gone = left_out(made)
        counts = (made.items, gone, len(made.losses) - gone, len(made.data))
        table.add_row(made.format, *map(str, counts), escape(str(file)))
    console.print(table)
    for made, _ in written:
        by_said: dict[tuple[str, str], list[str]] = {}
        for loss in made.losses:
            by_said.setdefault((loss.field, loss.said), []).append(loss.item or "the bank")
        for (field, said), items in by_said.items():
            console.print(f"{made.format}: {field}: {said} ({', '.join(items)})", markup=False, highlight=False)


def left_out(made: Exported) -> int:
    """How many items are not in an export because its format has none of their type."""
    from grader.export.registry import TYPES

    return len({loss.item for loss in made.losses if loss.field in TYPES})
