"""Quizzes: item banks with proved keys, sealed for students, and scored by the trusted side."""
