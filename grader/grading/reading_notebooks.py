"""From the bytes of a notebook to a valid one of format 4 without outputs, or in words what keeps it from being one."""

from __future__ import annotations

import json
from typing import Any

import nbformat

from grader.text import StudentText, student_text

MAX_CELLS = 2_000
MAX_PARTS = 1_000_000
MAX_JSON_DEPTH = 60
MAX_CONTENT = 8 * 2**20
KEYS = frozenset({"id", "cell_type", "metadata", "source", "attachments", "outputs", "execution_count"})
IDS_SINCE = 5  # nbformat 4.5


def read_notebook(raw: bytes, lab: str) -> bytes | StudentText:
    """The notebook of `raw` as it is graded, or the reason why there is none.

    A notebook comes back as nbformat 4 writes it: valid, without stored outputs and attachments, at most 8 MB of text.
    Stored outputs and attachments count for nothing and may be large: they go before anything else looks at them.
    """
    found = _read(raw, f"{lab}.ipynb")
    return found if isinstance(found, bytes) else student_text(found)


def _read(raw: bytes, name: str) -> bytes | str:
    parts = sum(map(raw.count, (b"[", b"{", b",")))
    if parts > MAX_PARTS:
        return f"{name} has {parts:,} parts, at most {MAX_PARTS:,} are read: clear its outputs"
    try:
        content = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"{name} is not UTF-8 text (byte {error.start} is {raw[error.start]:#04x})"
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        return f"{name} is no JSON ({where})" if raw.strip() else f"{name} is an empty file"
    except (RecursionError, ValueError):  # a number of more than 4,300 digits is a ValueError
        return f"{name} is nested too deep, or holds a number too long, to be a notebook"
    if not isinstance(content, dict) or "nbformat" not in content:
        return f"{name} is JSON, but no notebook"
    if _deeper(content, MAX_JSON_DEPTH):
        return f"{name} is nested too deep to be a notebook"
    cells = content.get("cells")
    if isinstance(cells, list) and len(cells) > MAX_CELLS:
        return f"{name} has {len(cells)} cells, at most {MAX_CELLS} are read"
    _drop(cells)
    if content.get("nbformat") == 4:
        _forget_unknown(cells, content.get("nbformat_minor"))
    kept = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")  # no lone surrogates
    del content
    if len(kept) > MAX_CONTENT:
        return f"the cells of {name} hold {len(kept) / 2**20:.0f} MB of text, at most {MAX_CONTENT // 2**20} are read"
    try:
        notebook = nbformat.reads(kept, as_version=4)
        nbformat.validate(notebook)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - nbformat raises many kinds for hostile input
        said = (str(error).splitlines() or [""])[0][:120]
        return f"{name} is no valid notebook ({student_text(said) or type(error).__name__})"
    if len(notebook.cells) > MAX_CELLS:
        return f"{name} has {len(notebook.cells)} cells, at most {MAX_CELLS} are read"
    written: str = nbformat.writes(notebook)
    return written.encode("utf-8")


def _deeper(content: Any, most: int) -> bool:
    """Whether JSON is nested deeper than `most`; what copies and writes it later recurses."""
    level = [content]
    for _ in range(most):
        level = [
            part
            for node in level
            for part in (node.values() if isinstance(node, dict) else node)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True


def _forget_unknown(cells: Any, minor: Any) -> None:
    """Forget keys of cells that their format does not know, such as ids before 4.5: nbgrader only remarks on them."""
    known = KEYS if isinstance(minor, int) and minor >= IDS_SINCE else KEYS - {"id"}
    for cell in cells if isinstance(cells, list) else []:
        for name in [name for name in cell if name not in known] if isinstance(cell, dict) else []:
            del cell[name]


def _drop(cells: Any) -> None:
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and isinstance(cell.get("outputs"), list):
            cell["outputs"] = []
        if isinstance(cell, dict):
            cell.pop("attachments", None)
