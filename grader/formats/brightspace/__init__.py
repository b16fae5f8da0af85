"""Brightspace (D2L): the CSV file that it imports, and the packages that it exports."""
