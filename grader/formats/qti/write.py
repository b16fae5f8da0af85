"""Content packages of QTI 2.1 and 3.0."""

from __future__ import annotations

from grader.formats.model.registry import Losses, exporter
from grader.formats.qti.dialect import QTI21, QTI30
from grader.formats.qti.package import package
from grader.quizzes.rendered import RenderedBank


@exporter("qti21", title="QTI 2.1", suffix=".qti21.zip", in_words=("menus",))
def write_qti21(bank: RenderedBank, losses: Losses) -> bytes:
    """A package with an item for each variant and a test that draws."""
    return package(QTI21, bank, losses)


@exporter("qti30", title="QTI 3.0", suffix=".qti30.zip", in_words=("menus",))
def write_qti30(bank: RenderedBank, losses: Losses) -> bytes:
    """The same in the spelling of QTI 3.0."""
    return package(QTI30, bank, losses)
