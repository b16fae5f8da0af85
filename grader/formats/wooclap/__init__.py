"""Wooclap: the spreadsheet that it imports."""
