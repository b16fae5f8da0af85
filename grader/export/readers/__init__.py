"""Readers of banks from elsewhere: one module a format, each from bytes to items of ours and what was not read."""
