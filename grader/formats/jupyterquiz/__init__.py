"""JupyterQuiz: questions inside a notebook."""
