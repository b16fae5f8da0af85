"""What of a claim compares two things, read from its code alone."""

from __future__ import annotations

import ast
from typing import Any

from grader.quizzes.reading import NAME

EQUALITIES = {"allclose", "isclose", "array_equal", "near", "close"}
PROVIDED = {"np", "math", "rng", "variant", NAME}


def is_difference(node: ast.AST) -> bool:
    """Whether it takes one thing from another."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)


def both_sides(node: Any) -> list[ast.expr]:
    """The two things that an equality or a difference has to do with."""
    if isinstance(node, ast.Compare):
        return [node.left, node.comparators[0]]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return list(node.args[:2] if len(node.args) > 1 else node.args[0].elts[:2])


def names_in(tree: ast.AST) -> set[str]:
    """The names that stand in it."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def is_tautology(node: ast.AST) -> bool:
    """Whether an equality, a comparison of two things or a difference has the same on both sides."""
    compares = (
        is_difference(node)
        or (isinstance(node, ast.Compare) and len(node.comparators) == 1)
        or (isinstance(node, ast.Call) and len(node.args) > 1 and (is_equality(node) or is_relation(node)))
    )
    return compares and len({ast.dump(side) for side in both_sides(node)}) == 1


def is_relation(node: ast.Call) -> bool:
    """Whether a statement's word is called, as `grader.quizzes.reading` writes it."""
    return isinstance(node.func, ast.Subscript) and getattr(node.func.value, "id", "") == NAME


def is_equality(node: ast.AST) -> bool:
    """Whether it says that two things are equal."""
    if isinstance(node, ast.Compare):
        return len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.Is)
    if not isinstance(node, ast.Call) or not node.args:
        return False
    if is_relation(node) and ast.unparse(node.func).endswith("['stays']"):
        return isinstance(node.args[0], ast.Tuple) and len(node.args[0].elts) > 1
    if len(node.args) < 2:
        return False
    if is_relation(node):
        return ast.unparse(node.func).endswith("['equal']")
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in EQUALITIES
