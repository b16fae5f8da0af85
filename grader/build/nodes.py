"""Nodes of a syntax tree as the operators of `mutate` need them: made, changed, and asked what they are."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from typing import Any

Made = Iterator[ast.expr]
Names = Sequence[str]

LIBRARIES = ("torch", "F", "functional", "np", "numpy", "math", "scipy")


def text_of(node: ast.AST) -> str:
    return ast.unparse(node)


def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def like(node: Any, **changes: Any) -> Any:
    made = copy.deepcopy(node)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def shifted(node: ast.expr, by: int) -> ast.expr:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return ast.Constant(node.value + by)
    return ast.BinOp(node, ast.Add() if by > 0 else ast.Sub(), ast.Constant(1))


def whole(node: ast.AST) -> int | None:
    """The whole number that stands there, with its sign."""
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    if not isinstance(inner, ast.Constant) or type(inner.value) is not int:
        return None
    return inner.value if inner is node else -inner.value


def called_as(node: ast.Call) -> tuple[str, ast.expr | None]:
    """The name of what is called, and what it is a method of; None for functions, those of modules too."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr, None if is_module(node.func.value) else node.func.value
    return (node.func.id, None) if isinstance(node.func, ast.Name) else ("", None)


def is_module(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return is_module(node.value)
    return isinstance(node, ast.Name) and node.id in LIBRARIES
