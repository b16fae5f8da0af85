"""Files that are written whole, or stay as they were."""

from __future__ import annotations

import contextlib
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at every moment the old or the new content is there.

    Raises:
        OSError: it cannot be written; it is as it was.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
