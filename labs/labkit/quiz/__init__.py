"""Quizzes in the notebook: sealed banks, answers, drawing, scoring."""
