"""`labkit.feedback()`: pages of feedback on what one handed in, from a hub's service, beside the notebook."""

from __future__ import annotations

import os
import re
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from labkit.errors import LabError
from labkit.files import write_whole

FOLDER = "feedback"
PAGE = re.compile(r"[\w -][\w. -]*\.html")
NONE_HERE = "No service gives feedback here."
ELSEWHERE = "Look where you handed the lab in; on a hub that is Nbgrader → Assignment List."


def feedback(folder: str | Path = ".") -> None:
    """Fetch the feedback on the lab in `folder` to its folder `feedback/`, and link to each page.

    It is there once what you handed in is graded. Pages that you have already are replaced by newer ones.

    Nothing is fetched while nbgrader executes the notebook.

    Raises:
        LabError: no service is here, it has no feedback yet or cannot be reached, or the folder cannot be written.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        print("feedback: nothing to do while the notebook is being graded.")
        return
    from labkit.quiz.service import service

    place, there = Path(folder).resolve(), service()
    if there is None:
        raise LabError(NONE_HERE, ELSEWHERE)
    said = there.ask(f"labs/{quote(place.name, safe='')}")
    try:
        pages = {str(name): str(page) for name, page in said["pages"].items() if PAGE.fullmatch(str(name))}
        graded, last = datetime.fromisoformat(said["graded"]).astimezone(), said["last"] is True
        why = str(said.get("why", ""))
    except (KeyError, TypeError, ValueError, AttributeError):
        remedy = "Try again in a while, and tell your instructor if it stays."
        raise LabError("The grading service of this hub answered something that is not understood.", remedy) from None
    try:
        (place / FOLDER).mkdir(exist_ok=True)
        for name, page in pages.items():
            write_whole(place / FOLDER / name, page.encode("utf-8"))
    except OSError as error:
        what = f"{place / FOLDER} could not be written: {error.strerror or error}."
        raise LabError(what, "Free some space, or make the folder writable, and run this cell again.") from None
    when = f"{graded:%H:%M:%S on %Y-%m-%d}"
    if why and last:
        print(f"What you handed in could not be graded at {when}: {why}")
        if pages:
            print("Your feedback from before:")
    else:
        print(f"Graded at {when}:")
    for name in pages:
        _link(f"{FOLDER}/{name}")
    if not last:
        print("What you handed in after that is not graded yet; run this cell again in a while.")


def _link(path: str) -> None:
    """A link where notebooks show one, else the path."""
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        print(path)
        return
    from IPython.display import display

    display({"text/markdown": f"[{path}]({quote(path)})", "text/plain": path}, raw=True)
