"""The start page shows where one stands as soon as it opens: the output of its cell `progress` is written before."""

from __future__ import annotations

import contextlib
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary

from labkit.errors import LabError
from labkit.exercises import read_notebook
from labkit.files import write_whole
from labkit.progress import Progress

TAG = "progress"
WHEN = "<p><small>As JupyterLab found it when it started. Run the cell above to look again.</small></p>"


def draw_progress(notebook: Path) -> bool:
    """Put the progress of the labs beside it into the notebook's cell that is tagged `progress`; tell if there is one.

    Nothing else of the notebook changes; one that was not trusted stays so. A notebook that cannot be read or written
    is left alone: JupyterLab will say what is wrong with it.
    """
    try:
        read_notebook(notebook)
        page = nbformat.read(notebook, as_version=4)
        cells = [cell for cell in page.cells if cell.cell_type == "code" and TAG in cell.metadata.get("tags", [])]
        if not cells:
            return False
        with NotebookNotary() as signed:
            trusted = signed.check_signature(page)
        shown = _shown(notebook)
        for cell in cells:
            cell.outputs, cell.execution_count = [shown], None
        write_whole(notebook, f"{nbformat.writes(page)}\n".encode())
        if trusted:
            with NotebookNotary() as signs:
                signs.sign(page)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, LabError):
        return False
    return True


def _shown(notebook: Path) -> NotebookNode:
    """The progress as an output of a cell; its links are relative to the notebook, which JupyterLab follows."""
    with contextlib.chdir(notebook.parent):
        progress = Progress("..")
        data = {"text/html": progress._repr_html_() + WHEN, "text/plain": progress.next()}
    return nbformat.v4.new_output("display_data", data=data)
