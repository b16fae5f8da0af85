"""`python -m labkit.workspace LABS WORK`: copy the labs to where a student works, never over what is there."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

import nbformat
from nbformat.sign import NotebookNotary

from labkit.files import write_whole

BESIDE = ("README.md", "nbgrader_config.py")


def copy_labs(labs: Path, work: Path) -> list[Path]:
    """Copy every lab folder, the README and `nbgrader_config.py` to `work`; files that are there already stay.

    Returns:
        The files that are new in `work`.
    """
    folders = [folder for folder in sorted(labs.iterdir()) if folder.name[:2].isdigit() and folder.is_dir()]
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    new = []
    for file in [*(labs / name for name in BESIDE), *files]:
        goal = work / file.relative_to(labs)
        if goal.exists() or ".ipynb_checkpoints" in file.parts or not file.is_file():
            continue
        goal.parent.mkdir(parents=True, exist_ok=True)
        write_whole(goal, file.read_bytes())
        new.append(goal)
    return new


def trust(notebooks: list[Path]) -> None:
    """Sign notebooks as `jupyter trust` does; of others JupyterLab asks whether a quiz's link may open a lab."""
    with contextlib.suppress(OSError), NotebookNotary() as signs:  # nowhere to keep signatures: then it asks
        for path in notebooks:
            signs.sign(nbformat.read(path, as_version=nbformat.NO_CONVERT))


def main() -> None:
    """Copy, and say what is new."""
    parser = argparse.ArgumentParser(prog="python -m labkit.workspace", description=__doc__)
    parser.add_argument("labs", type=Path, help="the folder that was handed out")
    parser.add_argument("work", type=Path, help="the folder to work in")
    args = parser.parse_args()
    new = copy_labs(args.labs, args.work)
    trust([file for file in new if file.suffix == ".ipynb"])
    print(f"{args.work}/: {len(new)} new files, nothing overwritten")


if __name__ == "__main__":
    main()
