"""Finished results under `class/cache`, by content: what was graded once is not executed again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from grader.files import write_whole
from grader.grading.result import Graded


@dataclass(frozen=True)
class Cache:
    """The results of one lab; a file a result. A result is there whole or not at all, whenever the power goes."""

    folder: Path

    def get(self, key: str) -> Graded | None:
        """The result under `key`; None where there is none or the file is damaged."""
        try:
            return Graded.from_bytes(self._path(key).read_bytes())
        except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError, TypeError):
            return None

    def put(self, key: str, graded: Graded) -> None:
        """Keep a result: written aside, flushed to the disk, then renamed."""
        write_whole(self._path(key), graded.to_bytes(), flush=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
