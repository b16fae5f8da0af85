"""Banks for other systems, and from them: one folder a system, and what they share in `model/` and `reading/`."""
