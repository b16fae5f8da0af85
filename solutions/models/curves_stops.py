"""Make the shipped curves of lab 08: its own cells tagged `loop`, run for several seeds (about a minute each).

    python solutions/models/curves_stops.py --out labs/rlhf/weights/policies/stops.json --seeds 1 2 3   # rlhf-today

A seed that is in the file already is made anew; the others stay.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.build.notebooks import read_source, solution_namespace
from grader.course.paths import Course, find_course

LAB = "08-evaluation"
DIGITS = 4


def loop_namespace(course: Course) -> dict[str, Any]:
    """The names of the solution of lab 08 and of its cells tagged `loop`: `look`, `train_on_stops`, what they need."""
    namespace = solution_namespace(LAB, course)
    cells = read_source(course.solutions / LAB / "lab.py").cells
    for cell in cells:
        if "loop" in cell.metadata.get("tags", []):
            exec(compile(cell.source, f"<{cell.id}>", "exec"), namespace)
    return namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Train once for each seed, and write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    args = parser.parse_args(arguments)
    train = loop_namespace(find_course())["train_on_stops"]
    for seed in args.seeds:
        runs = json.loads(args.out.read_text()) if args.out.is_file() else {}
        rows = train(seed=seed)
        runs[str(seed)] = [{name: round(value, DIGITS) for name, value in row.items()} for row in rows]
        text = ",\n".join(
            f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in run) + "\n]" for name, run in sorted(runs.items())
        )
        args.out.write_text("{\n" + text + "\n}\n")
        print(seed, max(row["gold"] for row in rows), rows[-1], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
