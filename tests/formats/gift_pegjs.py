"""GIFT as another reader has it: the package gift-pegjs of npm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.tools.needed import needed
from tests.tools.node import node, package

SCRIPT = Path(__file__).with_name("parse_gift.cjs")


def parse(texts: list[str]) -> list[dict[str, Any]]:
    """What it reads of each text: `questions`, or an `error`. Where it is missing the test skips."""
    command = [needed(node).path, SCRIPT, needed(lambda: package("gift-pegjs"))]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=120)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
