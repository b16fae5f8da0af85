"""Anki, which repeats cards."""
