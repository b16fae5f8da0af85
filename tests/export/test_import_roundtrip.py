"""From an item to a foreign format, through our importer, and back to an item that shows, asks and scores the same."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from grader.export.importing import _readers
from grader.export.registry import export_bank
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedVariant
from tests.export.making import bank_of, items
from tests.export.reading import again, shown, variants_of

MANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def read(bank: RenderedBank, name: str) -> list[tuple[RenderedItem, RenderedVariant]]:
    made = export_bank(bank, name)
    return variants_of(again(_readers()[name](made.data, made.file_name)))


def require_same(bank: RenderedBank, name: str) -> None:
    written, found = variants_of(bank), read(bank, name)
    assert len(found) == len(written)
    for (item, variant), (item_again, variant_again) in zip(written, found, strict=True):
        assert item_again.type == item.type
        assert shown(variant_again, item.type) == shown(variant, item.type)


@pytest.mark.parametrize("name", ["moodle-xml", "gift", "qti21"])
@pytest.mark.parametrize("kind", ["single", "multiple", "numeric", "order", "match", "cloze"])
def test_an_item_comes_back(name: str, kind: str) -> None:
    @MANY
    @given(items((kind,)))
    def comes_back(item: RenderedItem) -> None:
        require_same(bank_of(item), name)

    comes_back()
