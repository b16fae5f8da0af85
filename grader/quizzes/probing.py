"""Whether a claim can come out the other way: its names are disturbed one by one, and its comparisons turned round.

A claim that says the same whatever happens to what it speaks of proves nothing: `True`, `beta ** 2 >= 0`,
`all(loss(u) > 0 for u in [])`. The idea is that of mutation testing (DeMillo, Lipton and Sayward, 1978).
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from grader.quizzes.reading import NAME

FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
EQUALITIES = {"allclose", "isclose", "array_equal", "near", "close"}
PROVIDED = {"np", "math", "rng", "variant", NAME}
OTHER = "__other__"
Run = Callable[[Callable[[], bool]], bool | None]


def directly(action: Callable[[], bool]) -> bool | None:
    """What an action gives; None where it breaks, which tells nothing."""
    try:
        return action()
    except Exception:  # noqa: BLE001 - a disturbed claim may raise anything
        return None


def why_idle(source: str, given: Mapping[str, Any], holds: bool, run: Run = directly) -> str:
    """Why a claim cannot come out the other way; empty when it can.

    Args:
        source: the claim, an expression.
        given: the names that it may use, with their values; `PROVIDED` ones are there always and prove nothing.
        holds: what it says about them.
        run: runs a disturbed claim, which may raise, or take very long; gives None if it does.
    """
    tree = ast.parse(source.strip(), mode="eval")
    spoken_of = sorted(_names(tree) & (set(given) - PROVIDED))
    if not spoken_of:
        return "it uses nothing that `given` makes, so it is a constant"
    if any(is_tautology(node) for node in ast.walk(tree)):
        return "it compares something with itself"

    def outcomes_of(mutants: Iterable[tuple[ast.Expression, Mapping[str, Any]]]) -> list[bool]:
        tried = [run(partial(_evaluate, mutant, {**given, **names})) for mutant, names in mutants]
        return [outcome for outcome in tried if outcome is not None]

    outcomes = outcomes_of(_disturbances(tree, spoken_of, given))
    if not holds:
        outcomes += outcomes_of((mutant, {}) for mutant in _equalised(tree))
    if not outcomes:
        outcomes = outcomes_of((mutant, {}) for mutant in _turned(tree))
    if all(outcome == holds for outcome in outcomes):
        return f"it is {holds} whatever {', '.join(spoken_of)} may be"
    return ""


def same_whatever(seen: str, given: Mapping[str, Any], run: Callable[[Callable[[], Any]], Any]) -> bool:
    """Whether both sides of an equality are one thing: they stay equal whatever the functions of `given` give.

    Each function becomes another one, which gives each list of arguments another value. What is equal by what functions
    do is then no longer equal; what is equal by its making still is.

    Args:
        seen: the claim, seen through the names that are made from others.
        given: the names that it may use, with their values.
        run: runs a side of an equality, which may raise, or take very long; gives None if it does.
    """
    for node in ast.walk(ast.parse(seen.strip(), mode="eval")):
        if not (_sides(node) or _is_difference(node)):
            continue
        sides = _both(node)
        if _is_identity(sides, given, run):
            return True
        before = [run(partial(_value_of, side, given)) for side in sides]
        if all(_stays_one(sides, before, given, seed, run) for seed in range(3)):
            return True
    return False


def _stays_one(
    sides: list[ast.expr],
    before: list[Any],
    given: Mapping[str, Any],
    seed: int,
    run: Callable[[Callable[[], Any]], Any],
) -> bool:
    others = {name: value if name in PROVIDED else _noisy(value, seed) for name, value in given.items()}
    first, second = (run(partial(_value_of, side, others)) for side in sides)
    if first is None or second is None or before[0] is None:
        return False
    return _alike(first, second) and not _alike(first, before[0]) and not _alike(second, before[1])


def _is_identity(sides: list[ast.expr], given: Mapping[str, Any], run: Callable[[Callable[[], Any]], Any]) -> bool:
    """Whether two sides that are made of numbers, and call nothing, are equal whatever the numbers."""
    if any(isinstance(node, ast.Call) for side in sides for node in ast.walk(side)):
        return False
    names = {name for side in sides for name in _names(side) - PROVIDED}
    names = {name for name in names if isinstance(given.get(name), int | float | np.number)}
    if not names or any(isinstance(given[name], bool) for name in names):
        return False
    for seed in range(3):
        others = {**given, **{name: _shaken(float(given[name]), f"{seed} {name}") for name in names}}
        first, second = (run(partial(_value_of, side, others)) for side in sides)
        if first is None or second is None or not _alike(first, second):
            return False
    return True


def _alike(a: Any, b: Any) -> bool:
    try:
        return bool(np.allclose(np.asarray(a, dtype=float), np.asarray(b, dtype=float), rtol=1e-9, atol=1e-12))
    except (TypeError, ValueError, RuntimeError):
        return False


def _value_of(side: ast.expr, names: Mapping[str, Any]) -> Any:
    return eval(compile(ast.Expression(side), "<claim>", "eval"), dict(names))


def _is_difference(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)


def _both(node: Any) -> list[ast.expr]:
    if isinstance(node, ast.Compare):
        return [node.left, node.comparators[0]]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return list(node.args[:2] if len(node.args) > 1 else node.args[0].elts[:2])


def _noisy(value: Any, seed: int) -> Any:
    """Another function, whose values depend on the arguments alone; what is no function stays."""
    if callable(value) and not isinstance(value, type):

        def altered(*args: Any, **kwargs: Any) -> Any:
            given = value(*args, **kwargs)
            return _shaken(given, f"{seed} {getattr(value, '__name__', '')} {args!r} {kwargs!r}")

        return altered
    return value


def _shaken(value: Any, by: str) -> Any:
    if isinstance(value, bool | np.bool_):
        return value
    draws = np.random.default_rng(zlib.crc32(by.encode()))
    if isinstance(value, int | np.integer):
        return value + int(draws.integers(1, 1000))
    if isinstance(value, float | np.floating):
        return value * float(draws.uniform(0.3, 3)) + float(draws.uniform(0.01, 0.1))
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value * draws.uniform(0.3, 3, value.shape) + draws.uniform(0.01, 0.1, value.shape)
    return value


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def is_tautology(node: ast.AST) -> bool:
    """Whether an equality, a comparison of two things or a difference has the same on both sides."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return ast.dump(node.left) == ast.dump(node.right)
    if isinstance(node, ast.Call) and len(node.args) > 1 and (_sides(node) or _is_relation(node)):
        return ast.dump(node.args[0]) == ast.dump(node.args[1])
    if not isinstance(node, ast.Compare) or len(node.comparators) != 1:
        return False
    return ast.dump(node.left) == ast.dump(node.comparators[0])


def _is_relation(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Subscript) and getattr(node.func.value, "id", "") == NAME


def _evaluate(tree: ast.Expression, names: Mapping[str, Any]) -> bool:
    return bool(eval(compile(tree, "<claim>", "eval"), dict(names)))


def _disturbances(
    tree: ast.Expression, names: list[str], given: Mapping[str, Any]
) -> Iterator[tuple[ast.Expression, dict[str, Any]]]:
    """The claim with a name disturbed wherever it stands, and with it disturbed at one place only."""
    for name in names:
        count = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))
        for other in disturbed(given[name]):
            yield tree, {name: other}
            for number in range(count if count > 1 else 0):
                mutant = ast.parse(ast.unparse(tree), mode="eval")
                [node for node in ast.walk(mutant) if isinstance(node, ast.Name) and node.id == name][number].id = OTHER
                yield mutant, {OTHER: other}


def _turned(tree: ast.Expression) -> Iterator[ast.Expression]:
    """The claim with one comparison turned round, for each of its comparisons."""
    count = sum(isinstance(node, ast.Compare) for node in ast.walk(tree))
    for number in range(count):
        mutant = ast.parse(ast.unparse(tree), mode="eval")
        compare = [node for node in ast.walk(mutant) if isinstance(node, ast.Compare)][number]
        compare.ops = [FLIPPED[type(operator)]() for operator in compare.ops]
        yield mutant


def _equalised(tree: ast.Expression) -> Iterator[ast.Expression]:
    """The claim with the two sides of an equality made the same, for each and for all: what if they were equal?"""
    places = [place for place, node in enumerate(ast.walk(tree)) if _sides(node)]
    for chosen in [[place] for place in places] + [places]:
        mutant = ast.parse(ast.unparse(tree), mode="eval")
        nodes = list(ast.walk(mutant))
        for node in (nodes[place] for place in chosen):
            if isinstance(node, ast.Compare):
                node.comparators = [node.left]
            elif isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Tuple):
                node.args[0].elts = [node.args[0].elts[0]] * len(node.args[0].elts)
            elif isinstance(node, ast.Call):
                node.args[1] = node.args[0]
        yield mutant


def _sides(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        return len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.Is)
    if not isinstance(node, ast.Call) or not node.args:
        return False
    if _is_relation(node) and ast.unparse(node.func).endswith("['stays']"):
        return isinstance(node.args[0], ast.Tuple) and len(node.args[0].elts) > 1
    if len(node.args) < 2:
        return False
    if _is_relation(node):
        return ast.unparse(node.func).endswith("['equal']")
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in EQUALITIES


def disturbed(value: Any) -> list[Any]:
    """Other values of the same kind, far from this one; of functions, others that give such values."""
    if isinstance(value, bool | np.bool_):
        return [not value]
    if isinstance(value, float | np.floating):
        return [-value, value * 1000 + 1, value * 0, float("inf")]
    if isinstance(value, int | np.number | np.ndarray):
        return [-value, value * 1000 + 1, value * 0]
    if isinstance(value, str):
        return ["", value[::-1] + "?"]
    if isinstance(value, list | tuple):
        others = [_first(item) for item in value]
        return [
            value[::-1],
            value[:0],
            *(type(value)(made) for made in (others, [*others[:1], *value[1:]], [*value[:1], *others[1:]])),
        ]
    if isinstance(value, dict | set | frozenset):
        return [type(value)()]
    if isinstance(value, type):
        return [object]
    if callable(value):
        return [_after(value, way) for way in range(5)]
    return [_other(value)] if _is_tensor(value) else []


def _first(value: Any) -> Any:
    others = disturbed(value)
    return others[0] if others else value


def _after(function: Callable[..., Any], way: int) -> Callable[..., Any]:
    """The function, with what it gives disturbed in one way."""

    def altered(*args: Any, **kwargs: Any) -> Any:
        given = function(*args, **kwargs)
        others = disturbed(given)
        return others[min(way, len(others) - 1)] if others else None

    return altered


def _is_tensor(value: Any) -> bool:
    return type(value).__module__.startswith("torch") and hasattr(value, "detach")


def _other(value: Any) -> Any:
    return -value
