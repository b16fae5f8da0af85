"""`make test-pythons`: set-up, kernels, sandbox, grading and one lab on every other Python that the kit is for.

Those count that really start on this machine: `python3.12` and the like on the PATH, what pyenv keeps, and what the
variable PYTHONS names (paths, separated by spaces). Each gets a copy of the working tree with an environment of its
own under build/pythons, made by `make`, so that set-up is tested too; a second run finds it there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ((3, 11), (3, 12), (3, 13))
TESTS = (
    "tests/labkit",
    "tests/kernels/test_everyday.py",
    "tests/kernels/test_process.py",
    "tests/kernels/test_sandbox.py",
    "tests/kernels/test_seccomp.py",
    "tests/kernels/test_wire.py",
    "tests/grading/test_engine.py",
    "tests/grading/test_roads.py",
    "tests/labs/test_05_dpo.py",
    "tests/test_house.py",
    "tests/test_make_lab.py",
)
ASK = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable)"


def candidates() -> Iterator[str]:
    """Commands and paths that may be Pythons."""
    yield from os.environ.get("PYTHONS", "").split()
    names = [f"python{major}.{minor}" for major, minor in VERSIONS]
    yield from names
    if pyenv := shutil.which("pyenv"):
        listed = subprocess.run([pyenv, "versions", "--bare"], capture_output=True, text=True, check=False).stdout
        for version in listed.split():
            found = subprocess.run([pyenv, "prefix", version], capture_output=True, text=True, check=False).stdout
            yield str(Path(found.strip()) / "bin" / "python")


def pythons() -> dict[tuple[int, int], str]:
    """Version -> the first interpreter of it that starts and can make an environment; this process's version is out."""
    found: dict[tuple[int, int], str] = {}
    for candidate in candidates():
        try:
            done = subprocess.run([candidate, "-c", ASK], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.returncode:
            continue
        version, path = done.stdout.split(maxsplit=1)
        major, minor = (int(part) for part in version.split("."))
        if (major, minor) in VERSIONS and (major, minor) != sys.version_info[:2]:
            found.setdefault((major, minor), path.strip())
    return found


def copy_tree(goal: Path) -> None:
    """The working tree as git sees it, with the times of its files: make then knows what changed."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    kept = {name for name in names if (ROOT / name).is_file()}
    if goal.is_dir():
        made = subprocess.run(listed, cwd=goal, capture_output=True, text=True, check=True).stdout.splitlines()
        for name in set(made) - kept:
            (goal / name).unlink(missing_ok=True)
    else:
        goal.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet"], cwd=goal, check=True)
    for name in kept:
        (goal / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, goal / name)
    subprocess.run(["git", "add", "--all"], cwd=goal, check=True)  # tests ask git what belongs to the repository


def run(version: tuple[int, int], python: str, arguments: list[str]) -> bool:
    """Set up and test on one Python; whether all held."""
    name = ".".join(map(str, version))
    tree = ROOT / "build" / "pythons" / name
    print(f"== Python {name}: {python}", flush=True)
    copy_tree(tree)
    if subprocess.run(["make", "--no-print-directory", "data", f"PYTHON={python}"], cwd=tree, check=False).returncode:
        return False
    found = subprocess.run([".venv/bin/python", "-c", ASK], cwd=tree, capture_output=True, text=True, check=True).stdout
    assert found.startswith(f"{name} "), f"the environment is of Python {found.split()[0]}: remove {tree}"
    pytest = [".venv/bin/python", "-m", "pytest", "-p", "no:cacheprovider", *(arguments or ["-n", "2", *TESTS])]
    return subprocess.run(pytest, cwd=tree, check=False).returncode == 0


def main(arguments: list[str]) -> int:
    """Run on all that start; arguments take the place of TESTS. 0: all held."""
    found = pythons()
    missing = [v for v in VERSIONS if v not in found and v != sys.version_info[:2]]
    for version in missing:
        name = ".".join(map(str, version))
        print(f"== Python {name}: none starts here; install it, or name it: make test-pythons PYTHONS=/path/to/python")
    failed = [version for version, python in sorted(found.items()) if not run(version, python, arguments)]
    for version in failed:
        print(f"== Python {'.'.join(map(str, version))}: not all held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
