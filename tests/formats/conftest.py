"""Banks as they are exported, rendered once for all tests; and where the schemas of standards lie."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pytest

from grader.quizzes.prove import proved_bank
from grader.quizzes.rendered import RenderedBank
from tests.formats.schemas import folder_of_schemas, load
from tests.tools.chromium import chromium
from tests.tools.found import MissingError

REPO = Path(__file__).resolve().parent.parent.parent
SAMPLE = REPO / "tests" / "files" / "quiz" / "sample.yaml"
BANKS = [SAMPLE, *sorted(REPO.glob("quizzes/*.yaml"))]


@lru_cache(maxsize=32)
def rendered(path: Path, variants: int = 2) -> RenderedBank:
    """A bank with at most that many variants of an item."""
    return proved_bank(path, variants)


@pytest.fixture(scope="module", autouse=True)
def browser_of_the_product() -> Iterator[None]:
    """Exams are printed with the browser that tests found; where there is none, with what the product finds."""
    with pytest.MonkeyPatch.context() as patch:
        with contextlib.suppress(MissingError):
            patch.setenv("CHROMIUM", str(chromium().path))
        yield


@pytest.fixture(scope="session")
def sample() -> RenderedBank:
    """The bank with an item of each type."""
    return rendered(SAMPLE)


@pytest.fixture(params=BANKS, ids=lambda path: path.stem)
def bank(request: pytest.FixtureRequest) -> RenderedBank:
    """Each bank that there is; rendered once, and not of session scope, which would mix the tests of modules."""
    return rendered(request.param)


@pytest.fixture(scope="session")
def schema() -> Any:
    """`schema("qti21/imsqti_v2p1p2.xsd")` is a schema that QTI_SCHEMAS names or `make schemas` fetched, else a skip."""
    folder = folder_of_schemas()
    if folder is None:
        pytest.skip("no schemas of the standards here: make schemas fetches them, QTI_SCHEMAS=FOLDER names them")
    return lru_cache(maxsize=8)(partial(load, folder))
