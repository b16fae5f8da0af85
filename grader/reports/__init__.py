"""What instructors take out of a graded class."""
