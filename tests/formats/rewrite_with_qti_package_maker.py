"""Run by another Python: a file of ours for Blackboard, read by qti-package-maker and written anew in what it writes.

Arguments: a zip of pools, or a text for upload; and a folder. There `<engine>.zip` is what an engine of its made, and
`text2qti.zip` what the program text2qti made of the text that qti-package-maker wrote for it. Output: JSON, why an
engine made nothing, by its name.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from qti_package_maker.package_interface import QTIPackageInterface

PACKAGES = ("canvas_qti_v1_2", "blackboard_qti_v2_1", "blackboard_export_zip")
READERS = {".zip": "blackboard_export_zip", ".txt": "bbq_text_upload"}


def written(maker: QTIPackageInterface, engine: str, folder: Path) -> str:
    """Why nothing was made; empty if it was."""
    goal = folder / f"{engine}.zip"
    try:
        if engine == "text2qti":
            maker.save_package(engine, str(folder / "quiz.txt"))
            program = Path(sys.executable).with_name("text2qti")
            done = subprocess.run([str(program), "quiz.txt"], capture_output=True, text=True, cwd=folder)
            if done.returncode:
                return done.stderr[-500:]
            (folder / "quiz.zip").rename(goal)
        else:
            maker.save_package(engine, str(goal))
    except Exception as error:  # noqa: BLE001 - whatever it is, the tool made nothing
        return f"{type(error).__name__}: {error}"
    return "" if goal.is_file() else "no file"


source, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
os.chdir(folder)
with contextlib.redirect_stdout(io.StringIO()):
    maker = QTIPackageInterface("again", allow_mixed=True)
    maker.read_package(str(source), READERS[source.suffix])
    failed = {engine: written(maker, engine, folder) for engine in (*PACKAGES, "text2qti")}
json.dump({engine: why for engine, why in failed.items() if why}, sys.stdout)
