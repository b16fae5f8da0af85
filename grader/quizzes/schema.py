"""The JSON Schema of a bank, made from the model, for editors that complete and check YAML."""

from __future__ import annotations

import json

from grader.quizzes.model import BankModel


def schema() -> str:
    """The schema as JSON (draft 2020-12), one way only."""
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **BankModel.model_json_schema()}
    content["title"] = "A quiz bank of the RLHF Lab Kit"
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
