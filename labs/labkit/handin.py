"""`labkit.hand_in()`, the last cell of every lab: one zip of the notebook and of the quiz attempts, to upload."""

from __future__ import annotations

import io
import os
import time
import zipfile
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from labkit.answers import changed_since
from labkit.errors import LabError
from labkit.exercises import read_lab, read_notebook
from labkit.files import write_whole
from labkit.quiz.attempts import ATTEMPTS_FILE

OLD_SECONDS = 120.0
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content gives the same zip, whenever it is made


def hand_in(folder: str | Path = ".", send: bool = False) -> None:
    """Write `<folder>-hand-in.zip` beside the notebook `<folder>.ipynb`, and say what is in it.

    The zip holds `<folder>/<folder>.ipynb` and, if there are quiz attempts, `<folder>/attempts.jsonl`. An older zip
    is replaced only when the new one is complete.

    Where a hub takes hand-ins itself, `send` sends it the zip: what you sent before is replaced.

    Nothing is written while nbgrader executes the notebook.

    Raises:
        LabError: the notebook is not there, is no valid notebook, or the folder cannot be written; or it is not taken.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        print("hand_in: nothing to do while the notebook is being graded.")
        return
    place = Path(folder).resolve()
    notebook = place / f"{place.name}.ipynb"
    _require(notebook)
    read_notebook(notebook)
    files = [file for file in (notebook, place / ATTEMPTS_FILE) if file.is_file()]
    goal = place / f"{place.name}-hand-in.zip"
    try:
        _write_zip(goal, files)
    except OSError as error:
        what = f"{goal} could not be written: {error.strerror or error}."
        raise LabError(what, "Free some space, or make the folder writable, and run this cell again.") from None
    _tell(goal, files)
    _send(goal, place.name, send)


def _send(goal: Path, lab: str, send: bool) -> None:
    """Send the zip to the hub's service, or say that one can; nothing where there is none."""
    from labkit.quiz.service import service

    there = service()
    if there is None:
        if send:
            raise LabError("Nothing was sent: no service takes hand-ins here.", f"Upload {goal.name} instead.")
        return
    if not send:
        print("Nothing was sent yet. To hand it in here, save, and run: labkit.hand_in(send=True)")
        return
    receipt = there.ask(f"labs/{quote(lab, safe='')}", goal.read_bytes())
    print(f"Handed in: {', '.join(map(str, receipt.get('files', [])))} at {receipt.get('time')}.")
    for left in receipt.get("left", []):
        print(f"  Left out: {left}")
    print("Once it is graded, your feedback is here: labkit.feedback()")


def _require(notebook: Path) -> None:
    if not notebook.is_file():
        others = sorted(path.name for path in notebook.parent.glob("*.ipynb"))
        found = f" Found: {', '.join(others)}." if others else ""
        remedy = (
            f"Give the notebook its first name, {notebook.name}, in the folder {notebook.parent.name}, and reopen it."
        )
        raise LabError(f"There is no notebook {notebook}.{found}", remedy)


def _write_zip(goal: Path, files: list[Path]) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"{file.parent.name}/{file.name}", date_time=EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), compress_type=zipfile.ZIP_DEFLATED)
    write_whole(goal, content.getvalue())


def _tell(goal: Path, files: list[Path]) -> None:
    notebook = files[0]
    saved = notebook.stat().st_mtime
    print(f"Ready to upload: {goal.name}")
    for file in files:
        print(f"  {file.name}  {file.stat().st_size / 1000:.0f} kB")
    print(f"The notebook was last saved at {datetime.fromtimestamp(saved):%H:%M:%S on %Y-%m-%d}.")
    if time.time() - saved > OLD_SECONDS:
        print("  Save first: Ctrl+S, then run this cell again.")
    _tell_quiz(notebook.parent)
    if changed := changed_since(notebook.parent):
        print(f"Changed since its visible checks ran last: {', '.join(changed)}. Run those checks again, then save.")
    exercises = read_lab(notebook.parent)
    waiting = [row.exercise for row in exercises if not row.passed]
    if waiting:
        print(f"Visible checks not passed yet: {', '.join(waiting)}. You may hand in all the same.")
    elif exercises and changed:
        print("All visible checks passed, before those changes.")
    elif exercises:
        print("All visible checks passed.")


def _tell_quiz(folder: Path) -> None:
    if not any(folder.glob("*.quiz.json")):
        return
    from labkit.quiz.overview import read_quizzes
    from labkit.quiz.standing import percent

    quizzes, problems = read_quizzes(folder)
    for quiz in quizzes:
        highest = quiz.standing.highest
        score = "" if highest is None else f", your highest is {percent(highest)}"
        print(f"Quiz: {quiz.outcome()}{score}.")
    for problem in problems:
        print(f"  {problem}")
    if not (folder / ATTEMPTS_FILE).is_file():
        print(f"  There is no {ATTEMPTS_FILE} in {folder.name}, so the quiz will give 0 points.")
        print(f"  Did you take it elsewhere? Copy {ATTEMPTS_FILE} from there to here, and run this cell again.")
