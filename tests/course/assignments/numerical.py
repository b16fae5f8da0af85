"""Numerical methods: two notebooks, a module of tests that the cells call, one of tools, figures, partial credit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..making import Edit, all_of, answer, answers, code, graded, hand_in, manual, notebook, release, task, text, write

NAME = "hw04-roots"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "math246"\nc.Execute.timeout = 60\n'
TESTS = '''"""Called by the graded cells; students have it too."""

import numpy as np


def close(found, expected, tolerance=1e-8):
    assert np.allclose(found, expected, atol=tolerance), f"expected {expected}, found {found}"


def points_for(bisect):
    """A point for each root that is found."""
    cases = [(lambda x: x**2 - 2, 0, 2, np.sqrt(2)), (np.cos, 0, 3, np.pi / 2), (lambda x: x**3, -1, 2, 0.0)]
    found = 0
    for f, a, b, root in cases:
        try:
            found += abs(bisect(f, a, b) - root) < 1e-6
        except Exception:
            pass
    return int(found)
'''
UTILS = '''"""Tools for figures and tables."""

import matplotlib.pyplot as plt
import numpy as np


def show_errors(errors):
    figure, axes = plt.subplots()
    axes.semilogy(np.arange(len(errors)), errors, "o-")
    return axes


def order(errors):
    e = np.asarray(errors)
    return float(np.log(e[2:] / e[1:-1]).mean() / np.log(e[1:-1] / e[:-2]).mean())
'''
BISECT = """def bisect(f, a, b, tolerance=1e-10):
    while b - a > tolerance:
        m = (a + b) / 2
        a, b = (a, m) if f(a) * f(m) <= 0 else (m, b)
    return (a + b) / 2"""
NEWTON = """def newton(f, df, x, steps=6):
    found = [x]
    for _ in range(steps):
        x = x - f(x) / df(x)
        found.append(x)
    return np.array(found)"""
SOLVE = "def solve(A, b):\n    return np.linalg.solve(A, b)"


def hidden_behind(source: str) -> str:
    """The instructor's source of a function, whose body students write."""
    head, _, body = source.partition("\n")
    return f'{head}\n    """..."""\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION'


HIDDEN = "### BEGIN HIDDEN TESTS\ntests.close(bisect(lambda x: x - 1/3, 0, 1), 1/3)\n### END HIDDEN TESTS"
STUDENTS: Mapping[str, tuple[Edit, str]] = {
    "emmy": (
        all_of(
            answers("1-roots", bisect=BISECT, newton=NEWTON, figure="axes = utils.show_errors(errors)\naxes"),
            answers("2-linear", solve=SOLVE, proof="$$A x = b$$ has one solution, *as* $\\det A \\ne 0$."),
        ),
        "",
    ),
    "henri": (
        all_of(
            answers("1-roots", bisect=BISECT.replace("a, b = (a, m)", "a, b = (m, b)"), newton=NEWTON),
            answers("2-linear", solve="def solve(A, b):\n    return np.linalg.inv(A) @ b + 1e-9"),
        ),
        "",
    ),
    "leo": (
        all_of(
            answers("1-roots", bisect="def bisect(f, a, b):\n    return np.float64(f(a)) / 0", newton="newton = None"),
            answers("2-linear", solve="import scipy.linalg\nsolve = scipy.linalg.solve"),
        ),
        "",
    ),
}


def make(root: Path) -> None:
    """The course, released and handed in."""
    imports = code(
        "import numpy as np\nimport tests\nimport utils\n"
        "%config InlineBackend.figure_format = 'retina'\n%matplotlib inline"
    )
    roots = notebook(
        text("# Roots\n$x_{n+1} = x_n - f(x_n) / f'(x_n)$"),
        imports,
        answer("bisect", hidden_behind(BISECT)),
        graded("bisect-points", 3, "tests.points_for(bisect)"),
        graded("bisect-hidden", 2, HIDDEN),
        answer("newton", hidden_behind(NEWTON)),
        code("xs = newton(lambda x: x**2 - 2, lambda x: 2 * x, 1.0)\nerrors = abs(xs - np.sqrt(2))[:5]"),
        graded("newton-root", 2, "tests.close(xs[-1], np.sqrt(2))"),
        graded("newton-order", 2, "assert 1.8 < utils.order(errors) < 2.2"),
        graded("newton-warns", 1, "newton(lambda x: np.log(x), lambda x: 1 / x, 20.0, 1)\nnp.log(-1)"),
        manual("figure", 3, "# YOUR CODE HERE\nraise NotImplementedError()", "code"),
    )
    linear = notebook(
        code("import numpy as np\nimport tests\nrng = np.random.default_rng(0)"),
        answer("solve", hidden_behind(SOLVE)),
        graded("solve-small", 1, "tests.close(solve(np.eye(2), np.ones(2)), np.ones(2))"),
        graded("solve-random", 2, "A = rng.normal(size=(9, 9))\ntests.close(A @ solve(A, A.sum(1)), A.sum(1))"),
        graded(
            "solve-singular",
            1,
            "try:\n    solve(np.zeros((2, 2)), [1, 1])\nexcept np.linalg.LinAlgError:\n    pass\n"
            "else:\n    raise AssertionError('no error')",
        ),
        graded("seeded", 1, "np.random.seed(3)\nassert np.random.rand() == np.random.RandomState(3).rand()"),
        manual("proof", 4, "YOUR ANSWER HERE"),
        task("table", 2, "Add a table of your errors."),
    )
    write(root, {"nbgrader_config.py": CONFIG})
    files = {"1-roots.ipynb": roots, "2-linear.ipynb": linear, "tests.py": TESTS, "utils.py": UTILS}
    write(root / "source" / NAME, files)
    release(root, NAME)
    for student, (edit, when) in STUDENTS.items():
        hand_in(root, NAME, student, edit, when)
