"""nbgrader on this layout: where its folders lie, `grader`'s hooks that make it fair, what is this course's own."""

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

# What of this course the kit does not know; see grader/settings.py. No model hub is asked while students' code runs.
c.Grader.title = "RLHF Lab Kit"
c.Grader.kernel_name = "Python 3 (RLHF labs)"
c.Grader.kernels = {"rlhf-today": "Python 3 (RLHF today)"}
c.Grader.prepare = [
    "python -m rlhf.today  # the second environment, for labs 07 and 08, 100 MB",
    "python -m rlhf.fetch  # the human ratings, 2.4 MB",
]
c.Grader.readable = ["rlhf"]
c.Grader.distributions = ["rlhf", "torch", "transformers", "trl", "datasets"]
c.Grader.environment = {
    "LABKIT_CACHE": "~/.cache/rlhf-lab-kit",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
c.Grader.warm = {
    "*": ["torch"],  # answers may use it in labs whose notebooks do not import it
    "datasets": [],
    "transformers": [
        "transformers.models.gpt2.modeling_gpt2",
        "transformers.generation.utils",
        "transformers.generation.logits_process",
    ],
    "trl": [],
}
c.Grader.looks = "rlhf.looks:LOOKS"

# Families of mistakes that quiz items and their distractors aim at: a name each, and what goes wrong in it.
c.Grader.families = {
    "kl-penalty": "the direction of the KL, its estimators, and the sign of single terms",
    "beta": "what larger and smaller β do, both limits, and scaling the reward",
    "dpo-at-the-start": "the DPO loss at ln 2, and what can move it there",
    "log-prob-sums": "sum or mean of log-probs, the shift by one, masks, pad and eos, padding side",
    "dpo-margin": "DPO raises the margin while both log-probs may fall",
    "partition-function": "what Z depends on, when it cancels, adding f(x), value vectors and eos",
    "sampling-order": "temperature and truncation in their order, the token that crosses p, ties",
    "greedy-limits": "top-k of 1, temperature as a limit, what greedy means",
    "repetition-penalty": "how the penalty treats signs and the prompt, unlike a frequency penalty",
    "policy-gradient": "where the gradient flows, surrogates, baselines",
    "ppo-clip": "ratio 1 at the first step, min and clip, what they leave of the gradient",
    "who-is-trained": "reward model, value head, policy and reference: who is trained on what",
    "over-optimisation": "a proxy reward that rises while quality falls",
    "advantages": "returns, GAE, bootstrapping, γ and λ, whitening",
    "label-noise": "noisy labels, ceilings, the Bradley–Terry scale",
    "on-and-off-policy": "whose samples, whose log-probs, filtered or not",
    "trainer-settings": "what a trainer's arguments mean: batches, steps and passes over the data",
    "win-rates": "what a win rate says: its interval, the order, the length, how many comparisons",
    "checked-rewards": "what a program checks and what it does not, rare rewards, pass@k",
    "averages": "what counts alike: tokens, responses or prompts",
}
