"""Graded attempts, saved as text from the pages of courses."""
