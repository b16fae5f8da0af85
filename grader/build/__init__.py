"""From `solutions/` to `labs/`: notebooks, releases, leak scan, and the proof that checks check."""
