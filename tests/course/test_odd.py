"""What nbgrader and IPython allow and few courses use: our gradebook is nbgrader's own there too."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from .assignments import odd, quickstart
from .roads import Roads, by_nbgrader_with_ours, by_us, differences, files_of

WRITTEN_CODE = "fresh.py"  # code that a notebook wrote is not kept where formgrader shows files


def without(found: dict[str, list[str]], name: str) -> dict[str, list[str]]:
    return {student: [one for one in files if one != name] for student, files in found.items()}


def test_the_odd_notebooks(odd_class: Roads) -> None:
    stock, ours = odd_class.stock, odd_class.ours
    assert len(stock.rows) > 450
    assert differences(stock.rows, ours.rows) == []
    assert without(files_of(stock, odd.NAME), WRITTEN_CODE) == files_of(ours, odd.NAME)
    assert [student for student, row in ours.table.items() if row.flags] == ["hides"]


def test_values_of_test_cells_are_points_as_nbgrader_reads_them(odd_class: Roads) -> None:
    found = {name: odd_class.ours.score("all", f"v-{name}") for name in odd.VALUES}
    assert found["int"] == 2
    assert found["float"] == 0.25
    assert (found["zero"], found["minus-zero"], found["small"]) == (0, 0, 0.001)
    full = {"text", "words", "one-list", "nan", "negative", "true", "np-float", "np-int", "table", "printed", "blank"}
    assert {name for name in full if found[name] != 3} == set()


@pytest.mark.long
@pytest.mark.parametrize("module", [odd, quickstart], ids=lambda module: module.NAME)
def test_nbgrader_with_our_execute_writes_what_we_write(module: ModuleType, tmp_path: Path) -> None:
    module.make(tmp_path / "course")
    mixed = by_nbgrader_with_ours(tmp_path / "course", module.NAME)
    ours = by_us(tmp_path / "course", module.NAME)
    assert differences(mixed.rows, ours.rows) == []
    assert without(files_of(mixed, module.NAME), WRITTEN_CODE) == files_of(ours, module.NAME)
