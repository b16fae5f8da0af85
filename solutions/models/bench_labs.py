"""What the labs promise, measured: seconds of each solution notebook and of each line in it, lab 03's loop by seeds.

python solutions/models/bench_labs.py [--labs 02-reward-model 03-ppo] [--seeds 0 1 2] [--model tiny] [--steps 35]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import torch
from nbclient import NotebookClient
from nbformat import NotebookNode
from rich.console import Console
from rich.table import Table

from grader.build.notebooks import read_source, solution_namespace
from grader.course.paths import Course, find_course
from labkit.cache import KEEP

PPO = "03-ppo"
TIMED = ("01-decoding", "02-reward-model", PPO, "04-partition-function", "05-dpo")
LINE = re.compile(r"(.+?): \d+ of (\d+) steps")  # what `rlhf.line` shows
SILENT = 2.0  # seconds after which a cell without a line is named
MODEL_CELL = 'MODEL = "tiny"'
RATE, KL_COEF, ENDS = 3e-4, 0.2, 5  # those of the notebook; rewards of the first and the last five steps are compared
MIN_GAIN, MIN_ERRORS, MAX_KL, MIN_DISTINCT = 0.8, 5.0, 12.0, 0.45


@dataclass(frozen=True)
class Run:
    """One run of lab 03's loop: its rewards are in standard deviations of the reference's."""

    seed: int
    seconds: float
    first: float
    last: float
    error: float
    kl: float
    distinct: float

    @property
    def gain(self) -> float:
        """Reward of the last steps above that of the first."""
        return self.last - self.first

    @property
    def holds(self) -> bool:
        """Whether the run keeps what the lab promises."""
        wide = self.gain >= MIN_GAIN and self.gain >= MIN_ERRORS * self.error
        return wide and self.kl < MAX_KL and self.distinct >= MIN_DISTINCT


def loop_namespace(course: Course, model: str = "tiny") -> dict[str, Any]:
    """The names of lab 03's solution, with those of its cells tagged `loop`: `start`, `train`, `make_config` …

    Args:
        course: the course whose lab it is.
        model: a name, folder or hub id for `rlhf.load_policy`, in place of tiny.

    Raises:
        ValueError: no cell, or more than one, sets MODEL.
    """
    namespace = solution_namespace(PPO, course)
    source = course.solutions / PPO / "lab.py"
    cells = [cell.source for cell in read_source(source).cells if "loop" in cell.metadata.get("tags", [])]
    found = sum(cell.count(MODEL_CELL) for cell in cells)
    if found != 1:
        raise ValueError(f"{source}: expected one cell tagged loop with {MODEL_CELL!r}, found {found}: restore it.")
    for place, cell in enumerate(cells):
        exec(compile(cell.replace(MODEL_CELL, f"MODEL = {model!r}"), f"<loop cell {place}>", "exec"), namespace)
    return namespace


def measure(namespace: dict[str, Any], seed: int, steps: int) -> Run:
    """Run the loop and compare its ends. Responses to one query count as one number: they are not independent."""
    started = time.monotonic()
    config = namespace["make_config"](
        namespace["MODEL"], learning_rate=RATE, init_kl_coef=KL_COEF, batch_size=namespace["BATCH"], seed=seed
    )
    log = namespace["train"](namespace["start"](config), steps)
    seconds = time.monotonic() - started
    ends = [torch.stack(part) for part in (log["rewards"][:ENDS], log["rewards"][-ENDS:])]
    groups = [part.reshape(-1, namespace["REPEAT"]).mean(1) for part in ends]
    if steps == namespace["EPOCH"] + ENDS:  # the last steps meet the queries of the first
        error = ((groups[1] - groups[0]).var() / len(groups[0])) ** 0.5
    else:
        error = sum(group.var() / len(group) for group in groups) ** 0.5
    kl, distinct = (statistics.fmean(log[name][-ENDS:]) for name in ("KL", "distinct"))
    first, last = (part.mean().item() for part in ends)
    return Run(seed, seconds, first, last, float(error), kl, distinct)


@dataclass(frozen=True)
class Timed:
    """A notebook, a cell of it, or a line that lives: what it is called, and its seconds."""

    name: str
    seconds: float


def timed(course: Course, lab: str) -> list[Timed]:
    """Seconds of a whole solution notebook in a kernel of its own, of its cells with lines, and of slow silent ones."""
    notebook = read_source(course.solutions / lab / "lab.py")
    for cell in notebook.cells:
        cell.source = cell.source.replace("rlhf.smol_installed()", "False")  # the times are those of tiny
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / lab
        folder.mkdir()
        nbformat.write(notebook, folder / f"{lab}.ipynb")
        for file in (course.labs / lab).glob("*.json"):
            shutil.copy(file, folder)
        client = NotebookClient(
            notebook, timeout=600, resources={"metadata": {"path": str(folder)}}, record_timing=True
        )
        started = time.monotonic()
        client.execute(env={**os.environ, KEEP: "off"})
        return [Timed(lab, time.monotonic() - started), *filter(None, map(timed_cell, notebook.cells))]


def timed_cell(cell: NotebookNode) -> Timed | None:
    """A cell by the names of its lines, or by its first words where it is silent for long; the others are None."""
    told = cell.metadata.get("execution", {})
    if not {"iopub.status.busy", "iopub.status.idle"} <= told.keys():
        return None
    began, ended = (datetime.fromisoformat(told[f"iopub.status.{when}"]) for when in ("busy", "idle"))
    seconds = (ended - began).total_seconds()
    shown = [output.data.get("text/plain", "") for output in cell.outputs if output.output_type == "display_data"]
    lines = [f"{found[1]}, {found[2]} steps" for found in map(LINE.match, shown) if found]
    if lines:
        return Timed("; ".join(lines), seconds)
    return Timed(f"silent: {cell.source.strip().splitlines()[0][:60]}", seconds) if seconds > SILENT else None


def seconds_table(times: Sequence[Timed]) -> Table:
    """Seconds of each solution notebook, and below it of its cells that have lines, or should."""
    table = Table("lab, and cells with a line", "seconds", title="Solution notebooks")
    for one in times:
        inside = one.name not in TIMED
        style = "red" if one.name.startswith("silent: ") else "" if inside else "bold"
        table.add_row(f"  {one.name}" if inside else one.name, f"{one.seconds:.1f}", style=style)
    return table


def runs_table(runs: Sequence[Run], model: str, steps: int) -> Table:
    """Lab 03's loop, a row for each seed."""
    title = f"03-ppo: {steps} steps with {model}, lr {RATE:g}, init_kl_coef {KL_COEF:g}"
    table = Table("seed", "seconds", "reward, SD of π_ref", "gain", "gain / SE", "KL, nats", "distinct", title=title)
    for run in runs:
        rewards = f"{run.first:+.2f} → {run.last:+.2f}"
        errors = f"{run.gain / run.error:.1f}" if run.error else "–"
        numbers = [f"{run.gain:.2f}", errors, f"{run.kl:.1f}", f"{run.distinct:.2f}"]
        table.add_row(str(run.seed), f"{run.seconds:.0f}", rewards, *numbers, style="" if run.holds else "red")
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when every seed keeps the promise, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labs", nargs="*", default=None, help="notebooks to time; default: those that take long")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2], help="seeds of lab 03's loop")
    parser.add_argument("--model", default="tiny", help="the policy: tiny, smol, a folder or a hub id")
    parser.add_argument("--steps", type=int, default=35, help="PPO steps of each run")
    args = parser.parse_args(arguments)
    course, console = find_course(), Console()
    wanted = TIMED if args.labs is None else args.labs
    labs = [lab for lab in wanted if args.labs is not None or (course.solutions / lab / "lab.py").exists()]
    load = os.getloadavg()[0]
    console.print(f"{torch.get_num_threads()} threads, load average {load:.1f} at the start", highlight=False)
    if labs:
        console.print(seconds_table([one for lab in labs for one in timed(course, lab)]))
    namespace = loop_namespace(course, args.model) if args.seeds else {}
    runs = [measure(namespace, seed, args.steps) for seed in args.seeds]
    if runs:
        console.print(runs_table(runs, args.model, args.steps))
        console.print(
            f"Asked for: gain at least {MIN_GAIN} and {MIN_ERRORS:g} standard errors, KL under {MAX_KL:g}, "
            f"distinct tokens at least {MIN_DISTINCT}.",
            highlight=False,
        )
    return int(not all(run.holds for run in runs))


if __name__ == "__main__":
    sys.exit(main())
