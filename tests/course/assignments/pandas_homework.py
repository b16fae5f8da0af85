"""Data analysis with numpy, pandas and matplotlib: a table beside the notebook, ten asserts, one essay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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

NAME = "hw2"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "data101"\n'
TABLE = "city,month,rain,temperature\n" + "\n".join(
    f"{city},{month},{(3 * month * offset) % 17 + 0.5},{offset + month % 7}"
    for offset, city in enumerate(["Bern", "Porto", "Zürich", "Oslo"], start=2)
    for month in range(1, 13)
)
RIGHT = {
    "load": "def load(path):\n    return pd.read_csv(path)",
    "mean_rain": "def mean_rain(df):\n    return df.groupby('city')['rain'].mean()",
    "wettest": "def wettest(df):\n    return df.loc[df['rain'].idxmax(), 'city']",
    "normal": "def normal(x):\n    x = np.asarray(x, dtype=float)\n    return (x - x.mean()) / x.std()",
    "plot": "fig, ax = plt.subplots()\nax.plot(df['month'], df['rain'], '.')\nax.set_xlabel('month')\nplt.show()",
}
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
IMPORTS = "%matplotlib inline\nimport numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt"


def source() -> dict[str, object]:
    """The instructor's folder."""

    def solution(name: str) -> object:
        head, _, body = RIGHT[name].partition("\n") if RIGHT[name].startswith("def") else ("", "", RIGHT[name])
        begin = "    ### BEGIN SOLUTION\n" if head else "### BEGIN SOLUTION\n"
        end = "\n    ### END SOLUTION" if head else "\n### END SOLUTION"
        return answer(name, (f"{head}\n" if head else "") + begin + body + end)

    return {
        "rain.csv": TABLE,
        "img/map.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        f"{NAME}.ipynb": notebook(
            text("# Rain\nRead `rain.csv`."),
            code(IMPORTS),
            solution("load"),
            graded("load-1", 1, "df = load('rain.csv')\nassert df.shape == (48, 4)"),
            graded("load-2", 1, "assert list(df.columns) == ['city', 'month', 'rain', 'temperature']\ndf.head()"),
            solution("mean_rain"),
            graded("mean-1", 2, "assert isinstance(mean_rain(df), pd.Series)\nassert len(mean_rain(df)) == 4"),
            graded(
                "mean-2",
                2,
                "np.testing.assert_allclose(mean_rain(df)['Oslo'], 8.5, atol=3)\n### BEGIN HIDDEN TESTS\n"
                "assert mean_rain(df.head(3)).index.tolist() == ['Bern']\n### END HIDDEN TESTS",
            ),
            solution("wettest"),
            graded("wettest-1", 1, "assert wettest(df) in set(df['city'])"),
            graded("wettest-2", 1.5, "assert wettest(df[df['city'] == 'Zürich']) == 'Zürich'"),
            solution("normal"),
            graded("normal-1", 1, "assert abs(normal([1, 2, 3]).mean()) < 1e-12"),
            graded("normal-2", 1, "assert np.isclose(normal(df['rain']).std(), 1)"),
            graded("normal-3", 1, "assert normal(np.arange(4)).shape == (4,), 'shape'"),
            solution("plot"),
            graded("plot-1", 1, "assert ax.get_xlabel() == 'month'\nassert len(ax.lines) == 1"),
            manual("essay", 5, "YOUR ANSWER HERE"),
            manual("best-plot", 3, STUB, "code"),
        ),
    }


STUDENTS: Mapping[str, tuple[Edit, str]] = {
    "ada": (
        answers(**RIGHT, essay="It **rains** more.", **{"best-plot": "df.plot(x='month', y='rain');"}),
        "2026-03-01 11:00:00 UTC",
    ),
    "bob": (
        all_of(
            answers(**RIGHT | {"mean_rain": "def mean_rain(df):\n    return df['rain'].mean()"}),
            changed(lambda found: found.cells[1].update(source=IMPORTS.replace("%matplotlib inline\n", ""))),
        ),
        "",
    ),
    "cleo": (answers(**RIGHT | {"wettest": "def wettest(df):\n    print('x' * 99)\n    return 'Bern'"}), ""),
    "dan": (
        answers(load=RIGHT["load"], normal="import warnings\nwarnings.warn('slow')\n" + RIGHT["normal"]),
        "2026-03-02 10:00:00.5 UTC",
    ),
}


def make(root: Path) -> None:
    """The course, released and handed in."""
    write(root, {"nbgrader_config.py": CONFIG})
    write(root / "source" / NAME, source())
    release(root, NAME)
    for student, (edit, when) in STUDENTS.items():
        hand_in(root, NAME, student, edit, when)
