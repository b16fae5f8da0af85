"""Introductory Python: small functions with docstrings, visible and hidden asserts, a first essay. One notebook."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from nbformat import NotebookNode

from ..making import (
    Edit,
    answer,
    answers,
    code,
    graded,
    hand_in,
    manual,
    notebook,
    read_only,
    release,
    text,
    write,
)

NAME = "ps03"
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "cs1"
c.ClearSolutions.code_stub = {"python": "pass"}
c.Execute.timeout = 4
c.Execute.iopub_timeout = 30
"""
GRADER = "def check(found, expected):\n    assert found == expected, f'{found} is not {expected}'\n"
# By name: the head with its docstring, the right body, the test that students see, the hidden one, points.
FUNCTIONS: Mapping[str, tuple[str, str, str, str, float]] = {
    "is_leap": (
        'def is_leap(year):\n    """Whether a year has 366 days.\n\n    >>> is_leap(2024)\n    True\n    """',
        "return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)",
        "assert is_leap(2024)\nassert not is_leap(2023)",
        "assert not is_leap(1900)\nassert is_leap(2000)",
        2,
    ),
    "count_vowels": (
        'def count_vowels(word):\n    """The number of vowels, in either case."""',
        "return sum(letter in 'aeiou' for letter in word.lower())",
        "assert count_vowels('banana') == 3, 'banana has three'",
        "assert count_vowels('ÄPFEL') == 1\nassert count_vowels('') == 0",
        2,
    ),
    "fib": (
        'def fib(n):\n    """The n-th Fibonacci number."""',
        "a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a",
        "assert [fib(i) for i in range(6)] == [0, 1, 1, 2, 3, 5]",
        "assert fib(90) == 2880067194370816120",
        3,
    ),
    "invert": (
        'def invert(table):\n    """Keys by value."""',
        "return {value: key for key, value in table.items()}",
        "assert invert({'a': 1}) == {1: 'a'}",
        "given = {'x': 'y'}\ninvert(given)\nassert given == {'x': 'y'}",
        1.5,
    ),
    "read_numbers": (
        'def read_numbers(path):\n    """The integers of a file, a line each; blank lines do not count."""',
        "with open(path) as file:\n        return [int(line) for line in file if line.strip()]",
        "assert read_numbers('numbers.txt') == [3, 1, 2]",
        "import grader\ntry:\n    read_numbers('none.txt')\nexcept FileNotFoundError:\n    grader.check(1, 1)",
        2,
    ),
}


def right(name: str) -> str:
    """A function that does what it says."""
    head, body, *_ = FUNCTIONS[name]
    return f"{head}\n    {body}"


def parts(name: str) -> list[NotebookNode]:
    """The cells of one exercise."""
    head, body, seen, hidden, points = FUNCTIONS[name]
    return [
        text(f"## `{name}`"),
        answer(name, f"{head}\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"),
        code(f"# try it here\nprint({name})"),
        graded(f"{name}_seen", points, seen),
        graded(f"{name}_hidden", points, f"# {name}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"),
    ]


SPOILED = {
    "is_leap": right("is_leap").replace(" and (year % 100 != 0 or year % 400 == 0)", ""),
    "count_vowels": right("count_vowels").replace(".lower()", ""),
    "fib": "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)",
    "invert": "def invert(table)\n    return table",
    "read_numbers": "def read_numbers(path):\n    print(open(path).read())",
}
RIGHT = {name: right(name) for name in FUNCTIONS}
STUDENTS: Mapping[str, tuple[Edit, str]] = {
    "alan": (answers(**RIGHT, why="Because *recursion* repeats work."), "2026-04-01 08:00:00 UTC"),
    "grace": (answers(**RIGHT | {name: SPOILED[name] for name in ("is_leap", "invert", "read_numbers")}), ""),
    "kurt": (
        answers(**RIGHT | {name: SPOILED[name] for name in ("count_vowels", "fib")}, why="So."),
        "2026-04-01 09:00:00 UTC",
    ),
}


def make(root: Path, students: Collection[str] = STUDENTS) -> None:
    """The course, released and handed in by some."""
    write(root, {"nbgrader_config.py": CONFIG})
    cells = [cell for name in FUNCTIONS for cell in parts(name)]
    head = read_only("rules", "NAME = ''\nassert True  # do not change this cell")
    found = notebook(text("# Problem set 3"), head, *cells, manual("why", 4, "Why is `fib` slow?"))
    write(root / "source" / NAME, {f"{NAME}.ipynb": found, "numbers.txt": "3\n1\n\n2\n", "grader.py": GRADER})
    release(root, NAME)
    for student in students:
        edit, when = STUDENTS[student]
        hand_in(root, NAME, student, edit, when)
