"""What arrives is graded at once, on the instructor's side: `grader watch`."""
