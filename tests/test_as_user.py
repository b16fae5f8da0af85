"""The sandbox and unreadable files for somebody who is not root: a part of what `make test-as-user` runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
PART = (
    "tests/kernels/test_session.py",
    "tests/kernels/test_sandbox.py",
    "tests/kernels/test_process.py",
    "tests/attacks/test_unreadable.py",
)


def test_the_sandbox_and_the_grader_hold_for_an_ordinary_user() -> None:
    if os.getuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv"))):
        pytest.skip(
            "only root can become somebody else, with unshare and setpriv; others run these tests as themselves"
        )
    command = [str(REPO / "tests" / "as_user.sh"), "-q", "-p", "no:xdist", *PART]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GRADER"))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 30
