"""Writing files so that no reader and no crash ever meets half of one."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o644, flush: bool = False) -> None:
    """Write a file so that at every moment the old or the new content is there; with `flush`, also without power.

    Its folder is made. Two processes that write one file at the same time have to bear an OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with part.open("xb") as file:
        file.write(content)
        if flush:
            file.flush()
            os.fsync(file.fileno())
    part.chmod(mode)
    part.replace(path)
