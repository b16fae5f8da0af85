"""What every command has in common: the exit codes, and the option for scripts."""

from __future__ import annotations

from typing import Annotated

import typer

HELD, FELL_SHORT, WRONG_USE = 0, 1, 2  # all held; something fell short, and is listed; wrong use

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of a table.")]
