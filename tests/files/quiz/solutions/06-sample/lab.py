# %% [markdown]
# # Sample
# A lab whose only graded cell is its quiz.

# %% tags=["demo"]
raise RuntimeError("grading must not run a demo cell")

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 9.5, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is counted here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("06-sample", "sample")
### END HIDDEN TESTS
