"""A headless Chromium, which makes PDF files of pages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
SECONDS = 180
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
)


def find_chromium() -> str:
    """The browser that `CHROMIUM` names, else one on the PATH. Raises LookupError, which says what to install."""
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if not found:
            raise LookupError(f"CHROMIUM says {named}, but there is no such program: name one that is installed.")
        return found
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        raise LookupError(
            "PDF files are made by Chromium, and none was found on the PATH: install it (apt-get install chromium), or "
            "name one: CHROMIUM=/path/to/chromium."
        )
    return found


def pdf_of(page: str) -> bytes:
    """An HTML page as PDF; what the page needs must be in it.

    Raises:
        LookupError: there is no Chromium.
        ValueError: it made no PDF; the message has what it said.
    """
    chromium = find_chromium()
    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's own sandbox does not run for root
    with tempfile.TemporaryDirectory() as folder:
        source, goal = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_text(page, encoding="utf-8")
        command = [chromium, *OPTIONS, *root, f"--user-data-dir={folder}/profile", f"--print-to-pdf={goal}"]
        try:
            done = subprocess.run([*command, source.as_uri()], capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise ValueError(f"{chromium} made no PDF within {SECONDS} seconds.") from None
        if not goal.exists():
            said = done.stderr.strip().splitlines()[-3:]
            raise ValueError(f"{chromium} made no PDF (exit code {done.returncode}): {' '.join(said) or 'silently'}")
        return goal.read_bytes()
