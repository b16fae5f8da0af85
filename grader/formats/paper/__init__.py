"""Exam sheets on paper."""
