"""Cells become Python as IPython has it, however often one is asked for."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from grader.kernels.shell import Transformers

CELLS = [
    *("", "x = 1", "a\n", "\n\n  y = 2\n  z", "%time x", "!ls", "files = !ls", "len?", ">>> x", "In [1]: x"),
    "%%bash\nls",
]


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_is_transformed_as_ipython_does(cell: str) -> None:
    remembering, plain = Transformers(), TransformerManager()
    assert [remembering.transform_cell(one) for one in (cell, cell, "x", cell)] == [
        plain.transform_cell(one) for one in (cell, cell, "x", cell)
    ]


def test_transformers_of_a_notebook_see_every_cell_each_time() -> None:
    remembering, seen = Transformers(), []
    assert remembering.transform_cell("x") == "x\n"

    def shout(lines: list[str]) -> list[str]:
        seen.append(lines)
        return [line.upper() for line in lines]

    remembering.cleanup_transforms.append(shout)
    assert [remembering.transform_cell("x") for _ in range(2)] == ["X\n"] * 2
    assert len(seen) == 2
    remembering.cleanup_transforms.remove(shout)
    assert remembering.transform_cell("x") == "x\n"
