"""`make lab`, as a student says it: JupyterLab on a copy of the labs, with every notebook in reach."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "for-this-test"


def get(url: str) -> tuple[str, str]:
    """Where a request ended, and what was there."""
    request = urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request) as reply:
        return reply.url, reply.read().decode()


def test_make_lab_serves_the_labs_and_opens_the_start_page(serve: Any) -> None:
    options = f"--no-browser --allow-root --port=0 --IdentityProvider.token={TOKEN}"
    with serve(["make", "lab", f"LAB_ARGS={options}"], ROOT, dict(os.environ)) as address:
        assert "started" in json.loads(get(f"{address}/api/status")[1])
        for notebook in ("00-start-here/00-start-here.ipynb", "01-decoding/01-decoding.ipynb"):
            content = json.loads(get(f"{address}/api/contents/{notebook}")[1])["content"]
            assert content["nbformat"] == 4
        assert get(f"{address}/")[0].endswith("/lab/tree/00-start-here/00-start-here.ipynb")
