"""`@visible`: the checks that students run themselves, as the author writes them in a lab's `visible.py`.

    @visible("top_p_filter")
    def keeps_the_token_that_crosses_p():
        \"\"\"With p = 0.7 the nucleus of (0.5, 0.3, 0.15, 0.05) is the first two.\"\"\"
        z = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
        yield top_p_filter(z, 0.7)

The function is never called: its text travels to the notebook, where it finds the notebook's names. Each `yield` is one
call whose outcome is laid beside that of the solution; the statements before it are run for it anew. What else the file
defines, and what it imports, goes along; what comes from `grader` does not.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.findings import KINDS

FILE = "visible.py"
ABOUT = ("value", "gradient", "changed")


class VisibleError(ValueError):
    """A visible check cannot be meant so; `line` is where it stands."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Call:
    """One `yield`: the statements that prepare it, and its expression, as text."""

    setup: str
    expression: str


@dataclass(frozen=True)
class DeclaredVisible:
    """A visible check as its author wrote it."""

    exercise: str
    name: str
    promise: str
    calls: tuple[Call, ...]
    line: int
    about: str = "value"
    raises: str = ""
    tolerance: float | None = None
    hints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VisibleChecks:
    """What a lab's `visible.py` says: its checks, and the code that all of them need."""

    checks: tuple[DeclaredVisible, ...]
    common: str

    def of(self, exercise: str) -> tuple[DeclaredVisible, ...]:
        """The checks of one exercise."""
        return tuple(check for check in self.checks if check.exercise == exercise)

    def exercises(self) -> list[str]:
        """The exercises that have any, in the order of the file."""
        return list(dict.fromkeys(check.exercise for check in self.checks))


def visible(
    exercise: str,
    *,
    about: str = "value",
    raises: type[Exception] | None = None,
    tol: float | None = None,
    hints: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a visible check of `exercise`; its docstring is what students read from the start.

    Args:
        exercise: the function that is looked at.
        about: what another value is: "value", "gradient" or "changed" (an argument, looked at after the call).
        raises: the built-in error that every call must raise.
        tol: how far numbers may be apart, absolutely; by dtype and magnitude without it.
        hints: own words by the kind of a finding (`labkit.findings.KINDS`). They are shown whatever the mistake was:
            say what to look at, not what went wrong. Words about mistakes are those of the lab's `Mistake`s.

    Raises:
        VisibleError: it has no docstring, no call, or something that is not known.
    """

    def declare(body: Callable[..., Any]) -> Callable[..., Any]:
        line = body.__code__.co_firstlineno
        promise = " ".join((inspect.getdoc(body) or "").split())
        unknown = [kind for kind in hints or {} if kind not in KINDS]
        if not promise:
            raise VisibleError(line, f"{body.__name__} has no docstring; students read it before they begin.")
        if about not in ABOUT:
            raise VisibleError(line, f"{body.__name__}: about is one of {', '.join(ABOUT)}, not {about!r}.")
        if unknown:
            raise VisibleError(line, f"{body.__name__}: no finding is of the kind {unknown[0]!r}: {', '.join(KINDS)}.")
        body.__visible__ = DeclaredVisible(  # type: ignore[attr-defined]
            exercise=exercise,
            name=body.__name__,
            promise=promise,
            calls=_calls(body, line),
            line=line,
            about=about,
            raises=raises.__name__ if raises else "",
            tolerance=tol,
            hints=dict(hints or {}),
        )
        return body

    return declare


def load_visible(folder: Path) -> VisibleChecks:
    """The visible checks of a lab's folder in `solutions/`; none where it has no `visible.py`.

    Raises:
        VisibleError: one cannot be meant so, or two have the same name.
    """
    path = folder / FILE
    if not path.exists():
        return VisibleChecks((), "")
    spec = importlib.util.spec_from_file_location(f"visible_checks_{abs(hash(path.resolve()))}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [one.__visible__ for one in vars(module).values() if callable(one) and hasattr(one, "__visible__")]
    text = path.read_text(encoding="utf-8")
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise VisibleError(1, f"two functions are called {twice}; rename one.")
    return VisibleChecks(tuple(sorted(found, key=lambda one: one.line)), _common(text))


def _common(text: str) -> str:
    """What the file says beside its checks, without its docstring and what it takes from the grader."""
    kept = [node for node in ast.parse(text).body if not _is_left_out(node)]
    return "\n".join(_plain(text, node) for node in kept)


def _is_left_out(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] in ("grader", "__future__")
    if isinstance(node, ast.FunctionDef):
        called = [one.func for one in node.decorator_list if isinstance(one, ast.Call)]
        return any(isinstance(name, ast.Name) and name.id == "visible" for name in called)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _calls(body: Callable[..., Any], line: int) -> tuple[Call, ...]:
    """The yields of a function's text, each with the statements before it."""
    text = textwrap.dedent(inspect.getsource(body))
    [function] = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    setup: list[str] = []
    calls = []
    for node in function.body:
        is_yield = isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield) and node.value.value is not None:
            calls.append(Call("\n".join(setup), _plain(text, node.value.value)))
        elif is_yield or any(isinstance(part, ast.Yield | ast.YieldFrom | ast.Return) for part in ast.walk(node)):
            said = f"{function.name}: each outcome is a statement `yield …` of its own, in no loop and no condition"
            raise VisibleError(line + node.lineno - 1, f"{said}; line {node.lineno}: {ast.unparse(node)}")
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            setup.append(_plain(text, node))
    if not calls:
        raise VisibleError(line, f"{function.name} yields nothing: yield what the exercise gives.")
    return tuple(calls)


def _plain(text: str, node: ast.AST) -> str:
    """A node's own text, without the indentation of its function; on one line where it would not stand alone."""
    if isinstance(node, ast.expr) and "\n" in (ast.get_source_segment(text, node) or ""):
        return ast.unparse(node)
    return textwrap.dedent(" " * node.col_offset + (ast.get_source_segment(text, node) or ""))  # type: ignore[attr-defined]
