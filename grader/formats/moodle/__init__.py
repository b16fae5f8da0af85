"""Moodle: its XML, and what GIFT has of it."""
