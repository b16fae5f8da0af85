"""What a course gives beside an assignment's notebooks: data, modules, pictures, which each graded folder has too."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_files
from traitlets.config import Config

from grader.course.paths import Course

SMALL = 2**20  # bytes; larger files are bound into kernels instead of copied
SMALL_TOGETHER = 16 * 2**20


@dataclass(frozen=True)
class Given:
    """The files of an assignment that win over those handed in, by relative name.

    Small ones travel with the assignment. Large ones are linked into `folder`, which holds nothing else and which
    kernels see below their own; `large` has the SHA-256 of each. On a cluster it has to be there under the same path.
    """

    small: Mapping[str, bytes] = field(default_factory=dict)
    folder: str = ""
    large: Mapping[str, str] = field(default_factory=dict)
    spared: tuple[str, ...] = ()
    """Names of which students' own files stand (`c.Autograde.exclude_overwriting`), of whatever kind they are."""

    @property
    def names(self) -> list[str]:
        """All relative names, in order."""
        return sorted([*self.small, *self.large])

    def path(self, name: str) -> Path:
        """Where a large file lies."""
        return Path(self.folder, name)

    @property
    def lower(self) -> Path | None:
        """The folder below a kernel's own; None where all files are small."""
        return Path(self.folder) if self.large else None

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        small = {name: base64.b64encode(content).decode("ascii") for name, content in self.small.items()}
        return {"small": small, "folder": self.folder, "large": dict(self.large), "spared": list(self.spared)}

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Given:
        """The inverse of `to_json`."""
        small = {name: base64.b64decode(content) for name, content in said["small"].items()}
        return Given(small, said["folder"], said["large"], tuple(said["spared"]))


def under(files: Mapping[str, bytes], taken: Iterable[str]) -> dict[str, bytes]:
    """Files that can stand beside others whose names are `taken`: not in their place, and no file for a folder."""
    names = set(taken)
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    return {
        name: content
        for name, content in files.items()
        if name not in names
        and name not in folders
        and not any(str(parent) in names for parent in PurePosixPath(name).parents)
    }


def given_files(course: Course, lab: str, config: Config) -> Given:
    """What nbgrader would copy from the source folder over a submission: all but notebooks, ignored and excluded files.

    See nbgrader's `CourseDirectory.ignore` and `Autograde.exclude_overwriting`.
    """
    folder = course.source_of(lab)
    directory = CourseDirectory(config=config)
    ignored = [*directory.ignore, "*.ipynb"]
    spared = sorted(Autograde(coursedir=directory, config=config).exclude_overwriting.get(lab, ()))
    small: dict[str, bytes] = {}
    large: dict[str, str] = {}
    room = SMALL_TOGETHER
    for path in sorted(map(Path, find_all_files(str(folder), ignored) if folder.is_dir() else ())):
        name = path.relative_to(folder).as_posix()
        if name in spared or not path.is_file():
            continue
        size = path.stat().st_size
        if size <= min(SMALL, room):
            small[name], room = path.read_bytes(), room - size
        else:
            large[name] = _digest(path, size, path.stat().st_mtime_ns)
    return Given(small, str(_staged(course, lab, folder, large)) if large else "", large, tuple(spared))


@lru_cache(maxsize=64)
def _digest(path: Path, _size: int, _time: int) -> str:
    """The SHA-256 of a large file, read once as long as it does not change: nbgrader asks for each notebook."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _staged(course: Course, lab: str, folder: Path, large: Mapping[str, str]) -> Path:
    """A folder with the large files alone: beside them in the instructor's lie notebooks with solutions.

    Its name says what it holds, so that it is made once; links need no room, and where there are none, copies do.
    """
    content = hashlib.sha256(json.dumps(large, sort_keys=True).encode()).hexdigest()[:16]
    stages = course.cache / ".given" / lab
    stage = stages / content
    if stage.is_dir():
        return stage
    shutil.rmtree(stages, ignore_errors=True)
    stages.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=stages) as made:
        for name in large:
            goal = Path(made, "files", name)
            goal.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(folder / name, goal)
        for place in (Path(made, "files"), *Path(made, "files").rglob("*/")):
            place.chmod(0o755)
        with contextlib.suppress(FileExistsError):
            Path(made, "files").rename(stage)
    return stage


def _link_or_copy(source: Path, goal: Path) -> None:
    """A link where everybody may read the file, as a kernel's user has to; its own rights are never changed."""
    if source.stat().st_mode & 0o444 == 0o444:
        with contextlib.suppress(OSError):
            os.link(source, goal)
            return
    shutil.copy2(source, goal)
    goal.chmod(0o644)
