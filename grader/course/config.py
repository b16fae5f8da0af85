"""What nbgrader's configuration files say: those of the machine and the user, then the course's own."""

from __future__ import annotations

from pathlib import Path

from jupyter_core.paths import jupyter_config_path
from traitlets.config import Config, PyFileConfigLoader

CONFIG = "nbgrader_config.py"


def config_files(root: Path) -> list[Path]:
    """The files that nbgrader would read at the root of a course: the later ones win."""
    folders = [*map(Path, reversed(jupyter_config_path())), root]
    return [path for folder in dict.fromkeys(folders) if (path := folder / CONFIG).is_file()]


def read_config(root: Path) -> Config:
    """All of them, merged; empty where there is none.

    Raises:
        LookupError: a file is no Python that runs; the message names the file and what it raised.
    """
    merged = Config()
    for path in config_files(root):
        try:
            merged.merge(PyFileConfigLoader(path.name, path=str(path.parent)).load_config())
        except Exception as error:
            raise LookupError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    return merged
