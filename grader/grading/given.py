"""What a course gives beside an assignment's notebooks: data, modules, pictures, which each graded folder has too."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
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

    Small ones travel with the assignment. Large ones stay where they are: `folder` is the instructor's folder, and
    `large` has the SHA-256 of each. On a cluster that folder has to be there under the same path.
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

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        small = {name: base64.b64encode(content).decode("ascii") for name, content in self.small.items()}
        return {"small": small, "folder": self.folder, "large": dict(self.large), "spared": list(self.spared)}

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Given:
        """The inverse of `to_json`."""
        small = {name: base64.b64decode(content) for name, content in said["small"].items()}
        return Given(small, said["folder"], said["large"], tuple(said["spared"]))


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
            with path.open("rb") as file:
                large[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return Given(small, str(folder) if large else "", large, tuple(spared))
