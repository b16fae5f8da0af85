"""nbgrader on this layout: where its folders lie, and the hooks of `grader` that make it fair."""

import os
import sys
from pathlib import Path

if "nbgrader" in sys.modules:  # where nbgrader is not at work, nothing waits until it is imported
    import grader.course.coursedir  # noqa: F401 - mends how nbgrader reads times that students wrote

ROOT = Path(__file__).resolve().parent
STEP = "nbgrader.preprocessors."

c = get_config()  # noqa: F821 - traitlets puts it there

c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = "rlhf"
c.CourseDirectory.source_directory = "build/source"
c.CourseDirectory.release_directory = "labs"
c.CourseDirectory.submitted_directory = "class/submitted"
c.CourseDirectory.autograded_directory = "class/autograded"
c.CourseDirectory.feedback_directory = "class/feedback"
# The grader's own folder: cache, history, reports, who is who.
c.Grader.class_directory = "class"
# GRADER_DB puts the gradebook elsewhere, such as postgresql+psycopg://user@host/rlhf; `grader grade --db` sets it.
c.CourseDirectory.db_url = os.environ.get("GRADER_DB") or f"sqlite:///{ROOT}/class/gradebook.db?timeout=60"

# Cells that demonstrate or train are skipped by autograde, by validate and by both buttons.
c.Execute.skip_cells_with_tag = "demo"

# Kernels keep no history on disk, and report errors only: the transport warning would fill the screen of a class run.
c.Execute.extra_arguments = ["--HistoryManager.hist_file=:memory:", "--IPKernelApp.log_level=40"]

# nbgrader gives 0 for any output on stderr, a warning too. Points come from the number that a hidden cell ends in.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = r"(?s).*"

# KeepInert leaves in class/autograded only what can do nothing when it is opened; see grader/inert.py. RestoreCells
# gives every graded cell the metadata and the place that the release gave it, and takes from texts what acts; see
# grader/hooks.py.
c.Autograde.sanitize_preprocessors = [
    "grader.grading.folder.KeepInert",
    STEP + "ClearOutput",
    "grader.hooks.RestoreCells",
    STEP + "DeduplicateIds",
    STEP + "OverwriteKernelspec",
    STEP + "OverwriteCells",
    STEP + "CheckCellMetadata",
]

# Student code runs in a sandboxed kernel, the hidden checks in nbgrader's own process: `grader grade`'s way.
c.Autograde.autograde_preprocessors = [
    "grader.grading.nbgrader_execute.Execute",
    STEP + "IgnorePattern",
    STEP + "LimitOutput",
    STEP + "SaveAutoGrades",
    STEP + "AssignLatePenalties",
    STEP + "CheckCellMetadata",
]

# Feedback shows the promises of the hidden checks and their hints, never the line that runs them.
c.GenerateFeedback.preprocessors = [
    STEP + "GetGrades",
    STEP + "ClearHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]

# Late work: class/late.toml has the policy, due dates and extensions; see grader/course/late.py.
c.AssignLatePenalties.plugin_class = "grader.course.late.LatePolicy"

# A heading of a student would else get an id, take the place of a graded cell on formgrader's page, and its points.
c.HTMLExporter.exclude_anchor_links = True

# Quizzes that are exams here, whatever their banks say: no key of them is released, and the grader alone scores them.
# c.Quizzes.exam = ["assessment"]
