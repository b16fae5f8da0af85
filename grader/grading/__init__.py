"""From submissions to grades: intake, autograding through nbgrader, and a row for every student."""
