# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (RLHF labs)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Assessment
#
# Ten questions on what the labs were about: decoding, rollouts, the reward model, PPO and its gradient, β, the
# partition function, DPO. One point each.
#
# | | |
# |---|---|
# | Time | about 20 minutes |
# | To pass | 7 of 10 points |
# | Attempts | as many as you like; the highest counts, and another attempt asks with other numbers, code or wording where it can |
# | You need | labs 01 to 05, paper, pencil and a pocket calculator |

# %% [markdown]
# ## The questions
#
# Run the cell below. Answer with the mouse or with the keyboard alone: **Tab** goes on, the **arrow keys** choose,
# **Space** ticks a box. What you have answered is kept, also when you reload the page or restart the kernel and run the
# cell again. After **Submit** you see what was right, why, and where to read again.

# %% tags=["demo"]
import labkit

labkit.quiz("assessment")

# %% [markdown]
# If you see text instead of questions to click, this page cannot show widgets. Answer in Python then, in a new cell:
#
# ```python
# quiz = labkit.quiz("assessment")
# quiz.answer(1, "b")   # question 1, option b
# quiz.submit()
# ```

# %% [markdown]
# ## Your points
#
# Your attempts are in `attempts.jsonl` beside this notebook. Your highest attempt is scored when you are graded: its
# share of the points becomes yours.

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is scored here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("06-assessment", "assessment")
### END HIDDEN TESTS

# %% [markdown]
# ## Hand in
#
# Save the notebook first. The cell below then packs the notebook and your attempts into one file to upload.

# %% tags=["demo"]
labkit.hand_in()
