"""Kahoot: the spreadsheet that it imports."""
