"""Finished results under `class/cache`, by content: what was graded once is not executed again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

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
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._path(key), graded.to_bytes(), flush=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def write_whole(path: Path, content: bytes, mode: int = 0o644, flush: bool = False) -> None:
    """Write a file so that at every moment the old or the new content is there; with `flush`, also without power."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with part.open("xb") as file:
        file.write(content)
        if flush:
            file.flush()
            os.fsync(file.fileno())
    part.chmod(mode)
    part.replace(path)
