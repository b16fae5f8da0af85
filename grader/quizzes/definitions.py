"""What the names of a bank's code stand for: claims seen through the names that `given` makes of others.

`gap = mean - truth` and the claim `isclose(gap, mean - truth)` compare a thing with itself, though no name tells.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from grader.quizzes.equalities import PROVIDED, is_tautology

SHOWN = re.compile(r"\{\{ (.+?) \}\}")
FORMATTED = re.compile(r"(?<!:):(?!:)[^:\]\)'\"]*$")
DRAWS = frozenset({"rng", "random"})
DEPTH = 6  # names behind names that are looked through
LARGE = 400  # nodes of an expression that is looked through no further
BUILTIN = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)


@dataclass(frozen=True, eq=False)
class Definitions:
    """`plain` are names that are given a value once and for all; `uses` has, for every name, the names behind it."""

    plain: Mapping[str, ast.expr]
    uses: Mapping[str, frozenset[str]]

    def behind(self, names: frozenset[str]) -> frozenset[str]:
        """These names, and all that what they stand for is made of."""
        known, fresh = set(names), list(names)
        while fresh:
            new = self.uses.get(fresh.pop(), frozenset()) - known
            known |= new
            fresh += new
        return frozenset(known)


@lru_cache(maxsize=256)
def definitions(*sources: str | None) -> Definitions:
    """The definitions in code that is no more than read; what cannot be read defines nothing."""
    plain: dict[str, ast.expr] = {}
    uses: dict[str, set[str]] = {}
    count: dict[str, int] = {}
    for source in filter(None, sources):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            for name, value in _bindings(node):
                count[name] = count.get(name, 0) + 1
                uses.setdefault(name, set()).update(names_of(value, DRAWS))
                if isinstance(value, ast.expr):
                    plain[name] = value
    behind = {name: frozenset(found - {name}) for name, found in uses.items()}
    made = {name for name, value in plain.items() if not isinstance(value, ast.Lambda)}
    drawing = _drawing(behind, made)
    once = {name: plain[name] for name in made if count[name] == 1 and not drawing & names_of(plain[name], DRAWS)}
    return Definitions(once, behind)


@lru_cache(maxsize=256)
def code_of(*sources: str | None) -> Mapping[str, list[ast.AST]]:
    """What each name in code that is no more than read is made of, wherever it is made."""
    made: dict[str, list[ast.AST]] = {}
    for source in filter(None, sources):
        with suppress(SyntaxError, ValueError, RecursionError):
            for node in ast.walk(ast.parse(source)):
                for name, value in _bindings(node):
                    made.setdefault(name, []).append(value)
    return made


def expressions(text: str) -> list[str]:
    """The expressions that a text shows, without their formats."""
    return [FORMATTED.sub("", shown).strip() for shown in SHOWN.findall(text)]


def _drawing(uses: Mapping[str, frozenset[str]], made: set[str]) -> frozenset[str]:
    """What gives another value each time: the generators, and functions that ask them, not what they have given."""
    drawing = set(DRAWS)
    while new := {name for name, used in uses.items() if name not in made and used & drawing} - drawing:
        drawing |= new
    return frozenset(drawing)


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The names that a statement makes, each with what it is made of."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name, node
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _targets(target, node.value)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, ast.Tuple([node.value], ast.Load())
        yield node.target.id, ast.Tuple([node.value], ast.Load())  # more than once: it is no plain name
    elif isinstance(node, ast.For):
        yield from ((name, ast.Tuple([node.iter], ast.Load())) for name in names_of(node.target))


def _targets(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List):
        each = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        for place, inner in enumerate(target.elts):
            if len(each) == len(target.elts):
                yield from _targets(inner, each[place])
            else:
                part = ast.Subscript(value, ast.Constant(place), ast.Load())
                yield from _targets(inner, part)
    elif isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
        for name in names_of(target):
            yield name, ast.Tuple([value], ast.Load())
            yield name, ast.Tuple([value], ast.Load())


def names_of(tree: ast.AST, kept: frozenset[str] = frozenset()) -> frozenset[str]:
    """The names in it, without those that are always there, but for some."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in kept}
    return frozenset(found - ((PROVIDED | BUILTIN) - kept))


class _Through(ast.NodeTransformer):
    def __init__(self, plain: Mapping[str, ast.expr]) -> None:
        self.plain = plain

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.plain.get(node.id, node)


def seen_through(source: str, plain: Mapping[str, ast.expr]) -> str:
    """The expression with plain names replaced by what they stand for, again and again, up to a size."""
    for _ in range(DEPTH):
        larger = _Through(plain).visit(ast.parse(source, mode="eval"))
        if sum(1 for _ in ast.walk(larger)) > LARGE:
            break
        before, source = source, ast.unparse(larger)
        if source == before:
            break
    return source


@lru_cache(maxsize=4096)
def claim_seen(claim: str, known: Definitions, answer: str | None = None) -> str:
    """A claim seen through names; `answer` is what that name stands for. Empty where it cannot be read."""
    try:
        plain = dict(known.plain)
        if answer is not None:
            plain["answer"] = ast.parse(answer.strip(), mode="eval").body
        return seen_through(ast.unparse(ast.parse(claim.strip(), mode="eval")), plain)
    except (SyntaxError, ValueError, RecursionError):
        return ""


def compares_with_itself(claim: str, known: Definitions, answer: str | None = None) -> bool:
    """Whether a claim compares a thing with itself, as it is written, seen through names."""
    tree = ast.parse(claim_seen(claim, known, answer) or "0", mode="eval")
    return any(is_tautology(node) and names_of(node) for node in ast.walk(tree))


def _shown(tree: ast.AST) -> frozenset[str]:
    """The names whose values are shown: not those of functions that format, nor of tables in which a label is found."""
    tools = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    tools |= {
        node.value.id for node in ast.walk(tree) if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
    }
    return names_of(tree) - tools


def overlooked(shown: str, claim: str, known: Definitions) -> frozenset[str]:
    """The names that an expression in a text shows and the claim has nothing to do with, neither do their makings."""
    try:
        named = _shown(ast.parse(shown.strip(), mode="eval"))
        looked = known.behind(names_of(ast.parse(claim.strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    return frozenset(
        name
        for name in named
        if name in known.uses and name not in looked and not (known.behind(known.uses[name]) & looked)
    )
