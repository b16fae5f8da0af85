"""From an assignment's asserts to a skeleton of trusted checks, which student code cannot reach.

What an assert says of a call with literal arguments becomes a check as it stands. All else is copied as a comment for
its author to say anew: an assert may look at anything in the student's kernel, a check only at what a call returns.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution

from grader.cells import grade_id
from grader.course.paths import Course

MARKERS = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
NEAR = {"isclose": 1e-8, "allclose": 1e-8, "approx": 1e-6, "assert_allclose": 1e-7, "assert_almost_equal": 1e-7}
SAME = {"assert_equal", "assertEqual", "array_equal", "assert_array_equal"}


@dataclass(frozen=True)
class Said:
    """What one assert says of one call: the call, and what is expected of it."""

    call: str
    expectation: str


@dataclass(frozen=True)
class Converted:
    """A test cell: the exercise that it tests, its points, what became of its asserts, and what did not."""

    notebook: str
    cell: str
    exercise: str
    points: float
    said: tuple[Said, ...]
    left: tuple[str, ...]


def convert(course: Course, assignment: str) -> tuple[str, list[Converted]]:
    """The text of a `checks.py` for an assignment, and what it was made of.

    Raises:
        LookupError: there is no instructor's version of it, or it has no test cells.
    """
    folder = course.source_of(assignment)
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise LookupError(f"{folder} has no notebooks: name an assignment that has a folder in {course.source}.")
    found = _named_apart([one for path in paths for one in _of_notebook(path)])
    if not found:
        raise LookupError(f"The notebooks of {folder} have no test cells: no cell is graded by what it runs.")
    return _module(assignment, found), found


def _named_apart(found: Sequence[Converted]) -> list[Converted]:
    """Each test cell as an exercise of its own: called like the function that it tests, where no other cell tests it."""
    count = Counter(one.exercise for one in found)
    return [one if count[one.exercise] == 1 else replace(one, exercise=one.cell) for one in found]


def _of_notebook(path: Path) -> Iterator[Converted]:
    notebook = nbformat.read(path, as_version=4)
    names = _functions(notebook)
    for cell in notebook.cells:
        name = grade_id(cell)
        if cell.cell_type != "code" or name is None or not is_grade(cell) or is_solution(cell):
            continue
        points = float(cell.metadata.nbgrader.get("points", 0))
        if points:
            said, left, tested = _of_cell(cell.source, names)
            yield Converted(path.stem, name, tested or name, points, tuple(said), tuple(left))


def _functions(notebook: NotebookNode) -> set[str]:
    """Functions that students write."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code" and is_solution(cell)]
    trees = [tree for source in sources if (tree := _parsed(source)) is not None]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None  # magics: nothing of it can be a check


def _of_cell(source: str, names: set[str]) -> tuple[list[Said], list[str], str]:
    """What the asserts of a cell say, the statements that are left, and the function that is called most."""
    tree = _parsed(source)
    if tree is None:
        return [], source.splitlines(), ""
    names_changed = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    if names_changed & names:  # it puts something else in the place of what the student wrote: no call says that
        return [], source.splitlines(), ""
    said: list[Said] = []
    left: list[str] = []
    called: list[str] = []
    for node in tree.body:
        one = _said(node, names)
        if one is None and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # the cell's docstring
        if one is None:
            left += (ast.get_source_segment(source, node) or "").splitlines()
        else:
            said.append(one)
        called += [
            call.func.id for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        ]
    tested = [name for name in called if name in names]
    return said, left, max(tested, key=tested.count, default="")


def _said(node: ast.stmt, names: set[str]) -> Said | None:
    if isinstance(node, ast.Try):
        return _raises(node, names)
    if isinstance(node, ast.Assert):
        return _condition(node.test, names)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return _condition(node.value, names)
    return None


def _raises(node: ast.Try, names: set[str]) -> Said | None:
    """`try: f(0)`, `except ValueError: pass`, `else: raise …`, as nbgrader's own examples have it."""
    calls = [_call(one.value, names) for one in node.body if isinstance(one, ast.Expr)]
    kinds = [handler.type.id for handler in node.handlers if isinstance(handler.type, ast.Name)]
    ends = bool(node.orelse) and isinstance(node.orelse[-1], ast.Raise)
    if len(node.body) == len(calls) == len(kinds) == len(node.handlers) == 1 and calls[0] and ends:
        return Said(calls[0], f'raises("{kinds[0]}"')
    return None


def _condition(test: ast.expr, names: set[str]) -> Said | None:
    """`f(1) == 2`, `2 == f(1)`, `f(1) is True`, `not f(1)`, `f(1)`, `np.isclose(f(1), 2)`, `assert_equal(f(1), 2)`."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
        return _pair(test.left, test.comparators[0], names, None)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _call(test.operand, names):
        return Said(_call(test.operand, names), "equals(False")
    if isinstance(test, ast.Call):
        if said := _call(test, names):
            return Said(said, "equals(True")
        kind = test.func.attr if isinstance(test.func, ast.Attribute) else getattr(test.func, "id", "")
        if kind in NEAR.keys() | SAME and len(test.args) == 2:
            return _pair(test.args[0], test.args[1], names, NEAR.get(kind))
    return None


def _pair(one: ast.expr, other: ast.expr, names: set[str], tolerance: float | None) -> Said | None:
    for call, value in ((one, other), (other, one)):
        text = _call(call, names)
        if text and _literal(value):
            wanted = ast.unparse(value)
            return Said(text, f"equals({wanted}" if tolerance is None else f"close({wanted}, tol={tolerance:g}")
    return None


def _call(node: ast.expr, names: set[str]) -> str:
    """A call of a student's function with literal arguments, as a check writes it; nothing for anything else."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in names:
        return ""
    if not all(map(_literal, [*node.args, *(keyword.value for keyword in node.keywords)])):
        return ""
    return f"student.{ast.unparse(node)}"


def _literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _module(assignment: str, found: Sequence[Converted]) -> str:
    lines = [
        f'"""Trusted checks of {assignment}: they run outside the student\'s kernel, and see only what calls return."""',
        "",
        "from grader.checks import Student, check, expect",
        "",
        "# In each notebook of the source folder, the test cell of an exercise becomes these lines:",
        "#",
        f"#     {MARKERS[0]}",
        "#     from grader.checks import run",
        "#",
        f'#     run("{assignment}", "EXERCISE", globals())',
        f"#     {MARKERS[1]}",
    ]
    taken: dict[str, int] = {}
    for one in found:
        lines += ["", "", *_cell(one, taken)]
    return "\n".join(lines) + "\n"


def _cell(one: Converted, taken: dict[str, int]) -> Iterator[str]:
    """A check for each assert, which share the cell's points; what is left, as comments."""
    yield f"# {one.notebook}, cell {one.cell}, {one.points:g} points: exercise {one.exercise}"
    yield from _left(one.left)
    if one.left and not one.said:
        yield f'# @check("{one.exercise}", points={one.points:g})'
    shares = _shares(one.points, len(one.said))
    for said, points in zip(one.said, shares, strict=True):
        yield from ["", ""]
        yield f'@check("{one.exercise}", points={points:g})'
        yield f"def {_name(one.exercise, taken)}(student: Student) -> None:"
        yield f'    """{said.call.removeprefix("student.")} gives what the text says."""'.replace("\\", "\\\\")
        yield f'    expect({said.call}).{said.expectation}, hint="Say here what mistake leads to another answer.")'


def _left(statements: Sequence[str]) -> Iterator[str]:
    if statements:
        yield "# Say anew what these lines say, as calls and what they return:"
        yield from (f"#     {line}".rstrip() for line in statements)


def _shares(points: float, count: int) -> list[float]:
    """Points in hundredths that add up to the cell's."""
    if not count:
        return []
    share = int(100 * points // count) / 100
    return [round(points - share * (count - 1), 2), *[share] * (count - 1)]


def _name(exercise: str, taken: dict[str, int]) -> str:
    """A new name for a check."""
    base = "".join(letter if letter.isalnum() else "_" for letter in exercise)
    base = f"exercise_{base}" if not base.isidentifier() or hasattr(builtins, base) else base
    taken[base] = taken.get(base, 0) + 1
    return f"{base}_{taken[base]}"


def summary(found: Sequence[Converted]) -> Mapping[str, int]:
    """How many test cells there are, asserts that became checks, and lines that are left to their author."""
    return {
        "cells": len(found),
        "checks": sum(len(one.said) for one in found),
        "left": sum(len(one.left) for one in found),
    }
