"""Programs of others that judge our exports, in an environment of their own: their needs would disturb the product's.

`python -m tests.formats.foreign` makes it, once for each list of pins; the first test that needs it does so too. The
pins stand in `pyproject.toml`, dependency group `foreign`; `PIP_ARGS` has more arguments for pip.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent
HOME = Path(sys.prefix) / "foreign"
REMEDY = (
    "make foreign-tools installs what judges exports; it needs a package index (PIP_ARGS has more arguments for pip)"
)


def pins() -> list[str]:
    """What is installed there, with versions."""
    with (REPO / "pyproject.toml").open("rb") as file:
        found: list[str] = tomllib.load(file)["dependency-groups"]["foreign"]
    return found


def foreign_python() -> Path:
    """The interpreter of that environment, which is made if it is not there; one process makes it, others wait.

    Raises:
        AssertionError: pip could not install it.
    """
    python, ready = HOME / "bin" / "python", HOME / "ready"
    made_of = hashlib.sha256("\n".join(pins()).encode()).hexdigest()
    with (Path(sys.prefix) / "foreign.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.is_file() or ready.read_text() != made_of:
            venv.create(HOME, clear=True, with_pip=True, symlinks=True)
            more = shlex.split(os.environ.get("PIP_ARGS", ""))
            command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *more, *pins()]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, f"{REMEDY}:\n{done.stderr[-2000:]}"
            ready.write_text(made_of)
    return python


if __name__ == "__main__":
    print(foreign_python())
