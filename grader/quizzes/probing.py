"""Whether a claim can come out the other way: its names are disturbed one by one, and its comparisons turned round.

A claim that says the same whatever happens to what it speaks of proves nothing: `True`, `beta ** 2 >= 0`,
`all(loss(u) > 0 for u in [])`. The idea is that of mutation testing (DeMillo, Lipton and Sayward, 1978).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from grader.quizzes.disturbing import another, disturbed, shaken
from grader.quizzes.equalities import PROVIDED, both_sides, is_difference, is_equality, is_tautology, names_in

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
    spoken_of = sorted(names_in(tree) & (set(given) - PROVIDED))
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
        if not (is_equality(node) or is_difference(node)):
            continue
        sides = both_sides(node)
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
    others = {name: value if name in PROVIDED else another(value, seed) for name, value in given.items()}
    first, second = (run(partial(_value_of, side, others)) for side in sides)
    if first is None or second is None or before[0] is None:
        return False
    return _alike(first, second) and not _alike(first, before[0]) and not _alike(second, before[1])


def _is_identity(sides: list[ast.expr], given: Mapping[str, Any], run: Callable[[Callable[[], Any]], Any]) -> bool:
    """Whether two sides that are made of numbers, and call nothing, are equal whatever the numbers."""
    if any(isinstance(node, ast.Call) for side in sides for node in ast.walk(side)):
        return False
    names = {name for side in sides for name in names_in(side) - PROVIDED}
    names = {name for name in names if isinstance(given.get(name), int | float | np.number)}
    if not names or any(isinstance(given[name], bool) for name in names):
        return False
    for seed in range(3):
        others = {**given, **{name: shaken(float(given[name]), f"{seed} {name}") for name in names}}
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
    places = [place for place, node in enumerate(ast.walk(tree)) if is_equality(node)]
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
