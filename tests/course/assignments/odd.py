"""Three notebooks with what nbgrader and IPython allow and few courses use, and a class that uses it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbgrader
from nbformat import NotebookNode

from ..making import (
    Edit,
    all_of,
    answer,
    answers,
    beside,
    cell_of,
    changed,
    code,
    graded,
    hand_in,
    manual,
    notebook,
    read_only,
    task,
    text,
    write,
)
from ..roads import nbgrader as nbgrader_says

NAME = "odd_1"
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "odd"
c.Execute.iopub_timeout = 30
"""
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
LARGE = 30 * 2**20  # bytes of the table that lies beside the notebooks

# What the last line of a test gives, which nbgrader reads as points or not: by the name of the cell.
VALUES: Mapping[str, str] = {
    "int": "2",
    "float": "0.25",
    "zero": "0",
    "exactly": "3.0",
    "small": "1e-3",
    "text": "'1'",
    "words": "'half of it'",
    "one-list": "[1]",
    "two-list": "[1, 2]",
    "tuple": "(0.5,)",
    "nan": "float('nan')",
    "negative": "-1",
    "minus-zero": "-0.0",
    "minus-inf": "-float('inf')",
    "true": "True",
    "none": "None",
    "dict": "{'points': 1}",
    "np-float": "np.float64(0.5)",
    "np-int": "np.int64(2)",
    "np-array": "np.array(0.5)",
    "np-list": "np.array([1, 2])",
    "decimal": "__import__('decimal').Decimal('0.5')",
    "fraction": "__import__('fractions').Fraction(1, 2)",
    "repr": "Shown('1.5')",
    "underscore": "Shown('0_1')",
    "spaces": "Shown('  2 ')",
    "lines": "Shown('1\\n2')",
    "html": "Html()",
    "table": "pd.DataFrame({'a': [1]})",
    "suppressed": "1;",
    "assigned": "half = 0.5",
    "printed": "print(0.5)",
    "displayed": "display(0.5)",
    "both": "display(0.5)\n1",
    "last": "0.5\n1.25",
    "awaited": "await asyncio.sleep(0, 0.75)",
    "figure": "plt.figure(figsize=(1, 1));",
    "student": "value(1)",
    "student-again": "value(2)",
    "cell-time": "%%time\n1 + 1",
    "captured": "%%capture said\nprint('x')\n0.5",
    "unicode": "Shown('½')",
    "arabic": "Shown('٢')",
    "quiet-error": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    points = 1\npoints",
    "latex": "from IPython.display import Latex\nLatex('$1$')",
    "comment-only": "# nothing",
    "blank": "",
}
SHOWN = """class Shown:
    def __init__(self, text):
        self.text = text
    def __repr__(self):
        return self.text
class Html:
    def _repr_html_(self):
        return '<b>2</b>'
    def __repr__(self):
        return '2'
"""
AUTOTEST = "### AUTOTEST squares(3)\n### HASHED AUTOTEST total(3)\n"
HIDDEN = "assert total(4) == 30\n### BEGIN HIDDEN TESTS\nassert total(0) == 0, 'nothing'\n### END HIDDEN TESTS"


def values() -> NotebookNode:
    """Values that are points."""
    return notebook(
        text("# Values"),
        code(
            "import asyncio\nimport numpy as np\nimport pandas as pd\n"
            "%matplotlib inline\nimport matplotlib.pyplot as plt"
        ),
        read_only("shown", SHOWN),
        answer("value", "def value(n):\n    ### BEGIN SOLUTION\n    return n / 2\n    ### END SOLUTION"),
        *(graded(f"v-{name}", 3, source) for name, source in VALUES.items()),
        answer(
            "squares",
            "def squares(n):\n    ### BEGIN SOLUTION\n    return [i**2 for i in range(n + 1)]\n    ### END SOLUTION",
        ),
        answer("total", "def total(n):\n    ### BEGIN SOLUTION\n    return sum(squares(n))\n    ### END SOLUTION"),
        graded("auto", 2, AUTOTEST),
        graded("hidden", 2.5, HIDDEN),
        graded("extra", 0, "assert squares(1) == [0, 1]"),
    )


def shell() -> NotebookNode:
    """What lies beside, what is written, and what goes to the shell."""
    return notebook(
        code("import os, sys, warnings\nfrom pathlib import Path"),
        graded("folder", 1, f"assert os.path.basename(os.getcwd()) == {NAME!r}"),
        graded("module", 1, "import helpers\nassert helpers.ONE == 1"),
        graded("package", 1, "from tools.more import two\nassert two() == 2"),
        graded("data", 1, "assert Path('data/table.csv').read_text() == 'a,b\\n1,2\\n'"),
        graded("large", 1, f"assert os.path.getsize('data/large.bin') == {LARGE}"),
        graded("large-text", 1, "with open('data/large.bin', 'rb') as f:\n    assert f.read(5) == b'large'"),
        answer(
            "writes",
            "### BEGIN SOLUTION\nPath('out').mkdir(exist_ok=True)\nPath('out/result.txt').write_text('42')\n"
            "Path('words.txt').write_text('größer')\n### END SOLUTION",
        ),
        graded("wrote", 1, "assert Path('out/result.txt').read_text() == '42'"),
        graded(
            "appends",
            1,
            "with open('data/table.csv', 'a') as f:\n    f.write('3,4\\n')\n"
            "assert Path('data/table.csv').read_text().count('\\n') == 3",
        ),
        answer("shell", "### BEGIN SOLUTION\nlisted = !ls data\n### END SOLUTION"),
        graded("listed", 1, "assert sorted(listed) == ['large.bin', 'table.csv']"),
        graded("echo", 1, "!echo hello\n!exit 3\nassert _exit_code == 3"),
        graded("stderr-of-shell", 1, "!echo oops >&2"),
        graded("bash", 1, "%%bash\necho one > from_bash.txt\ncat from_bash.txt"),
        graded("bash-fails", 1, "%%bash\nexit 1"),
        graded("bash-reads", 1, "assert open('from_bash.txt').read() == 'one\\n'"),
        graded("writefile", 1, "%%writefile fresh.py\nthree = 3"),
        graded("fresh", 1, "import fresh\nassert fresh.three == 3"),
        graded("run", 1, "%run -i script.py\nassert ran == 'yes'"),
        graded("run-notebook", 1, "%run a-values.ipynb\nassert total(3) == 14"),
        graded("system", 1, "get_ipython().system('true')\nassert get_ipython().__class__.__name__"),
        graded("python", 1, "%%python\nprint('in a process of its own')"),
        graded("env", 1, "assert os.environ['NBGRADER_EXECUTION'] == 'autograde'\nassert __name__ == '__main__'"),
        graded("history", 1, "assert In[-1].startswith('assert In') and isinstance(Out, dict)"),
        graded("underscore-1", 1, "6 * 7\nassert True"),
        graded("magic", 1, "%timeit -n1 -r1 1 + 1"),
        graded("no-magic", 1, "%no_such_magic"),
        graded(
            "socket",
            1,
            "import socket\nwith socket.create_server(('127.0.0.1', 0)) as server:\n"
            "    with socket.create_connection(server.getsockname()):\n        pass",
        ),
        graded(
            "thread",
            1,
            "import threading\ndone = []\none = threading.Thread(target=lambda: done.append(1))\n"
            "one.start()\none.join()\nassert done == [1]",
        ),
        graded("process", 1, "import subprocess\nassert subprocess.check_output(['echo', 'x'], text=True) == 'x\\n'"),
        graded("warns", 1, "warnings.warn('careful')"),
        graded("prints-to-stderr", 1, "print('careful', file=sys.stderr)"),
        graded("logs", 1, "import logging\nlogging.warning('careful')"),
        graded("asks", 1, "name = input('Name? ')"),
        graded("long", 1, "for i in range(1500):\n    print(i)"),
        graded("unicode", 1, "print('naïve ∑ 🐍')\nassert 'é' in 'né'"),
        graded("no-ascii-name", 1, "größe = 3\nassert größe == 3"),
        graded("syntax", 1, "def f(:"),
        graded("indent", 1, "  x = 1\n assert x"),
        graded("assert-message", 1, "assert 1 == 2, 'é'"),
        graded("skipped", 1, "assert False, 'never run'", "skip-execution"),
        graded("may-raise", 1, "assert False", "raises-exception"),
        graded("raise-group", 1, "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])"),
        graded("raise-exit", 1, "raise SystemExit(0)"),
        graded("raise-keyboard", 1, "raise KeyboardInterrupt"),
        graded("after-all", 1, "assert helpers.ONE == 1"),
    )


def people() -> NotebookNode:
    """What a person grades, and what a notebook before it wrote."""
    return notebook(
        graded(
            "read-back",
            2,
            "assert open('out/result.txt').read() == '42'\nassert open('fresh.py').read() == 'three = 3\\n'",
        ),
        graded("appended", 1, "assert open('data/table.csv').read() == 'a,b\\n1,2\\n3,4\\n'"),
        manual("essay", 4, "YOUR ANSWER HERE"),
        manual("program", 3, STUB, "code"),
        task("drawing", 5, "Draw something below."),
        text("*(space to draw)*"),
        manual("worth-nothing", 0, "YOUR ANSWER HERE"),
        answer("untested", STUB),
        graded("last", 1, "assert 1 + 1 == 2"),
    )


def source() -> dict[str, Any]:
    """The instructor's folder."""
    return {
        "a-values.ipynb": values(),
        "b-shell.ipynb": shell(),
        "c-people.ipynb": people(),
        "helpers.py": "ONE = 1\n",
        "script.py": "ran = 'yes'\n",
        "tools/__init__.py": "",
        "tools/more.py": "def two():\n    return 2\n",
        "data/table.csv": "a,b\n1,2\n",
        "data/large.bin": b"large" + bytes(LARGE - 5),
    }


RIGHT = all_of(
    answers(
        "a-values",
        value="def value(n):\n    return n / 2",
        squares="def squares(n):\n    return [i**2 for i in range(n + 1)]",
        total="def total(n):\n    return sum(squares(n))",
    ),
    answers(
        "b-shell",
        writes="Path('out').mkdir(exist_ok=True)\nPath('out/result.txt').write_text('42')\nPath('words.txt').write_text('größer')",
        shell="listed = !ls data",
    ),
    answers("c-people", essay="Größer als *alles* 🐍.", program="print('mine')", untested="x = 1"),
    changed(lambda found: found.cells[5].update(source="![drawing](mine.png)"), "c-people"),
)


def _disordered(found: NotebookNode) -> None:
    """Deleted, doubled, moved and altered cells."""
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in found.cells]
    cells = dict(zip(names, found.cells, strict=True))
    found.cells.remove(cells["v-int"])
    found.cells.remove(cells["v-zero"])
    found.cells.insert(3, cells["v-zero"])
    cells["v-nan"].metadata.nbgrader.points = 300
    cells["v-none"].source = "3"
    cells["hidden"].metadata.nbgrader.locked = False
    cells["extra"].cell_type = "markdown"
    for part in ("outputs", "execution_count"):
        cells["extra"].pop(part)
    del cells["auto"].metadata["nbgrader"]
    found.metadata.kernelspec = {"name": "no-such-kernel", "display_name": "?", "language": "klingon"}
    found.metadata.pop("language_info", None)


def _tagged(found: NotebookNode) -> None:
    """A student who has cells skipped that earn nothing, and one that raises on purpose."""
    found.cells[0].metadata.tags = ["skip-execution"]
    found.cells.insert(1, code("raise ValueError('on purpose')", "raises-exception"))
    found.cells.insert(2, code("import os, sys, warnings\nfrom pathlib import Path"))


HIDE = "get_ipython().showtraceback = lambda *args, **kwargs: None\nget_ipython()._showtraceback = lambda *a: None"

STUDENTS: Mapping[str, tuple[Edit, str]] = {
    "all": (
        all_of(
            RIGHT,
            beside(helpers__py="ONE = 7\n", data___table__csv="mine\n", notes__txt="hi", data___own__csv="1\n"),
            changed(_tagged, "b-shell"),
            answers("b-shell", shell="listed = !ls data/table.csv data/large.bin | xargs -n1 basename"),
        ),
        "2026-01-10 10:00:00 UTC",
    ),
    "disordered": (all_of(RIGHT, changed(_disordered, "a-values"), lambda f: (f / "c-people.ipynb").unlink()), ""),
    "hides": (
        all_of(answers("a-values", value=f"def value(n):\n    return -n\n{HIDE}"), answers("b-shell", writes=HIDE)),
        "2026-01-10 11:30:00 Europe/Berlin",
    ),
    "asks": (
        all_of(
            answers("a-values", value="def value(n):\n    return input(n)"),
            answers("b-shell", writes="import sys\nsys.exit(1)", shell="input('?')\nlisted = 5"),
            answers("c-people", program="quit", untested="exit"),
        ),
        "",
    ),
}


def make(root: Path) -> None:
    """The course, released and handed in."""
    write(root, {"nbgrader_config.py": CONFIG})
    write(root / "source" / NAME, source())
    guide = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"
    shutil.copyfile(guide / "autotests.yml", root / "autotests.yml")
    nbgrader_says(root, "generate_assignment", NAME)  # a process of its own: it leaves sockets of a kernel open
    for student, (edit, when) in STUDENTS.items():
        folder = hand_in(root, NAME, student, edit, when)
        if student != "all":  # the others know that it need not be handed in
            (folder / "data" / "large.bin").unlink()


__all__ = ["NAME", "STUDENTS", "cell_of", "make"]
