"""A static site of a course's labs: to read without a kernel, with figures of solved runs and quizzes to play."""
