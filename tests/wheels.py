"""`python -m tests.wheels FOLDER` builds the wheels of the three packages, for a site that has no package index.

They are built from a copy of what git does not ignore: setuptools leaves folders where it builds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("labs/labkit", "labs/rlhf", ".")
LISTED = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "grader", "labs", "pyproject.toml"]


def build_wheels(folder: Path) -> dict[str, Path]:
    """The three wheels by name, in `folder`, which has no others of them afterwards.

    Raises:
        RuntimeError: a wheel could not be built; the message is pip's.
    """
    names = subprocess.run(LISTED, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    with tempfile.TemporaryDirectory() as made:
        kit, wheels = Path(made, "kit"), Path(made, "wheels")
        for name in filter(lambda name: (ROOT / name).is_file(), names):
            (kit / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, kit / name)
        command = [*pip, "--no-build-isolation", "--wheel-dir", str(wheels), *(f"./{source}" for source in SOURCES)]
        done = subprocess.run(command, cwd=kit, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        for path in wheels.iterdir():
            for old in folder.glob(f"{path.name.partition('-')[0]}-*.whl"):
                old.unlink()
            shutil.copyfile(path, folder / path.name)
        return {path.name.partition("-")[0]: folder / path.name for path in sorted(wheels.iterdir())}


if __name__ == "__main__":
    for wheel in build_wheels(Path(sys.argv[1])).values():
        print(wheel)
