"""What to give away: to students `labs/` and nothing of `solutions/` or `quizzes/`, to instructors the whole course."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from grader.build.leaks import find_leaks
from grader.course.coursedir import load_config
from grader.course.paths import Course
from grader.course.settings import load_settings

MOST_TOLD = 10
LEFT_BY_WORK = {"__pycache__", "progress.jsonl", "attempts.jsonl"}
LEFT_SUFFIXES = (".egg-info", "_cache", ".pyc", ".part", "-hand-in.zip")
NEVER = {".git", ".venv", "work", "build", "class", "node_modules", "__pycache__", ".ipynb_checkpoints", ".hypothesis"}

STUDENT_README = """# {title}: start here

Everything is in the folder `labs/`; its README tells how to start, and what may be changed.

```
cd labs
python3 -m venv .venv && . .venv/bin/activate    # Windows: py -m venv .venv, then .venv\\Scripts\\activate
pip install {packages}  # several minutes the first time
{commands}
```

Python 3.11, 3.12 and 3.13 will do (`python3 --version`).

With conda: `conda env create -f environment.yml && conda activate {name}`, then in `labs/` what follows `pip install`.
"""

STUDENT_ENVIRONMENT = """# conda env create -f environment.yml; the pins are in {pins}.
name: {name}
channels:
  - conda-forge
dependencies:
  - python>=3.11,<3.14
  - pip
  - pip:
{packages}
"""


def student_bundle(course: Course) -> dict[str, bytes]:
    """The files for students, by path in the zip: `labs/` as it was released, an environment, a short README.

    They are searched for solutions, hidden checks, wrong answers and keys.

    Raises:
        LookupError: something of `solutions/` or `quizzes/` is in them, or a lab is missing.
    """
    for lab in course.lab_names():
        if not (course.labs / lab / f"{lab}.ipynb").is_file():
            raise LookupError(f"{course.labs / lab} has no notebook: run `grader build {lab}` first.")
    files = {f"labs/{path.relative_to(course.labs).as_posix()}": path.read_bytes() for path in _released(course.labs)}
    files |= _beside(course)
    leaks = leaks_in(course, files)
    if leaks:
        told = "\n".join(leaks[:MOST_TOLD])
        raise LookupError(f"the bundle is not made, because answers are in it ({len(leaks)} places):\n{told}")
    return {f"{student_name(course)}/{name}": content for name, content in files.items()}


def instructor_bundle(course: Course) -> dict[str, bytes]:
    """The files for instructors: the course as it stands, without what tools, students and classes made."""
    name = instructor_name(course)
    return {f"{name}/{path.relative_to(course.root).as_posix()}": path.read_bytes() for path in _course(course.root)}


def student_name(course: Course) -> str:
    """What the folder of a student's bundle is called."""
    return _named(course, "labs")


def instructor_name(course: Course) -> str:
    """What the folder of an instructor's bundle is called."""
    return _named(course, "lab-kit")


def _named(course: Course, what: str) -> str:
    name = load_config(course).CourseDirectory.get("course_id", "")
    return f"{name}-{what}" if re.fullmatch(r"[\w-]{1,60}", str(name)) else what


def _beside(course: Course) -> dict[str, bytes]:
    """The README and the environment of a student's bundle: what is to be installed lies in `labs/` too."""
    name, settings = student_name(course), load_settings(course.root)
    packages = [path.parent.name for path in sorted(course.labs.glob("*/pyproject.toml"))]
    readme = STUDENT_README.format(
        title=settings.title or name,
        packages=" ".join(f"-e ./{package}" for package in packages) or "jupyterlab",
        commands="\n".join([*settings.prepare, "python -m labkit.room" if "labkit" in packages else "jupyter lab"]),
        name=name,
    )
    environment = STUDENT_ENVIRONMENT.format(
        name=name,
        pins=", ".join(f"labs/{package}/pyproject.toml" for package in packages) or "those that the course names",
        packages="\n".join(f"      - -e ./labs/{package}" for package in packages) or "      - jupyterlab",
    )
    return {"README.md": readme.encode(), "environment.yml": environment.encode()}


def leaks_in(course: Course, files: Mapping[str, bytes]) -> list[str]:
    """What of the course's answers stands in the files of a bundle, as `grader build --check` looks for it."""
    with tempfile.TemporaryDirectory(prefix="grader-bundle-") as temporary:
        root = Path(temporary)
        for name in ("solutions", "quizzes"):
            (root / name).symlink_to(getattr(course, name))
        for name, content in files.items():
            goal = root / (name if name.startswith("labs/") else f"labs/{name}")
            goal.parent.mkdir(parents=True, exist_ok=True)
            goal.write_bytes(content)
        return [
            str(leak).replace(f"{root}/", "")
            for leak in find_leaks(Course(root, replace(course.layout, release="labs")))
        ]


def _released(labs: Path) -> Iterator[Path]:
    """What a build or an author put into `labs/`: nothing that work or tools left there."""
    for path in sorted(labs.rglob("*")):
        parts = path.relative_to(labs).parts
        if path.is_file() and not path.is_symlink() and not any(map(_is_left, parts)):
            yield path


def _is_left(part: str) -> bool:
    return part.startswith(".") or part in LEFT_BY_WORK or part.endswith(LEFT_SUFFIXES)


def _course(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in NEVER or path.name.endswith(LEFT_SUFFIXES) or path.is_symlink():
            continue
        if path.is_dir():
            yield from _course(path)
        else:
            yield path
