"""Programs out of wheels, each in a folder of its own beside the environment, whose packages they leave alone.

The pins stand in `pyproject.toml`, dependency group `tools`; `PIP_ARGS` has more arguments for pip.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.tools.found import MissingError

REPO = Path(__file__).resolve().parents[2]
FOLDER = Path(sys.prefix) / "tools"


def pin(name: str) -> str:
    """A wheel's name with its version."""
    with (REPO / "pyproject.toml").open("rb") as file:
        listed: list[str] = tomllib.load(file)["dependency-groups"]["tools"]
    (found,) = [one for one in listed if one.partition("==")[0] == name]
    return found


def unpacked(name: str) -> Path:
    """The folder of a wheel that set-up fetched.

    Raises:
        MissingError: it did not.
    """
    folder = FOLDER / pin(name)
    if not folder.is_dir():
        raise MissingError(f"the wheel {pin(name)} was not fetched: make tools")
    return folder


def fetched(name: str) -> Path:
    """The folder of a wheel, which is fetched if it is not there. It appears once it is whole.

    Raises:
        MissingError: pip has none for this machine.
    """
    folder = FOLDER / pin(name)
    if folder.is_dir():
        return folder
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as made:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        more = ["--no-compile", "--only-binary", ":all:", *shlex.split(os.environ.get("PIP_ARGS", ""))]
        done = subprocess.run([*pip, *more, "--target", f"{made}/whole", pin(name)], capture_output=True, text=True)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise MissingError(f"the wheel {pin(name)} was not to be had ({(errors or ['pip said nothing'])[-1]})")
        shutil.rmtree(folder, ignore_errors=True)
        Path(made, "whole").rename(folder)
    return folder
