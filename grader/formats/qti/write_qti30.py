"""QTI 3.0 content packages."""

from __future__ import annotations

from grader.formats.model.registry import Losses, exporter
from grader.formats.qti.dialect import QTI30
from grader.formats.qti.package import package
from grader.quizzes.rendered import RenderedBank


@exporter("qti30", title="QTI 3.0", suffix=".qti30.zip")
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A package with an item for each variant and a test that draws."""
    return package(QTI30, bank, losses)
