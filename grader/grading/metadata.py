"""nbgrader's check of cells' metadata, which looks at equal metadata once a process.

nbgrader holds its own schema to the schema of schemas for each cell anew: a third of what sanitizing takes.
"""

from __future__ import annotations

import json
import logging
from functools import cache, lru_cache
from typing import Any

from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator, ValidationError
from nbgrader.preprocessors import CheckCellMetadata

KNOWN = 4096
CORRUPTED = "Notebook failed to validate; the nbgrader metadata may be corrupted."
LOG = logging.getLogger("grader.steps")


class Validator(MetadataValidator):  # type: ignore[misc]
    """nbgrader's, that knows metadata which it has seen to be valid."""

    def validate_cell(self, cell: NotebookNode) -> None:
        """As nbgrader's: it depends on the metadata and on the kind of the cell."""
        if "nbgrader" in cell.metadata:
            _valid(cell.cell_type, json.dumps(cell.metadata["nbgrader"], sort_keys=True))

    def validate_anew(self, cell: NotebookNode) -> None:
        """By nbgrader itself."""
        super().validate_cell(cell)


@cache
def _validator() -> Validator:
    return Validator()


@lru_cache(maxsize=KNOWN)
def _valid(cell_type: str, metadata: str) -> None:
    """Nothing, where nbgrader accepts it; what it raises is not remembered."""
    found = json.loads(metadata)
    _validator().validate_anew(NotebookNode(cell_type=cell_type, source="", metadata=NotebookNode(nbgrader=found)))


class CheckMetadata(CheckCellMetadata):  # type: ignore[misc]
    """In the place of nbgrader's CheckCellMetadata."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """As nbgrader's.

        Raises:
            ValidationError: the metadata of a cell is not as nbgrader has it.
        """
        try:
            _validator().validate_nb(nb)
        except ValidationError as broken:
            LOG.error("%s", broken)
            raise ValidationError(CORRUPTED) from None
        return nb, resources
