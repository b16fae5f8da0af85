"""H5P: question sets, which play in many systems."""
