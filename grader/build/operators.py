"""The operators of `mutate`: what may stand in the place of an expression, of a statement, of a function's body."""

from __future__ import annotations

import ast
import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Made = Iterator[ast.expr]
Names = Sequence[str]

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
# Functions and methods that people take for one another.
TWINS = {
    **{"sum": ("mean", "max"), "mean": ("sum",), "nansum": ("sum",), "min": ("max",), "max": ("min",)},
    **{"amin": ("amax",), "amax": ("amin",), "argmin": ("argmax",), "argmax": ("argmin",), "any": ("all",)},
    **{"all": ("any",), "minimum": ("maximum",), "maximum": ("minimum",), "floor": ("ceil",), "ceil": ("floor",)},
    **{"softmax": ("log_softmax",), "log_softmax": ("softmax",), "exp": ("expm1",), "log": ("log1p",)},
    **{"sigmoid": ("exp",), "logsigmoid": ("sigmoid",), "zeros": ("ones",), "ones": ("zeros",), "cumsum": ("cumprod",)},
    **{"zeros_like": ("ones_like",), "ones_like": ("zeros_like",), "std": ("var",), "var": ("std",), "abs": ("neg",)},
    **{"logical_or": ("logical_and",), "logical_and": ("logical_or",), "sort": ("argsort",), "relu": ("abs",)},
    **{"logsumexp": ("amax",), "sqrt": ("square",), "square": ("abs",), "fsum": ("prod",), "round": ("floor",)},
}
# Methods that are another thing only where they are called on an argument: one that changes it, one that asks more of it.
ON_ARGUMENTS = {
    **{name: f"{name}_" for name in "masked_fill clamp div mul add sub scatter index_fill sub exp log neg".split()},
    **{"reshape": "view"},
}
LAST_BY_DEFAULT = frozenset(("sort", "argsort", "topk"))
# The same in exact arithmetic, but not in floating point: of a function of x, or a method of x.
NAIVE = {
    "logsumexp": "{x}.exp().sum({rest}).log()",
    "log_softmax": "{x}.softmax({rest}).log()",
    "logsigmoid": "{x}.sigmoid().log()",
    "softplus": "(1 + {x}.exp()).log()",
    "log1p": "(1 + {x}).log()",
    "expm1": "({x}.exp() - 1)",
    "logaddexp": "({x}.exp() + {rest}.exp()).log()",
    "softmax": "({x}.exp() / {x}.exp().sum(-1, keepdim=True))",
    "fsum": "sum({x})",
}
OF_DIMS = frozenset(
    "sum mean amax amin max min argmax argmin softmax log_softmax logsumexp cumsum cumprod sort argsort topk gather scatter "
    "any all std var flip squeeze unsqueeze norm prod size select index_select cat stack median nansum".split()
)
REDUCTIONS = frozenset("sum mean amax amin max min argmax argmin logsumexp any all std var norm prod".split())
CHECKED = "strict"  # of `zip`: what it refuses never comes
DIM = ("dim", "axis", "dims")
LIBRARIES = ("torch", "F", "functional", "np", "numpy", "math", "scipy")
KEPT = frozenset("range len isinstance type zip enumerate super next iter print".split())
SMALL = 1e-3
WHERE = 3  # arguments of `where`
INDICES = (ast.Constant, ast.Name, ast.UnaryOp, ast.BinOp)


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _like(node: Any, **changes: Any) -> Any:
    made = copy.deepcopy(node)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def comparison(node: ast.AST, _: Names) -> Made:
    """< for <=, and the opposite."""
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            for other in COMPARED.get(type(op), ()):
                yield _like(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])


def arithmetic(node: ast.AST, _: Names) -> Made:
    """Another operation, or one operand alone: without an epsilon, without a mask, without a weight."""
    if isinstance(node, ast.BinOp):
        for other in REVERSED.get(type(node.op), ()):
            yield _like(node, op=other())
        yield node.left
        yield node.right
        if isinstance(node.op, ast.Sub | ast.Div):
            yield _like(node, left=node.right, right=node.left)


def sign(node: ast.AST, _: Names) -> Made:
    """A sign or a negation that is not there."""
    if isinstance(node, ast.UnaryOp):
        yield node.operand


def logic(node: ast.AST, _: Names) -> Made:
    """and for or, and one condition alone."""
    if isinstance(node, ast.BoolOp):
        yield _like(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            rest = [*node.values[:place], *node.values[place + 1 :]]
            yield rest[0] if len(rest) == 1 else _like(node, values=rest)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse


def constant(node: ast.AST, _: Names) -> Made:
    """A number one off, or 0, 1, twice as large."""
    if isinstance(node, ast.UnaryOp) and (number := _int(node)) is not None:
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
                yield from (_like(node, attr=other) for other in others)


def index(node: ast.AST, _: Names) -> Made:
    """A slice or an index one off, or left out; one row for all."""
    if not isinstance(node, ast.Subscript):
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for place, part in enumerate(parts):
        for other in _indices(part):
            elements = [*parts[:place], other, *parts[place + 1 :]]
            made = ast.Tuple(elements, ast.Load()) if isinstance(node.slice, ast.Tuple) else other
            yield _like(node, slice=made)
    if isinstance(node.ctx, ast.Load):
        yield node.value


def _indices(part: ast.expr) -> Made:
    if isinstance(part, ast.Slice):
        for end in ("lower", "upper", "step"):
            bound = getattr(part, end)
            if bound is not None:
                yield _like(part, **{end: None})
                yield from (_like(part, **{end: _shifted(bound, by)}) for by in (1, -1) if end != "step")
        if part.lower is None:
            yield _like(part, lower=ast.Constant(1))
        if part.upper is None:
            yield _like(part, upper=ast.Constant(-1))
    elif isinstance(part, INDICES) and not (isinstance(part, ast.Constant) and part.value is None):
        yield from (ast.Constant(0), ast.Constant(-1), _shifted(part, 1), _shifted(part, -1))


def _shifted(node: ast.expr, by: int) -> ast.expr:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return ast.Constant(node.value + by)
    return ast.BinOp(node, ast.Add() if by > 0 else ast.Sub(), ast.Constant(1))


def called(node: ast.AST, names: Names) -> Made:
    """A call left out: no clone, mask, clamp, cast, detach, squeeze; or another function of its kind."""
    if not isinstance(node, ast.Call):
        return
    name, target = _called(node)
    for twin in TWINS.get(name, ()):
        yield _like(node, func=_like(node.func, **{"attr" if isinstance(node.func, ast.Attribute) else "id": twin}))
    if name in ON_ARGUMENTS and isinstance(target, ast.Name) and target.id in names:
        yield _like(node, func=_like(node.func, attr=ON_ARGUMENTS[name]))
    if target is not None:
        yield target
    elif node.args and name not in KEPT:
        yield from node.args[:3]
    if name == "where" and len(node.args) == WHERE:
        yield _like(node, args=[node.args[0], node.args[2], node.args[1]])
    if name in ("masked_fill", "masked_fill_") and len(node.args) == 2:
        yield _like(node, args=[ast.UnaryOp(ast.Invert(), node.args[0]), node.args[1]])
        yield _like(node, args=[node.args[0], ast.Constant(0.0)])
    if name == "range":
        yield from (_like(node, args=[*node.args[:-1], _shifted(node.args[-1], by)]) for by in (1, -1))
        yield _like(node, args=[ast.Constant(1), *node.args]) if len(node.args) == 1 else node.args[0]


def naive(node: ast.AST, _: Names) -> Made:
    """The formula as it stands in the book, which overflows."""
    if isinstance(node, ast.Call):
        name, target = _called(node)
        args = [_text(a) for a in node.args] + [f"{k.arg}={_text(k.value)}" for k in node.keywords if k.arg]
        x = f"({_text(target)})" if target is not None else f"({args.pop(0)})" if node.args else ""
        if name in NAIVE and x:
            with contextlib.suppress(SyntaxError):  # of arguments that the book has not
                yield _parsed(NAIVE[name].format(x=x, rest=", ".join(args)))


def argument(node: ast.AST, _: Names) -> Made:
    """Another dim, or none; a keyword left out; all arguments left out, so that rows are mixed; keepdim added."""
    if not isinstance(node, ast.Call):
        return
    name, target = _called(node)
    for place, keyword in enumerate(node.keywords):
        before, after = node.keywords[:place], node.keywords[place + 1 :]
        is_dim = keyword.arg in DIM
        if keyword.arg == CHECKED:
            continue
        if not (is_dim and name in LAST_BY_DEFAULT and _int(keyword.value) == -1):
            yield _like(node, keywords=[*before, *after])
        for other in _dims(keyword.value) if is_dim else ():
            yield _like(node, keywords=[*before, _like(keyword, value=other), *after])
    if name in OF_DIMS:
        start = 0 if target is not None else 1
        for place, arg in enumerate(node.args[start:], start):
            for other in _dims(arg):
                yield _like(node, args=[*node.args[:place], other, *node.args[place + 1 :]])
        if target is not None and (node.args or node.keywords):
            yield _like(node, args=[], keywords=[])
        has = {keyword.arg for keyword in node.keywords}
        if name in REDUCTIONS and "keepdim" not in has and (node.args[start:] or "dim" in has):
            yield _like(node, keywords=[*node.keywords, ast.keyword("keepdim", ast.Constant(True))])
        if name in ("std", "var") and not has & {"correction", "unbiased"}:
            yield _like(node, keywords=[*node.keywords, ast.keyword("correction", ast.Constant(0))])
        if name in ("sort", "argsort") and "descending" not in has:
            yield _like(node, keywords=[*node.keywords, ast.keyword("descending", ast.Constant(True))])
    elif len(node.args) == 2 and target is None and name not in ("range",):
        yield _like(node, args=node.args[::-1])


def _int(node: ast.AST) -> int | None:
    """The whole number that stands there, with its sign."""
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    if not isinstance(inner, ast.Constant) or type(inner.value) is not int:
        return None
    return inner.value if inner is node else -inner.value


def _dims(node: ast.expr) -> Made:
    """Other dims. 1 for -1 is none: in two dimensions, and that is most, it is the same."""
    yield from (ast.Constant(value) for value in {-1: (0, -2), 0: (1,), 1: (0,), -2: (-1, 0)}.get(_int(node), ()))  # type: ignore[arg-type]


def says_dims(node: ast.AST) -> list[ast.AST]:
    """The arguments of a call that are dims, and are changed as such, not as numbers; and those that never change."""
    if not isinstance(node, ast.Call):
        return []
    positional = [arg for arg in node.args if _int(arg) is not None] if _called(node)[0] in OF_DIMS else []
    return [*positional, *(keyword for keyword in node.keywords if keyword.arg in (*DIM, CHECKED))]


def _called(node: ast.Call) -> tuple[str, ast.expr | None]:
    """The name of what is called, and what it is a method of; None for functions, those of modules too."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr, None if _is_module(node.func.value) else node.func.value
    return (node.func.id, None) if isinstance(node.func, ast.Name) else ("", None)


def _is_module(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return _is_module(node.value)
    return isinstance(node, ast.Name) and node.id in LIBRARIES


def cast(node: ast.AST, names: Names) -> Made:
    """An argument of another dtype."""
    if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
        yield ast.Call(ast.Attribute(node, "float", ast.Load()), [], [])


def comprehension(node: ast.AST, _: Names) -> Made:
    """All elements, where only some were taken."""
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
        for place, one in enumerate(node.generators):
            if one.ifs:
                generators = [*node.generators[:place], _like(one, ifs=[]), *node.generators[place + 1 :]]
                yield _like(node, generators=generators)


def result(node: ast.AST, _: Names) -> Iterator[ast.AST]:
    """What is returned: of another dtype, with the other sign."""
    if isinstance(node, ast.Return) and node.value is not None:
        for method in ("float", "double"):
            yield _like(node, value=ast.Call(ast.Attribute(node.value, method, ast.Load()), [], []))
        yield _like(node, value=ast.UnaryOp(ast.USub(), node.value))


def cut(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """The graph cut: at an argument of which a gradient is promised, at a step, at the end."""
    if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
        yield _like(node, value=ast.Call(ast.Attribute(node.value, "detach", ast.Load()), [], []))
    elif isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
        yield ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])


def in_place(node: ast.AST, names: Names) -> Iterator[ast.AST | list[ast.stmt]]:
    """x /= y, where x / y would leave x alone."""
    if not (isinstance(node, ast.Return | ast.Assign) and isinstance(node.value, ast.BinOp)):
        return
    left = node.value.left
    if isinstance(left, ast.Name) and left.id in names:
        changed = ast.AugAssign(ast.Name(left.id, ast.Store()), node.value.op, node.value.right)
        yield [changed, _like(node, value=left)]


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
            yield _like(node, op=other())
    elif isinstance(node, ast.For | ast.While):
        yield _like(node, body=[*node.body, ast.Break()])


def error(node: ast.AST, _: Names) -> Iterator[ast.AST]:
    """Another kind of error."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        for other in ("Exception", "TypeError", "ValueError"):
            if _text(named) != other:
                yield _like(node, exc=ast.Call(ast.Name(other, ast.Load()), [], []))


def without_graph(function: ast.FunctionDef) -> None:
    """The whole body under no_grad."""
    start = 1 if ast.get_docstring(function) is not None else 0
    no_grad = _parsed("torch.no_grad()")
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
