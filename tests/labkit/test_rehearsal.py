"""The rehearsal: what is looked up once is known afterwards, and nothing else is left of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit import course
from labkit.rehearsal import rehearse


def test_it_learns_the_libraries_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    course.libraries.cache_clear()
    rehearse()
    assert course.libraries.cache_info().currsize == 1
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")
