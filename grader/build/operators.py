"""The operators of `mutate`: what may stand in the place of an expression, of a statement, of a function's body."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from grader.build.nodes import LIBRARIES, Made, Names, like, parsed, shifted, text_of, whole
from grader.build.operators_on_calls import argument, called, cast, cut, naive

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
REVERSED: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Div,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
SMALL = 1e-3
INDICES = (ast.Constant, ast.Name, ast.UnaryOp, ast.BinOp)


def comparison(node: ast.AST, _: Names) -> Made:
    """< for <=, and the opposite."""
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            for other in COMPARED.get(type(op), ()):
                yield like(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])


def arithmetic(node: ast.AST, _: Names) -> Made:
    """Another operation, or one operand alone: without an epsilon, without a mask, without a weight."""
    if isinstance(node, ast.BinOp):
        for other in REVERSED.get(type(node.op), ()):
            yield like(node, op=other())
        yield node.left
        yield node.right
        if isinstance(node.op, ast.Sub | ast.Div):
            yield like(node, left=node.right, right=node.left)


def sign(node: ast.AST, _: Names) -> Made:
    """A sign or a negation that is not there."""
    if isinstance(node, ast.UnaryOp):
        yield node.operand


def logic(node: ast.AST, _: Names) -> Made:
    """and for or, and one condition alone."""
    if isinstance(node, ast.BoolOp):
        yield like(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            rest = [*node.values[:place], *node.values[place + 1 :]]
            yield rest[0] if len(rest) == 1 else like(node, values=rest)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse


def constant(node: ast.AST, _: Names) -> Made:
    """A number one off, or 0, 1, twice as large."""
    if isinstance(node, ast.UnaryOp) and (number := whole(node)) is not None:
        yield from (ast.Constant(other) for other in (number + 1, number - 1))
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        for other in (value + 1, value - 1):
            yield ast.Constant(other)
    elif isinstance(value, float):
        others = (0.0, 1.0, 2 * value, value / 2) if abs(value) > SMALL else (0.0, 1000 * value)
        yield from (ast.Constant(other) for other in others)
    elif isinstance(value, str) and value in ("mean", "sum", "none"):
        yield from (ast.Constant(other) for other in ("mean", "sum", "none") if other != value)


def infinity(node: ast.AST, _: Names) -> Made:
    """A large number for infinity, another dtype."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in LIBRARIES:
        if node.attr == "inf":
            yield from (ast.Constant(1e9), ast.Constant(1e4))
        for one, others in {"float32": ("float64", "float16"), "float64": ("float32",), "long": ("int32",)}.items():
            if node.attr == one:
                yield from (like(node, attr=other) for other in others)


def index(node: ast.AST, _: Names) -> Made:
    """A slice or an index one off, or left out; one row for all."""
    if not isinstance(node, ast.Subscript):
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for place, part in enumerate(parts):
        for other in _indices(part):
            elements = [*parts[:place], other, *parts[place + 1 :]]
            made = ast.Tuple(elements, ast.Load()) if isinstance(node.slice, ast.Tuple) else other
            yield like(node, slice=made)
    if isinstance(node.ctx, ast.Load):
        yield node.value


def _indices(part: ast.expr) -> Made:
    if isinstance(part, ast.Slice):
        for end in ("lower", "upper", "step"):
            bound = getattr(part, end)
            if bound is not None:
                yield like(part, **{end: None})
                yield from (like(part, **{end: shifted(bound, by)}) for by in (1, -1) if end != "step")
        if part.lower is None:
            yield like(part, lower=ast.Constant(1))
        if part.upper is None:
            yield like(part, upper=ast.Constant(-1))
    elif isinstance(part, INDICES) and not (isinstance(part, ast.Constant) and part.value is None):
        yield from (ast.Constant(0), ast.Constant(-1), shifted(part, 1), shifted(part, -1))


def comprehension(node: ast.AST, _: Names) -> Made:
    """All elements, where only some were taken."""
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
        for place, one in enumerate(node.generators):
            if one.ifs:
                generators = [*node.generators[:place], like(one, ifs=[]), *node.generators[place + 1 :]]
                yield like(node, generators=generators)


def result(node: ast.AST, _: Names) -> Iterator[ast.AST]:
    """What is returned: of another dtype, with the other sign."""
    if isinstance(node, ast.Return) and node.value is not None:
        for method in ("float", "double"):
            yield like(node, value=ast.Call(ast.Attribute(node.value, method, ast.Load()), [], []))
        yield like(node, value=ast.UnaryOp(ast.USub(), node.value))


def in_place(node: ast.AST, names: Names) -> Iterator[ast.AST | list[ast.stmt]]:
    """x /= y, where x / y would leave x alone."""
    if not (isinstance(node, ast.Return | ast.Assign) and isinstance(node.value, ast.BinOp)):
        return
    left = node.value.left
    if isinstance(left, ast.Name) and left.id in names:
        changed = ast.AugAssign(ast.Name(left.id, ast.Store()), node.value.op, node.value.right)
        yield [changed, like(node, value=left)]


def removed(node: ast.AST, _: Names) -> Iterator[list[ast.stmt]]:
    """A statement left out: an error that is not raised, an assignment into a tensor, a step of a loop."""
    if isinstance(node, ast.If):
        yield node.orelse  # the condition never holds
        yield node.body  # it always does
    elif isinstance(node, ast.With):
        yield node.body
    elif isinstance(node, ast.AugAssign | ast.Expr):
        yield []
    elif isinstance(node, ast.Assign) and all(isinstance(target, ast.Subscript) for target in node.targets):
        yield []
    elif isinstance(node, ast.Break):
        yield [ast.Continue()]
    elif isinstance(node, ast.Continue):
        yield [ast.Break()]


def step(node: ast.AST, _: Names) -> Iterator[ast.AST]:
    """Another operation in place; a loop that ends after its first step."""
    if isinstance(node, ast.AugAssign):
        for other in REVERSED.get(type(node.op), ()):
            yield like(node, op=other())
    elif isinstance(node, ast.For | ast.While):
        yield like(node, body=[*node.body, ast.Break()])


def error(node: ast.AST, _: Names) -> Iterator[ast.AST]:
    """Another kind of error."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        for other in ("Exception", "TypeError", "ValueError"):
            if text_of(named) != other:
                yield like(node, exc=ast.Call(ast.Name(other, ast.Load()), [], []))


def without_graph(function: ast.FunctionDef) -> None:
    """The whole body under no_grad."""
    start = 1 if ast.get_docstring(function) is not None else 0
    no_grad = parsed("torch.no_grad()")
    function.body[start:] = [ast.With([ast.withitem(no_grad)], function.body[start:])]


GRAPH = ("cut", cut)
"""For exercises of which a gradient is promised."""
EXPRESSIONS: tuple[tuple[str, Callable[[ast.AST, Names], Iterator[Any]]], ...] = tuple(
    (operator.__name__, operator)
    for operator in (
        *(comparison, arithmetic, sign, logic, constant, infinity, index, called, naive, argument, cast, comprehension),
    )
)
STATEMENTS: tuple[tuple[str, Callable[[ast.AST, Names], Iterator[Any]]], ...] = tuple(
    (operator.__name__.replace("_", " "), operator) for operator in (result, in_place, removed, step, error)
)
