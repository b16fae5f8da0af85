"""A page in Markdown, to read."""
