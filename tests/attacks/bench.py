"""`make bench`, second part: a class of 100 of which 40 are hostile, beside its 60 honest students alone."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from attack_files import all_attacks
from attack_makers import MADE
from class_of_attackers import Ran, graded, hand_in, new_course
from grade_apart import JOBS
from memory_makers import WANTS_MEMORY

from grader.course.paths import find_course

HONEST, HOSTILE = 60, 40
MADE_TOO = ("forty_megabytes_of_outputs", "many_parts", "ten_thousand_files", "large_file", "half_characters")
SCORE = 5.0


def main() -> None:
    """Run it, and add its lines to `class/reports/bench.md`."""
    honest = [f"honest-{number:02d}" for number in range(HONEST)]
    makes = WANTS_MEMORY | {name: MADE[name] for name in MADE_TOO}
    attacks = list(all_attacks().values())
    chosen = attacks[:: len(attacks) // (HOSTILE - len(makes))][: HOSTILE - len(makes)]
    expected = {attack.name: attack.expected for attack in chosen} | {n: made.expected for n, made in makes.items()}
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        alone = new_course(Path(folder) / "alone")
        hand_in(alone, honest, (), {})
        before = graded(alone)
        mixed = new_course(Path(folder) / "mixed")
        hand_in(mixed, honest, chosen, makes)
        after = graded(mixed)
    clean = [name for name in honest if _is_clean(after, name) and _is_clean(before, name)]
    right = [name for name, told in expected.items() if after.rows[name].score == told.score]
    spent = sum(after.rows[name].seconds for name in expected)
    lines = [
        f"| {HONEST} honest and {len(expected)} hostile, {JOBS} workers | |",
        "|---|---|",
        f"| honest with their exact score and no remark | {len(clean)} of {len(honest)} |",
        f"| hostile with exactly what their honest part is worth | {len(right)} of {len(expected)} |",
        f"| the {HONEST} alone | {before.seconds:.0f} s |",
        f"| all together | {after.seconds:.0f} s |",
        f"| the hostile's own seconds, which limits end | {spent:.0f} s, {spent / JOBS:.0f} s a worker |",
    ]
    for kind in ("main", "worker", "reader"):
        peak, calm = after.peaks[kind], before.peaks[kind]
        lines.append(
            f"| largest {kind} process | {peak.resident:.0f} MB resident, its share {peak.share:.0f} MB "
            f"(alone: {calm.resident:.0f} and {calm.share:.0f}) |"
        )
    for name in sorted(set(expected) - set(right)):
        print(f"{name}: {after.rows[name]}", file=sys.stderr)
    print("\n".join(lines))
    report = find_course().reports / "bench.md"
    report.parent.mkdir(parents=True, exist_ok=True)
    with report.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines) + "\n")


def _is_clean(ran: Ran, name: str) -> bool:
    row = ran.rows[name]
    return (row.score, row.graded, row.reason, list(row.events), list(row.flags)) == (SCORE, True, "", [], [])


if __name__ == "__main__":
    main()
