"""nbgrader's own tests of autograding, feedback and validation, with our Execute in the place of its own.

Two of those of autograding skip themselves. Minutes long: `pytest -m long`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbgrader
import pytest

REPO = Path(__file__).parents[2]
APPS = Path(nbgrader.__file__).parent / "tests" / "apps"


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "passed", "skipped"),
    [
        ("test_nbgrader_autograde.py", 40, 2),
        ("test_nbgrader_generate_feedback.py", 15, 0),
        ("test_nbgrader_validate.py", 20, 0),
    ],
)
def test_nbgraders_own_tests(tmp_path: Path, module: str, passed: int, skipped: int) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # it calls `alembic`
        "PYTHONPATH": str(REPO),
    }
    environment.pop("GRADER_ROOT", None)
    alone = ["-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:cacheprovider", "-p", "tests.course.our_road"]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *alone, str(APPS / module)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    counts = {what: int(number) for number, what in re.findall(r"(\d+) (passed|failed|skipped|error)", done.stdout)}
    assert counts == {"passed": passed} | ({"skipped": skipped} if skipped else {}), done.stdout[-6000:]
