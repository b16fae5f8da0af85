"""The student's JupyterLab: the start page with one's progress, the labs as cards, nothing for instructors."""
