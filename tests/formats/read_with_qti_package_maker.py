"""Run by another Python, which has qti-package-maker: what it reads in our Blackboard files, as JSON.

Arguments: files, a zip of pools or a text for upload. Output: for each file its questions with their keys.
"""

from __future__ import annotations

import contextlib
import json
import sys

from qti_package_maker.engines.bbq_text_upload import read_package as upload
from qti_package_maker.engines.blackboard_export_zip import read_package as pools

PUBLIC = (
    "choices_list",
    "answer_text",
    "answers_list",
    "prompts_list",
    "answer_float",
    "tolerance_float",
    "answer_map",
)


def told(item: object) -> dict:
    """One question."""
    names = [*PUBLIC, "ordered_answers_list"]
    keys = {name: getattr(item, name) for name in names if hasattr(item, name)}
    return {"type": item.item_type, "text": item.question_text, **keys}


def read(path: str) -> list[dict]:
    """The questions of a file, with what it prints on the way put aside."""
    reader = pools if path.endswith(".zip") else upload
    with contextlib.redirect_stdout(sys.stderr):
        bank = reader.read_items_from_file(path, allow_mixed=True)
        found = [told(item) for item in bank]
        if hasattr(bank, "cleanup"):
            bank.cleanup()
    return found


json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
