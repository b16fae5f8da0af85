"""Mutants: a function's source with one small change each, as people and haste make them.

General operators (comparisons, constants, conditions) and those of numerical code: dims, masks, casts, clones, graphs,
naive exponentials. A mutant is named by what it changes, so that its name outlives changes elsewhere.
"""

from __future__ import annotations

import ast
import copy
import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.build.operators import EXPRESSIONS, GRAPH, STATEMENTS, without_graph
from grader.build.operators_on_calls import says_dims

NO_GRAD = "no grad"


@dataclass(frozen=True)
class Mutant:
    """A changed function: of which answer, by which operator, its lines before and after, and its whole source."""

    answer: str
    operator: str
    before: str
    after: str
    source: str
    number: int = 1
    """Which of the mutants that are alike in all the above; 1 for nearly all."""

    @property
    def name(self) -> str:
        """What it is called, in reports and where it is waived."""
        again = f" ({self.number})" if self.number > 1 else ""
        return f"{self.answer}: {self.operator}: {self.before or 'nothing'} -> {self.after or 'nothing'}{again}"


def mutants_of(answer: str, source: str, gradient: Sequence[str] = ()) -> list[Mutant]:
    """All mutants of the functions in `source`, in the order of its lines; none is equal to it or to another one.

    `gradient` names the arguments of which a gradient is promised: only then is a graph that is cut a mistake.
    """
    tree = ast.parse(source)
    plain = ast.unparse(tree)
    seen, names, found = {_meaning(tree)}, Counter[tuple[str, str, str]](), []
    for operator, changed in _changed(tree, gradient):
        try:
            text = ast.unparse(ast.fix_missing_locations(changed))
            meaning = _meaning(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError):
            continue  # a change that is no Python is no mutant
        if meaning in seen:
            continue
        seen.add(meaning)
        before, after = _lines(plain, text) if operator != NO_GRAD else ("its body", "with torch.no_grad():")
        names[operator, before, after] += 1
        found.append(Mutant(answer, operator, before, after, f"{text}\n", names[operator, before, after]))
    return found


def _meaning(tree: ast.AST) -> str:
    return ast.dump(tree, annotate_fields=False)


def _lines(before: str, after: str) -> tuple[str, str]:
    """The lines that two texts do not share."""
    gone: list[str] = []
    come: list[str] = []
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        if line[:2] in ("- ", "+ "):
            (gone if line[0] == "-" else come).append(line[2:].strip())
    return " / ".join(gone), " / ".join(come)


def _changed(tree: ast.Module, gradient: Sequence[str]) -> Iterator[tuple[str, ast.Module]]:
    """The tree with one node replaced, and by which operator."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    parameters = [arg.arg for f in functions for arg in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs)]
    for number, node in enumerate(_places(functions)):
        for name, operator in (*EXPRESSIONS, *STATEMENTS):
            for replacement in operator(copy.deepcopy(node), parameters):
                yield name, _replaced(tree, number, replacement)
        for replacement in GRAPH[1](copy.deepcopy(node), gradient) if gradient else ():
            yield GRAPH[0], _replaced(tree, number, replacement)
    for number in range(len(functions)) if gradient else ():
        changed = copy.deepcopy(tree)
        without_graph([node for node in changed.body if isinstance(node, ast.FunctionDef)][number])
        yield NO_GRAD, changed


def _places(functions: Sequence[ast.FunctionDef]) -> Iterator[ast.AST]:
    """The nodes that may change: neither docstrings, annotations, nor messages of errors."""
    for function in functions:
        body = function.body[1:] if ast.get_docstring(function) is not None else function.body
        for statement in body:
            yield from _within(statement)


def _within(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    dims = says_dims(node)
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom | ast.Assert):
        return
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "ctx"):
            continue
        if isinstance(node, ast.FunctionDef | ast.Lambda) and name == "args":
            continue
        for part in field if isinstance(field, list) else [field]:
            if isinstance(part, ast.AST) and not any(part is dim for dim in dims) and not _of_form(part):
                yield from _within(part)


def _of_form(node: ast.AST) -> bool:
    """A tensor of which only the form is asked: `x.shape` is that of `x.detach()`, too."""
    return isinstance(node, ast.Attribute) and node.attr in ("shape", "dtype", "device", "ndim")


def _replaced(tree: ast.Module, number: int, replacement: ast.AST | list[ast.stmt]) -> ast.Module:
    changed = copy.deepcopy(tree)
    functions = [node for node in changed.body if isinstance(node, ast.FunctionDef)]
    target = next(node for i, node in enumerate(_places(functions)) if i == number)
    done = _Replace(target, replacement).visit(changed)
    assert isinstance(done, ast.Module)
    return done


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, replacement: ast.AST | list[ast.stmt]) -> None:
        self.target, self.replacement = target, replacement

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        if node is self.target:
            return self.replacement
        self.generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list) and not body:
            body.append(ast.Pass())
        return node
