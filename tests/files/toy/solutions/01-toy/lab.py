# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Toy
# A lab with two exercises, small enough to grade many times in a test.

# %%
import math

# %% tags=["demo"]
raise RuntimeError("grading must not run a demo cell")


# %% nbgrader={"grade": false, "grade_id": "total", "locked": true, "schema_version": 3, "solution": false, "task": false}
def total(values: list[float]) -> float:
    """The sum of `values`, in a locked cell that answers may use."""
    return math.fsum(values)


# %% nbgrader={"grade": false, "grade_id": "mean", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean(values: list[float]) -> float:
    """The arithmetic mean of `values`. Raises ValueError when there are none."""
    ### BEGIN SOLUTION
    if not values:
        raise ValueError("no values")
    return total(values) / len(values)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mean-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
assert mean([1.0, 2.0]) == 1.5

# %% nbgrader={"grade": true, "grade_id": "mean-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `mean` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-toy", "mean", globals())
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "spread", "locked": false, "schema_version": 3, "solution": true, "task": false}
def spread(values: list[float]) -> float:
    """The largest value less the smallest."""
    ### BEGIN SOLUTION
    lowest, highest = min(values), max(values)
    return highest - lowest
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "spread-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
assert spread([1.0, 4.0]) == 3.0

# %% nbgrader={"grade": true, "grade_id": "spread-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `spread` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-toy", "spread", globals())
### END HIDDEN TESTS
