"""The JSON Schema of a bank, made from the model, for editors that complete and check YAML."""

from __future__ import annotations

import json
from collections.abc import Iterable

from grader.quizzes.model import BankModel


def schema(families: Iterable[str] = ()) -> str:
    """The schema as JSON (draft 2020-12), one way only; with the families of mistakes that a course names."""
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **BankModel.model_json_schema()}
    content["title"] = "A quiz bank"
    if known := list(families):
        for item in content["$defs"].values():
            if found := item.get("properties", {}).get("families"):
                found["items"] |= {"enum": known}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
