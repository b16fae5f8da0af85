"""Progress: which visible checks passed, kept in progress.jsonl beside each notebook, as table, chart and next step."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from labkit.plots import Picture

PROGRESS_FILE = "progress.jsonl"
CHECKS = "-checks"  # the ending of the grade_id of a cell of visible checks; before it stands the exercise's name
WORDS = {True: "passed", False: "not all pass yet", None: "not tried yet"}
COLOURS = {True: "#0072B2", False: "#E69F00", None: "#D9D9D9"}  # told apart by colour-blind people too


@dataclass(frozen=True)
class Exercise:
    """How the visible checks of one exercise came out last; `passed` and `when` (UTC) are None before the first try."""

    lab: str
    exercise: str
    passed: bool | None
    when: datetime | None


def record(exercise: str, passed: int, total: int) -> None:
    """Add one line to `progress.jsonl` in the current folder: `passed` of the `total` checks of `exercise` held.

    Nothing is written while nbgrader executes the notebook, nor into a folder that cannot be written: a check must
    never fail because of it.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        return
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        folder = Path.cwd()
        line = json.dumps({"lab": folder.name, "exercise": exercise, "passed": passed, "total": total, "time": now})
        with (folder / PROGRESS_FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError:
        return


class Progress:
    """Where a student stands in every lab under `root`: in a notebook, show it, `.plot()` it, or ask for `.next()`.

    A lab is a folder with a notebook of the same name; its exercises are the notebook's cells of visible checks.
    An exercise counts as passed if all its checks held the last time that they ran.

    Raises:
        LabError: `root` is no folder.
    """

    def __init__(self, root: str | Path = ".") -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise LabError(f"There is no folder {self.root.resolve()}.", 'Give the folder of the labs: Progress("..").')
        self.problems: tuple[str, ...] = ()
        self._rows: list[Exercise] = []
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
            if not _notebook(folder).is_file():
                continue
            try:
                self._rows += read_lab(folder)
            except LabError as error:
                self.problems += (error.what,)

    def table(self) -> list[Exercise]:
        """Every exercise of every lab, in the order of the labs and of their notebooks."""
        return list(self._rows)

    def next(self) -> str:
        """What to do next, in a sentence."""
        if not self._rows:
            return f"No exercises were found under {self.root.resolve()}."
        for row in self._rows:
            if row.passed is False:
                return f"Next: go on with {row.exercise} in {row.lab}; its checks do not all pass yet."
            if row.passed is None:
                return f"Next: try {row.exercise} in {row.lab}."
        return "All visible checks pass. Hand in each lab with the last cell of its notebook."

    def plot(self) -> Picture:
        """A bar for each lab: how many of its exercises passed, were tried, and were not tried yet."""
        import matplotlib as mpl
        from matplotlib.figure import Figure

        from labkit import plots

        labs = self._by_lab()
        with mpl.rc_context({**plots.STYLE, "axes.grid": False}):
            figure = Figure(figsize=(7, 1.3 + 0.45 * len(labs)), layout="constrained")
            _draw_bars(figure, labs)
            buffer = io.BytesIO()
            figure.savefig(buffer, dpi=2 * plots.PIXELS_PER_INCH, metadata={"Software": None})
        said = "; ".join(f"{lab}: {', '.join(_counted(rows))}" for lab, rows in labs.items()) or "no exercises found"
        return plots.Picture(buffer.getvalue(), f"Your progress. {said}.", 7 * plots.PIXELS_PER_INCH)

    def _by_lab(self) -> dict[str, list[Exercise]]:
        labs: dict[str, list[Exercise]] = {}
        for row in self._rows:
            labs.setdefault(row.lab, []).append(row)
        return labs

    def _repr_html_(self) -> str:
        """A table for eyes and screen readers: headers with a scope, outcomes in words."""
        body = "".join(
            f'<tr><td>{escape(row.lab)}</td><th scope="row">{escape(row.exercise)}</th>'
            f"<td>{'✓' if row.passed else '–'} {WORDS[row.passed]}</td>"
            f"<td>{row.when.astimezone().strftime('%Y-%m-%d %H:%M') if row.when else ''}</td></tr>"
            for row in self._rows
        )
        heads = "".join(f'<th scope="col">{head}</th>' for head in ("Lab", "Exercise", "Visible checks", "Last run"))
        notes = "".join(f"<p>{escape(problem)}</p>" for problem in self.problems)
        caption = f"<caption>{escape(self.next())}</caption>"
        return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{notes}"


def _draw_bars(figure: Figure, labs: dict[str, list[Exercise]]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes = figure.subplots()
    left = [0] * len(labs)
    for outcome, word in WORDS.items():
        counts = [sum(row.passed is outcome for row in rows) for rows in labs.values()]
        bars = axes.barh(list(labs), counts, left=left, height=0.6, color=COLOURS[outcome], label=word)
        ink = "white" if outcome else "black"
        axes.bar_label(bars, [str(n) if n else "" for n in counts], label_type="center", color=ink)
        left = [start + count for start, count in zip(left, counts, strict=True)]
    axes.invert_yaxis()
    axes.set(xlabel="exercises", xlim=(0, max(left, default=1)), title="Your progress: visible checks")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center", ncols=len(WORDS))


def _counted(rows: list[Exercise]) -> list[str]:
    return [f"{sum(row.passed is outcome for row in rows)} {word}" for outcome, word in WORDS.items()]


def read_lab(folder: Path) -> list[Exercise]:
    """The exercises of the lab in `folder`, in the order of its notebook, with the last outcome of each.

    Raises:
        LabError: the notebook is no valid notebook.
    """
    latest = {name: (passed, when) for name, passed, when in _outcomes(folder / PROGRESS_FILE)}
    lab = folder.resolve().name
    return [Exercise(lab, name, *latest.get(name, (None, None))) for name in _exercises(_notebook(folder))]


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook as its JSON object, with a list of cells.

    Raises:
        LabError: the file cannot be read, or is no notebook.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list):
            return notebook
        reason = "it has no list of cells"
    except (OSError, ValueError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    remedy = "Take an older version (File → Revert Notebook to Checkpoint), or your last good copy, and save it."
    raise LabError(f"{path} is no valid notebook: {reason}.", remedy)


def _notebook(folder: Path) -> Path:
    return folder / f"{folder.resolve().name}.ipynb"


def _exercises(path: Path) -> list[str]:
    names = []
    for cell in read_notebook(path)["cells"]:
        found: Any = cell
        for key in ("metadata", "nbgrader", "grade_id"):
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and found.endswith(CHECKS):
            names.append(found.removesuffix(CHECKS))
    return list(dict.fromkeys(names))


def _outcomes(path: Path) -> Iterator[tuple[str, bool, datetime]]:
    """Every readable line of a progress file: exercise, whether all checks held, when. Broken lines are skipped."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            said = json.loads(line)
            passed, total, when = int(said["passed"]), int(said["total"]), datetime.fromisoformat(said["time"])
            yield str(said["exercise"]), passed == total > 0, when if when.tzinfo else when.replace(tzinfo=UTC)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
