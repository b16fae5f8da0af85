"""A process that grades a class of the toy lab and imports no more for it than the grader does: its memory is watched.

python grade_apart.py COURSE LIMITS ROWS, of which LIMITS is JSON and ROWS a file to write.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from grader.course.paths import Course
from grader.grading.autograde import grade_class, local_engine
from grader.kernels.limits import Limits

LAB = "01-toy"
JOBS = 2


def main() -> None:
    """Grade, and write the rows."""
    limits = Limits(**json.loads(sys.argv[2]))
    rows = grade_class(Course(Path(sys.argv[1])), LAB, engine=local_engine(JOBS), limits=limits)
    Path(sys.argv[3]).write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")


if __name__ == "__main__":
    main()
