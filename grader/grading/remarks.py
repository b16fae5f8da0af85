"""What a student's cells mention that no lab needs: remarks for the instructor, who looks; no point depends on them."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache

from nbformat import NotebookNode

from grader.cells import is_demo

# Words by what they are good for. Code can hide them; then what it does is still shut in, and still earns nothing.
WORDS = {
    "ends or signals processes": r"os\._exit|os\.kill(?:pg)?|signal\.\w+|faulthandler",
    "starts processes": r"os\.fork\w*|os\.exec\w+|os\.posix_spawn\w*|setsid|subprocess|multiprocessing|pty\.\w+",
    "starts threads": r"threading|_thread|concurrent\.futures",
    "reads or writes memory": r"ctypes|cffi|mmap|memfd\w*|shared_memory|/dev/shm",
    "opens connections": r"socket|urllib|requests\.\w+|http\.client",
    "looks at the system": r"/proc\b|/sys\b|os\.environ|sys\.argv",
    "asks for rights": r"setuid|setreuid|ptrace|unshare|setns|chroot|prctl|libc",
    "looks into the interpreter": (
        r"sys\._getframe|sys\._current_frames|f_back|f_globals|gc\.get_\w+|sys\.modules|sys\.settrace|sys\.setprofile|"
        r"setrecursionlimit|__builtins__|import builtins|inspect\.\w+"
    ),
    "changes the notebook's shell": (
        r"get_ipython|ast_transformers|input_transformers\w*|showtraceback|run_cell|collector|InteractiveShell"
    ),
    "claims to be equal to everything or another type": r"__eq__|__class__\s*=|__torch_function__|__instancecheck__",
    "names what belongs to grading": r"grader\.\w+|gradebook|attempts\.jsonl|checks\.py|__NBGRADER\w*|NBGRADER_\w+",
    "names folders outside its own": r"""(?<=["'])/(?:root|home|etc|work|mnt|srv|var|usr|opt|Users)\b""",
}
PATTERNS = {use: re.compile(rf"(?<!\w)(?:{words})" if words[0] != "(" else words) for use, words in WORDS.items()}
MAX_SOURCE = 200_000
MAX_NAMED = 12


def remarks(notebook: NotebookNode, release: NotebookNode) -> list[str]:
    """One line for each of the notebook's own cells that mentions such words; what the release says itself is known.

    Words are those of `WORDS`, or text that matches one of its patterns: never more than 40 characters of a student's.
    """
    given = {cell.source for cell in release.cells}
    known = _words_of("\n".join(cell.source for cell in release.cells))
    found = []
    for place, cell in enumerate(notebook.cells):
        restored = (cell.metadata.get("nbgrader") or {}).get("locked")
        if cell.cell_type != "code" or is_demo(cell) or restored or cell.source in given:
            continue
        uses = {word: use for word, use in _words(cell.source).items() if word not in known}
        if uses:
            said = [f"{word} ({use})" for word, use in list(uses.items())[:MAX_NAMED]]
            more = f" and {len(uses) - MAX_NAMED} more" if len(uses) > MAX_NAMED else ""
            found.append(f"cell {place + 1} has words that no lab needs: {', '.join(said)}{more}")
    return found


@lru_cache(maxsize=8)
def _words_of(released: str) -> Set[str]:
    return _words(released).keys()


def _words(source: str) -> dict[str, str]:
    text = source[:MAX_SOURCE]
    return {match[0][:40].strip(): use for use, pattern in PATTERNS.items() for match in pattern.finditer(text)}
