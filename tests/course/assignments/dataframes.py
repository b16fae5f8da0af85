"""Data science: tables in a folder, questions whose answers are variables, a figure, a model, a conclusion."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..making import (
    Edit,
    all_of,
    answer,
    answers,
    changed,
    code,
    graded,
    hand_in,
    manual,
    notebook,
    release,
    text,
    write,
)

NAME = "project2"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "ds100"\nc.ClearSolutions.code_stub = {"python": "..."}\n'
IMPORTS = "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\n%matplotlib inline"
STATIONS = "station,name,height\n" + "\n".join(f"{n},Station {n},{200 + 37 * n % 500}" for n in range(12))
TRIPS = "start,end,minutes,day\n" + "\n".join(
    f"{n % 12},{(n * 7) % 12},{5 + (n * n) % 31},2026-0{1 + n % 6}-{1 + n % 28:02d}" for n in range(400)
)
RIGHT = {
    "q1": "trips = pd.read_csv('data/trips.csv', parse_dates=['day'])\nstations = pd.read_csv('data/stations.csv')",
    "q2": "longest = trips.groupby('start')['minutes'].mean().idxmax()",
    "q3": "joined = trips.merge(stations, left_on='start', right_on='station')",
    "q4": "by_month = trips.resample('MS', on='day')['minutes'].agg(['count', 'mean'])\nby_month",
    "q5": "slope, offset = np.polyfit(joined['height'], joined['minutes'], 1)",
    "q6": "ax = joined.plot.scatter(x='height', y='minutes', title='Does height matter?')",
    "q7": "def minutes_from(name):\n    return joined.loc[joined['name'] == name, 'minutes'].sum()",
}
TESTS: Mapping[str, list[tuple[float, str]]] = {
    "q1": [(1, "assert len(trips) == 400"), (1, "assert trips['day'].dtype.kind == 'M'")],
    "q2": [
        (
            2,
            "assert longest in range(12)\n### BEGIN HIDDEN TESTS\nassert longest == trips.groupby('start')"
            "['minutes'].mean().idxmax()\n### END HIDDEN TESTS",
        )
    ],
    "q3": [(1, "assert {'name', 'height', 'minutes'} <= set(joined.columns)"), (1, "assert len(joined) == len(trips)")],
    "q4": [
        (2, "pd.testing.assert_index_equal(by_month.columns, pd.Index(['count', 'mean']))"),
        (2, "2 * float(by_month['count'].sum() == 400)"),
    ],
    "q5": [(1, "assert isinstance(float(slope), float)"), (1, "assert np.isfinite([slope, offset]).all()")],
    "q6": [(1, "assert ax.get_title().endswith('?')")],
    "q7": [(2, "assert minutes_from('Station 3') > 0"), (1, "assert minutes_from('Nowhere') == 0")],
}


def _more(found: Any) -> None:
    """Cells of one's own between the given ones."""
    found.cells.insert(3, code("trips.describe()"))
    found.cells.insert(2, text("My *notes* <b>here</b>"))


CHAINED = "part = trips[trips['minutes'] > 20]\npart['minutes'][0] = 3\nlongest = 3"
STUDENTS: Mapping[str, tuple[Edit, str]] = {
    "hadley": (all_of(answers(**RIGHT, conclusion="Height does *not* matter: $r \\approx 0$."), changed(_more)), ""),
    "wes": (
        answers(**RIGHT | {"q2": CHAINED, "q4": "by_month = trips.size", "q6": "ax = plt.gca()"}),
        "",
    ),
    "zoe": (
        answers(**{"q1": RIGHT["q1"].replace("data/trips", "C:/Users/trips"), "q3": "%%timeit\njoined = 1"}),
        "",
    ),
}


def make(root: Path) -> None:
    """The course, released and handed in."""
    cells = [
        text("# Trips"),
        code(IMPORTS),
    ]
    for name, source in RIGHT.items():
        cells.append(answer(name, f"### BEGIN SOLUTION\n{source}\n### END SOLUTION"))
        cells += [graded(f"{name}-{i}", points, test) for i, (points, test) in enumerate(TESTS[name], start=1)]
    found = notebook(*cells, manual("conclusion", 6, "*Type your answer here, replacing this text.*"))
    write(root, {"nbgrader_config.py": CONFIG})
    write(root / "source" / NAME, {"project.ipynb": found, "data/trips.csv": TRIPS, "data/stations.csv": STATIONS})
    release(root, NAME)
    for student, (edit, when) in STUDENTS.items():
        hand_in(root, NAME, student, edit, when)
