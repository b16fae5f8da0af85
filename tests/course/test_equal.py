"""Assignments in the forms that courses have: our gradebook is nbgrader's own, to the row."""

from __future__ import annotations

from .roads import Roads, differences, files_of


def test_the_quickstart_course(quickstart_class: Roads) -> None:
    stock, ours, mixed = quickstart_class.stock, quickstart_class.ours, quickstart_class.mixed
    assert len(stock.rows) > 50
    assert differences(stock.rows, ours.rows) == []
    assert mixed
    assert differences(stock.rows, mixed.rows) == []
    assert len({row.score for row in ours.table.values()}) >= 3
    assert files_of(stock, "ps1") == files_of(ours, "ps1") == files_of(mixed, "ps1")


def test_a_homework_with_numpy_pandas_and_matplotlib(pandas_class: Roads) -> None:
    stock, ours = pandas_class.stock, pandas_class.ours
    assert len(stock.rows) > 80
    assert differences(stock.rows, ours.rows) == []
    assert files_of(stock, "hw2") == files_of(ours, "hw2")
