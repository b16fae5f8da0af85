"""Run All goes on: an answer that is not written yet is told in one plain line, and no cell below is held up by it.

Jupyter stops a run of all cells at the first error. In a notebook of exercises that is the first stub, or the first
cell that draws with it, and the quiz below is never reached. So, where a person is at work, three things count as told
and not as errors: a stub that was called, a name that a cell would have defined if a stub had not been called in it,
and visible checks that fail. While nbgrader executes the notebook, to grade or to validate, all of them fail.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any

INSTALLED = "_labkit_goes_on"
GOES_ON = "goes_on"  # an exception whose attribute of this name is true is shown as ever, and the run goes on


def install() -> None:
    """Hook into the IPython shell of this process, once; without one, and while the notebook is graded, do nothing."""
    shell = _shell()
    if shell is None or getattr(shell, INSTALLED, False) or is_graded():
        return
    setattr(shell, INSTALLED, True)
    waits = Waiting()
    shell.set_custom_exc((NotImplementedError, NameError), waits.show)
    shell.events.register("post_run_cell", waits.after)


def is_graded() -> bool:
    """Whether nbgrader executes the notebook."""
    return bool(os.environ.get("NBGRADER_EXECUTION"))


class Waiting:
    """What cells would have defined, and the unwritten function that each of them waits for."""

    def __init__(self) -> None:
        self._for: dict[str, str] = {}
        self._told: BaseException | None = None
        self._stub = ""

    def show(
        self,
        shell: Any,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType,
        tb_offset: int | None = None,
    ) -> None:
        """IPython's handler: one line where an unwritten answer is to blame, else the traceback as ever."""
        line = None if is_graded() else self.line(error, shell.user_ns)
        if line is None:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
            return
        self._told, self._stub = error, stub_of(error) or self._for[getattr(error, "name", "")]
        print(line)

    def line(self, error: BaseException, namespace: dict[str, Any]) -> str | None:
        """What is told of an error instead of its traceback; None where it is an error like any other."""
        if (stub := stub_of(error)) is not None:
            return f"{stub} is not written yet: this cell waits for it."
        name = error.name if isinstance(error, NameError) else None
        if name in self._for and name not in namespace:
            return f"This cell waits for {self._for[name]}, which is not written yet: with it, {name} is made above."
        return None

    def after(self, result: Any) -> None:
        """After each cell: what was told is no error for whoever asked for the cell, and its names are waited for."""
        error, shell = result.error_in_exec, _shell()
        if error is None or shell is None or is_graded():
            return
        if error is self._told:
            stub = self._stub
            made = names_of(shell.transform_cell(result.info.raw_cell))
            self._for.update({name: stub for name in made if name not in shell.user_ns})
        elif not getattr(error, GOES_ON, False):
            return
        result.error_in_exec = None


def stub_of(error: BaseException) -> str | None:
    """The function whose `raise NotImplementedError()` was met; torch and others raise it too, which is no stub."""
    if not isinstance(error, NotImplementedError) or error.__traceback__ is None:
        return None
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    code = last.tb_frame.f_code
    line = linecache.getline(code.co_filename, last.tb_lineno, last.tb_frame.f_globals).strip()
    is_answer = last.tb_frame.f_globals.get("__name__") == "__main__" and not code.co_name.startswith("<")
    return code.co_name if is_answer and line.startswith("raise NotImplementedError") else None


def names_of(source: str) -> tuple[str, ...]:
    """The names that a cell binds at its top level; none where it is no Python."""
    try:
        return tuple(dict.fromkeys(_bound(ast.parse(source))))
    except (SyntaxError, ValueError):
        return ()


def _bound(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.Name):
            if isinstance(child.ctx, ast.Store):
                yield child.id
        elif not isinstance(child, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            yield from _bound(child)


def _shell() -> Any | None:
    """IPython's shell, if this process has one; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
