"""What a course is: nbgrader's configuration and gradebook, folders, people, late work."""
