"""A table for spreadsheets and scripts."""
