"""QTI 2.1 content packages."""

from __future__ import annotations

from grader.formats.model.registry import Losses, exporter
from grader.formats.qti.dialect import QTI21
from grader.formats.qti.package import package
from grader.quizzes.rendered import RenderedBank


@exporter("qti21", title="QTI 2.1", suffix=".qti21.zip")
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A package with an item for each variant and a test that draws."""
    return package(QTI21, bank, losses)
