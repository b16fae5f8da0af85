"""The command `grader quiz import`: thin, it imports what it needs when it runs."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.quizzes.commands import quiz_app
from grader.usage import FELL_SHORT, WRONG_USE, AsJson

if TYPE_CHECKING:
    from grader.formats.importing import Imported


@quiz_app.command("import")
def import_bank(
    file: Annotated[Path, typer.Argument(help="A file of another system.")],
    kind: Annotated[
        str | None,
        typer.Option("--from", help="text, moodle-xml, gift, qti12 or qti21; found out by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The bank to write; in build/import/, under the file's name, by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bank that is there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read questions of another system into a bank in YAML, and tell what was not read.

    It reads graded attempts saved as text, Moodle XML, GIFT, QTI 1.2 and QTI 2.1, as files or zips. Keys are marked
    `key: true` and cite the file, as no claim decides them; what each distractor's misconception is, is left to you.
    Nothing in the file is run or fetched. Its pictures are put into pictures/ beside the bank. What is left to do is
    listed; `grader quiz prove FILE` then checks the bank where it lies.

    Exit code 1 means that something was not read: it is listed.
    """
    from grader.formats.importing import import_file
    from grader.formats.reading.drafts import ImportRefusedError

    try:
        found = import_file(file, kind)
        goal = out or _goal(file)
        if goal.exists() and not force:
            raise FileExistsError(f"{goal} is there already. Name another with --out, or say --force to replace it.")
        found.write(goal)
    except (ImportRefusedError, FileExistsError, LookupError) as error:
        typer.echo(f"grader: {error.args[0]}", err=True)
        raise typer.Exit(WRONG_USE) from None
    except OSError as error:
        typer.echo(f"grader: {error.filename or file}: {error.strerror or error}.", err=True)
        raise typer.Exit(WRONG_USE) from None
    if as_json:
        typer.echo(json.dumps(_told(found, goal), indent=1, ensure_ascii=False))
    else:
        _show(found, goal)
    if found.unread or (found.replay and not found.replay.holds):
        raise typer.Exit(FELL_SHORT)


def _goal(file: Path) -> Path:
    from grader.course.paths import find_course
    from grader.formats.reading.drafts import slug

    return find_course().root / "build" / "import" / f"{slug(file.name.split('.')[0]) or 'imported'}.yaml"


def _told(found: Imported, goal: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"file": found.file, "format": found.kind, "bank": str(goal), "items": found.counts}
    told["pictures"] = len(found.pictures)
    told["unread"] = [asdict(unread) for unread in found.unread]
    told["todo"] = asdict(found.todo)
    if found.replay:
        replay = found.replay
        told["replay"] = asdict(replay) | {"share": replay.share, "holds": replay.holds}
    return told


def _show(found: Imported, goal: Path) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from grader.quizzes.pictures import FOLDER

    console = Console()
    console.print(f"{found.file}: {found.kind}", markup=False, highlight=False)
    table = Table("type", "items")
    table.columns[1].justify = "right"
    for kind, count in found.counts.items():
        table.add_row(kind, str(count))
    table.add_section()
    table.add_row("all", str(len(found.items)))
    console.print(table)
    if found.replay:
        replay = found.replay
        said = "" if replay.grade is None else f"; the file says {replay.grade:.0%}"
        told = f"the verdicts replay to {replay.share:.0%} ({replay.earned:g} of {replay.of:g} points){said}"
        console.print(told + (f"; other verdicts: {', '.join(replay.differ)}" if replay.differ else ""), markup=False)
    if found.unread:
        lost = Table("item", "line", "field", "what was not read", title=f"{len(found.unread)} notes")
        for unread in found.unread:
            place = "" if unread.line is None else str(unread.line)
            lost.add_row(*(escape(text) for text in (unread.item or "the file", place, unread.field, unread.said)))
        console.print(lost)
    beside = f", and {_pictures(len(found.pictures))} in {goal.parent / FOLDER}" if found.pictures else ""
    lines = [f"written: {goal}{beside}", "left to do:", *[f"- {line}" for line in found.todo.lines()]]
    lines.append(f"then prove it where it lies: grader quiz prove {shlex.quote(str(goal))}")
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
