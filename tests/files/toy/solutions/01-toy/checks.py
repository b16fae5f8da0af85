"""Hidden checks of the toy lab."""

import math

import numpy as np

from grader.checks import Student, check, expect


@check("mean", points=2)
def averages(student: Student, rng: np.random.Generator) -> None:
    """The mean is the sum divided by the count."""
    values = [float(v) for v in rng.normal(size=5)]
    result = student.mean(values)
    expect(result).close(math.fsum(values) / 5, tol=1e-9, hint="Did you divide by n − 1?")
    expect(result).unchanged(hint="Leave the list as it is.")


@check("mean", points=1)
def refuses_nothing(student: Student) -> None:
    """No values have no mean."""
    expect(student.mean([])).raises("ValueError", hint="Say so before you divide by zero.")


@check("spread", points=2)
def spans(student: Student) -> None:
    """The spread is never negative."""
    expect(student.spread([2.0, -1.0, 5.0])).equals(6.0, hint="Largest less smallest, not last less first.")
