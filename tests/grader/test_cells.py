"""What a notebook imports is found beside magics and commands, and nothing of it is executed."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.cells import imports_of


def of(*sources: str) -> list[list[str]]:
    return imports_of(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]))


@pytest.mark.parametrize(
    "source",
    [
        "import json",
        "%matplotlib inline\nimport json",
        "import json\n%config InlineBackend.figure_formats = ['svg']",
        "!pip install something\nimport json",
        "files = !ls\nimport json",
        "value = %timeit -o pass\nimport json",
        "if True:\n    %time x = 1\n    import json",
        "len?\nimport json",
        "%%time\nimport json",
        "\n%%capture out\n%matplotlib inline\nimport json",
        ">>> import json",
        "In [1]: import json",
        "  import json",
        "'\\d'\nimport json",
        "await something()\nimport json",
        "def f():\n    import json",
    ],
)
def test_imports_are_found(source: str) -> None:
    assert of(source) == [["json"]]


@pytest.mark.parametrize(
    "source",
    [
        "%%bash\nimport json",
        "%%html\n<b>import json</b>",
        "def f(:\nimport json",
        "from . import json",
        "# import json",
        "",
    ],
)
def test_what_is_no_import_is_none(source: str) -> None:
    assert of(source) == []


def test_names_of_all_cells_are_joined() -> None:
    assert of("%matplotlib inline\nfrom math import sin, cos", "from math import *", "import math, os.path") == [
        ["math", "cos", "sin"],
        ["os.path"],
    ]


def test_nothing_is_executed(tmp_path: Path) -> None:
    of(
        f"!touch {tmp_path}/a",
        f"%%bash\ntouch {tmp_path}/a",
        f"open('{tmp_path}/a', 'w')\n%run x",
        f"%%writefile {tmp_path}/a\nx",
    )
    assert list(tmp_path.iterdir()) == []


@given(st.text(st.sampled_from("%!?()[]{}:'\"\\\n\t ab#;=.\0"), max_size=40))
def test_no_cell_is_a_failure(source: str) -> None:
    assert of(source, "import json")[-1] == ["json"]


@pytest.mark.parametrize(
    ("source", "trains"),
    [
        ("import torch\nstep = torch.optim.SGD", True),
        ("import torch\n# Train with an optimizer of your choice.", True),
        ("import torch\nbest = optimal(torch.ones(3))", False),
        ("optimizer = 3", False),
    ],
)
def test_what_trains_is_loaded_ahead_where_code_speaks_of_it(source: str, trains: bool) -> None:
    """With torch only; a word that begins alike is another one."""
    assert (["torch.optim"] in of(source)) is trains
