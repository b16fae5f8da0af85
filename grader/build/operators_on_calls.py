"""Operators of `mutate` on calls, most of them of numerical code: masks, dims, casts, clones, graphs, naive formulas."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator

from grader.build.nodes import Made, Names, called_as, like, parsed, shifted, text_of, whole

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
KEPT = frozenset("range len isinstance type zip enumerate super next iter print".split())
WHERE = 3  # arguments of `where`


def called(node: ast.AST, names: Names) -> Made:
    """A call left out: no clone, mask, clamp, cast, detach, squeeze; or another function of its kind."""
    if not isinstance(node, ast.Call):
        return
    name, target = called_as(node)
    for twin in TWINS.get(name, ()):
        yield like(node, func=like(node.func, **{"attr" if isinstance(node.func, ast.Attribute) else "id": twin}))
    if name in ON_ARGUMENTS and isinstance(target, ast.Name) and target.id in names:
        yield like(node, func=like(node.func, attr=ON_ARGUMENTS[name]))
    if target is not None:
        yield target
    elif node.args and name not in KEPT:
        yield from node.args[:3]
    if name == "where" and len(node.args) == WHERE:
        yield like(node, args=[node.args[0], node.args[2], node.args[1]])
    if name in ("masked_fill", "masked_fill_") and len(node.args) == 2:
        yield like(node, args=[ast.UnaryOp(ast.Invert(), node.args[0]), node.args[1]])
        yield like(node, args=[node.args[0], ast.Constant(0.0)])
    if name == "range":
        yield from (like(node, args=[*node.args[:-1], shifted(node.args[-1], by)]) for by in (1, -1))
        yield like(node, args=[ast.Constant(1), *node.args]) if len(node.args) == 1 else node.args[0]


def naive(node: ast.AST, _: Names) -> Made:
    """The formula as it stands in the book, which overflows."""
    if isinstance(node, ast.Call):
        name, target = called_as(node)
        args = [text_of(a) for a in node.args] + [f"{k.arg}={text_of(k.value)}" for k in node.keywords if k.arg]
        x = f"({text_of(target)})" if target is not None else f"({args.pop(0)})" if node.args else ""
        if name in NAIVE and x:
            with contextlib.suppress(SyntaxError):  # of arguments that the book has not
                yield parsed(NAIVE[name].format(x=x, rest=", ".join(args)))


def argument(node: ast.AST, _: Names) -> Made:
    """Another dim, or none; a keyword left out; all arguments left out, so that rows are mixed; keepdim added."""
    if not isinstance(node, ast.Call):
        return
    name, target = called_as(node)
    for place, keyword in enumerate(node.keywords):
        before, after = node.keywords[:place], node.keywords[place + 1 :]
        is_dim = keyword.arg in DIM
        if keyword.arg == CHECKED:
            continue
        if not (is_dim and name in LAST_BY_DEFAULT and whole(keyword.value) == -1):
            yield like(node, keywords=[*before, *after])
        for other in _dims(keyword.value) if is_dim else ():
            yield like(node, keywords=[*before, like(keyword, value=other), *after])
    if name in OF_DIMS:
        start = 0 if target is not None else 1
        for place, arg in enumerate(node.args[start:], start):
            for other in _dims(arg):
                yield like(node, args=[*node.args[:place], other, *node.args[place + 1 :]])
        if target is not None and (node.args or node.keywords):
            yield like(node, args=[], keywords=[])
        has = {keyword.arg for keyword in node.keywords}
        if name in REDUCTIONS and "keepdim" not in has and (node.args[start:] or "dim" in has):
            yield like(node, keywords=[*node.keywords, ast.keyword("keepdim", ast.Constant(True))])
        if name in ("std", "var") and not has & {"correction", "unbiased"}:
            yield like(node, keywords=[*node.keywords, ast.keyword("correction", ast.Constant(0))])
        if name in ("sort", "argsort") and "descending" not in has:
            yield like(node, keywords=[*node.keywords, ast.keyword("descending", ast.Constant(True))])
    elif len(node.args) == 2 and target is None and name not in ("range",):
        yield like(node, args=node.args[::-1])


def _dims(node: ast.expr) -> Made:
    """Other dims. 1 for -1 is none: in two dimensions, and that is most, it is the same."""
    yield from (ast.Constant(value) for value in {-1: (0, -2), 0: (1,), 1: (0,), -2: (-1, 0)}.get(whole(node), ()))  # type: ignore[arg-type]


def says_dims(node: ast.AST) -> list[ast.AST]:
    """The arguments of a call that are dims, and are changed as such, not as numbers; and those that never change."""
    if not isinstance(node, ast.Call):
        return []
    positional = [arg for arg in node.args if whole(arg) is not None] if called_as(node)[0] in OF_DIMS else []
    return [*positional, *(keyword for keyword in node.keywords if keyword.arg in (*DIM, CHECKED))]


def cast(node: ast.AST, names: Names) -> Made:
    """An argument of another dtype."""
    if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
        yield ast.Call(ast.Attribute(node, "float", ast.Load()), [], [])


def cut(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """The graph cut: at an argument of which a gradient is promised, at a step, at the end."""
    if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
        yield like(node, value=ast.Call(ast.Attribute(node.value, "detach", ast.Load()), [], []))
    elif isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
        yield ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])
