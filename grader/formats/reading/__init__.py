"""What readers share: from bytes to items of ours in Markdown, and a note of everything that was not read."""
