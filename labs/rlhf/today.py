"""`python -m rlhf.today`: the second environment, "Python 3 (RLHF today)", layered on the one that runs this.

It is a virtual environment in the folder `today` of this one. What `today.txt` pins is installed there; everything else
(PyTorch, datasets, Jupyter, labkit, rlhf) is found in this one, through a `.pth` file. Jupyter finds its kernel beside
the first one. Labs that need it say so: their notebooks open with it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from labkit.errors import LabError

KERNEL, DISPLAY_NAME = "rlhf-today", "Python 3 (RLHF today)"
PINS = Path(__file__).with_name("today.txt")
FOLDER, LAYER, READY = "today", "first_environment.pth", "ready"
# Compiled here, once: the grader's kernels write no bytecode.
USED = "import transformers.models.gpt2.modeling_gpt2; from trl import GRPOTrainer, RLOOTrainer"


def today_folder(prefix: Path | None = None) -> Path:
    """Where the second environment of the environment at `prefix` lies; by default of the one that runs this."""
    return (prefix or first_prefix()) / FOLDER


def first_prefix() -> Path:
    """The first environment, whichever of the two runs this."""
    here = Path(sys.prefix)
    return here.parent if here.name == FOLDER and (here / READY).exists() else here


def python_of(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pins() -> dict[str, str]:
    """What is pinned: name -> version."""
    lines = (line.partition("#")[0].strip() for line in PINS.read_text(encoding="utf-8").splitlines())
    return dict(line.split("==") for line in lines if line)


def is_ready(folder: Path | None = None) -> bool:
    """Whether the environment was made whole, and of these pins."""
    stamp = (folder or today_folder()) / READY
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _stamp()


def make(pip_args: Sequence[str] = ()) -> Path:
    """Make the environment and its kernelspec anew, unless it is there; half a minute and 100 MB.

    Args:
        pip_args: further arguments for `pip install`.

    Returns:
        Its folder.

    Raises:
        LabError: a step failed; its own words stand above.
    """
    folder = today_folder()
    if is_ready(folder):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    python = str(python_of(folder))
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    _layer(folder)
    options = ("--quiet", "--no-compile", "--no-warn-conflicts", "--disable-pip-version-check")
    # The first environment's pip, at work in the second; that rlhf pins other versions holds for the first alone.
    _run(sys.executable, "-m", "pip", "--python", python, "install", *options, *pip_args, "-r", str(PINS))
    name = ("--name", KERNEL, "--display-name", DISPLAY_NAME)
    known = {"JUPYTER_PATH": str(Path(sys.prefix, "share", "jupyter"))}  # else it warns that nobody looks there
    _run(python, "-m", "ipykernel", "install", "--prefix", sys.prefix, *name, stdout=subprocess.DEVNULL, more=known)
    _run(python, "-c", USED, more={"PYTHONDONTWRITEBYTECODE": ""})
    (folder / READY).write_text(_stamp(), encoding="utf-8")
    return folder


def _layer(folder: Path) -> None:
    """Let the environment find what the first one has, editable installs too, behind what it has itself."""
    there = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    here = list(dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib")))
    lines = "".join(f"import site; site.addsitedir({path!r})\n" for path in here)
    (Path(there) / LAYER).write_text(lines, encoding="utf-8")


def _stamp() -> str:
    """What the environment depends on."""
    return hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()


def _run(*command: str, stdout: int | None = None, more: Mapping[str, str] | None = None) -> None:
    try:
        subprocess.run(command, check=True, stdout=stdout, env=os.environ | dict(more or {}))
    except (OSError, subprocess.CalledProcessError) as failed:
        raise LabError(
            f'The environment "{DISPLAY_NAME}" could not be made: {shlex.join(command)} failed ({failed}).',
            "Its own words stand above. Labs 01 to 06 run without it; python -m rlhf.today tries again.",
        ) from failed


if __name__ == "__main__":
    try:
        print(f'"{DISPLAY_NAME}" is ready in {make(sys.argv[1:])}')
    except LabError as error:
        sys.exit(str(error))
