"""What one has to compute for a number that is to be typed, held against the calculator that the page names.

A pocket calculator adds, subtracts, multiplies and divides, takes square roots, and has a memory; a small whole power
is a row of multiplications. A scientific one has powers, exponentials and logarithms too. What the stem shows is known.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from grader.quizzes.definitions import code_of, expressions
from grader.quizzes.model import AnyItem, Calculator, Cloze, Numeric
from grader.quizzes.parts import Number

SAID: Mapping[Calculator | None, str] = {
    "pocket": "Paper, pencil and a pocket calculator are enough.",
    "scientific": "Have paper, pencil and a calculator with $e^x$ and $\\ln x$ ready.",
}
"""What is said above the questions."""

POWER = "a power"
ROW = 10  # multiplications that one asks for at most
SCIENTIFIC = frozenset(
    re.findall(
        r"\w+",
        "exp exp2 expm1 expit log log2 log10 log1p logaddexp logsumexp logit logsigmoid sigmoid softmax log_softmax "
        "power pow float_power cumprod entropy cross_entropy binary_cross_entropy sin cos tan sinh cosh tanh",
    )
)
TABLES = frozenset(("erf", "erfc", "cdf", "ppf"))
"""Beyond both: functions that stand in tables."""


def too_much(item: AnyItem, calculator: Calculator | None, *given: str | None) -> Iterator[tuple[str, str]]:
    """What the numbers of an item ask for and the calculator has not: the place of each, and what to do.

    Args:
        item: the item.
        calculator: what the page says that one needs; where it says nothing, nothing is too much.
        given: the code behind it, that of the bank and its own.
    """
    if calculator is None:
        return
    shown = frozenset(map(_spelled, expressions(item.stem)))
    beyond = TABLES if calculator == "scientific" else TABLES | SCIENTIFIC | {POWER}
    for path, number in _numbers(item):
        if not isinstance(number.value, str):
            continue
        needed = sorted(beyond & set(operations(number.value, shown, *given)))
        if needed:
            said = f"{', '.join(needed)} is more than a {calculator} calculator does, which is what the page promises"
            yield path, f"{said}: show the value in the stem, or compute the answer in another way"


def _numbers(item: AnyItem) -> Iterator[tuple[str, Number]]:
    if isinstance(item, Numeric):
        yield "answer", item.answer
    elif isinstance(item, Cloze):
        yield from ((f"blanks/{name}", one) for name, one in item.blanks.items() if isinstance(one, Number))


def _spelled(expression: str) -> str:
    """An expression as Python itself would write it; as it is where it cannot be read."""
    try:
        return ast.unparse(ast.parse(expression, mode="eval"))
    except SyntaxError:
        return expression


def operations(value: str, shown: frozenset[str], *given: str | None) -> Iterator[str]:
    """The functions that an expression calls for, seen through names that are not shown; POWER where one is taken.

    Args:
        value: a Python expression.
        shown: expressions whose values the student sees.
        given: the code that makes its names.
    """
    made = code_of(*given)
    waiting: list[ast.AST] = [ast.parse(value.strip(), mode="eval")]
    seen: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr) and ast.unparse(node) in shown:
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name) and node.id in made and node.id not in seen:
            seen.add(node.id)
            waiting += made[node.id]
        elif isinstance(node, ast.Name) and node.id not in made:
            yield node.id
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _is_a_row(node.right):
            yield POWER


def _is_a_row(exponent: ast.expr) -> bool:
    """Whether a power to it is a row of multiplications."""
    return isinstance(exponent, ast.Constant) and isinstance(exponent.value, int) and 0 <= exponent.value <= ROW
