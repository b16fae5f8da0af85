"""Signs of a tampered kernel: what Python, IPython, numpy and torch are, before and after student code.

Code in the kernel could hide what it changed, and gains nothing by changing it: answers are judged elsewhere. What is
found here is for the instructor's eyes.
"""

from __future__ import annotations

import sys
from typing import Any

WATCHED = {
    "builtins": (
        "__build_class__ __import__ abs all any bool callable compile complex dict eval exec float getattr hasattr "
        "hash id int isinstance issubclass iter len list max min next object open pow print range repr round set "
        "setattr sorted str sum tuple type zip"
    ),
    "math": "isclose isnan isinf isfinite exp log sqrt fsum",
    "operator": "eq ne lt le gt ge",
    "time": "time monotonic perf_counter sleep",
    "unittest.case": "TestCase.assertEqual TestCase.assertTrue TestCase.assertAlmostEqual",
    "numpy": "allclose isclose array_equal array_equiv all any abs testing.assert_allclose testing.assert_array_equal "
    "testing.assert_equal",
    "torch": "allclose isclose equal all any abs eq Tensor.__eq__ Tensor.equal Tensor.allclose Tensor.all Tensor.item "
    "testing.assert_close",
    "IPython.core.interactiveshell": "InteractiveShell.run_cell InteractiveShell.run_cell_async "
    "InteractiveShell.run_code InteractiveShell.run_ast_nodes InteractiveShell.showtraceback "
    "InteractiveShell.showsyntaxerror InteractiveShell.transform_ast InteractiveShell.transform_cell",
    "grader.kernels.shell": "Shell.run Shell._tell Shell._execute Shell._showtraceback Hook.write_format_data "
    "Publisher.publish",
    "grader.kernels.streams": "Collector.error Collector.stream Collector.text Collector.rich Collector.finished",
    "grader.kernels.calls": "call_with_values plain_copies",
    "grader.kernels.values": "copy_value type_name",
    "grader.kernels.wire": "dump load send receive",
}


METHODS = frozenset(
    "run_cell run_cell_async run_code showtraceback _showtraceback transform_ast should_run_async run _tell "
    "_execute".split()
)
GONE = (None, None)
OTHERS = (
    "sys.settrace",
    "sys.setprofile",
    "the AST transformers of IPython",
    "the input transformers of IPython",
    "methods of the shell",
    "the class of the shell",
)
NAMES = frozenset([*OTHERS, *(f"{module}.{name}" for module, names in WATCHED.items() for name in names.split())])


def fingerprint(shell: Any) -> dict[str, Any]:
    """What the watched names are now: the objects and, of functions, their code."""
    found: dict[str, Any] = {}
    for module_name in WATCHED:
        found |= of_module(module_name)
    found["sys.settrace"] = (sys.gettrace(), None)
    found["sys.setprofile"] = (sys.getprofile(), None)
    found["the AST transformers of IPython"] = (list(shell.ast_transformers), None)
    transformers = (shell.input_transformers_cleanup, shell.input_transformers_post)
    found["the input transformers of IPython"] = ([one for kind in transformers for one in kind], None)
    found["methods of the shell"] = (sorted(METHODS & set(vars(shell))), None)
    found["the class of the shell"] = (type(shell), None)
    return found


def of_module(name: str) -> dict[str, Any]:
    """What the watched names of a module are now; nothing where it is not loaded."""
    found: dict[str, Any] = {}
    module = sys.modules.get(name)
    for watched in WATCHED[name].split() if module is not None else ():
        target: Any = module
        for part in watched.split("."):
            target = getattr(target, part, None)
        found[f"{name}.{watched}"] = (target, getattr(target, "__code__", None))
    return found


def changed(before: dict[str, Any], shell: Any) -> list[str]:
    """The names that are no longer what they were."""
    after = fingerprint(shell)
    return [name for name, was in before.items() if not _alike(was, after.get(name, GONE))]


def _alike(was: tuple[Any, Any], now: tuple[Any, Any]) -> bool:
    first, second = was[0], now[0]
    if type(first) is list and type(second) is list:
        return len(first) == len(second) and all(map(_same, first, second))
    return first is second and was[1] is now[1]


def _same(was: Any, now: Any) -> bool:
    return was is now or (type(was) is str and type(now) is str and was == now)
