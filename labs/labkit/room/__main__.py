"""`python -m labkit.room [FOLDER] [OPTIONS OF JUPYTER LAB]`: open the labs in JupyterLab, as students need it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from labkit.room.furnish import Room, furnish
from labkit.room.startpage import draw_progress


def main(arguments: list[str]) -> None:
    """Draw the start page's progress, and run JupyterLab in the folder until it is ended."""
    folder = Path(arguments.pop(0)) if arguments and not arguments[0].startswith("-") else Path()
    if not folder.is_dir():
        raise SystemExit(f"There is no folder {folder.resolve()}: name the folder of the labs.")
    os.chdir(folder)  # where nbgrader's server extensions look for the course's configuration
    room = Room.of(Path.cwd())
    if room.start is not None:
        draw_progress(room.start)
    with tempfile.TemporaryDirectory(prefix="labkit-room-") as temporary:
        options = furnish(room, Path(temporary))
        from jupyterlab.labapp import LabApp

        LabApp.launch_instance(argv=[*options, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
