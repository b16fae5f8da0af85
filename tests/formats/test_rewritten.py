"""Our files for Blackboard, read by another program, written anew in its formats, read by us: the keys are the same.

So the other program judges what ours writes, and ours reads whatever it writes: three kinds of packages, and, through
its text, what a third program makes of that.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.formats.importing import Imported, import_bytes, import_file
from grader.formats.model.registry import export_bank
from grader.quizzes.model import AnyItem, Cloze, Match, Multiple, Numeric, Single
from grader.quizzes.parts import Choice, Number, Words
from grader.quizzes.rendered import RenderedBank
from tests.formats.foreign import foreign_python
from tests.formats.placed import PLACES, carried, placed

SCRIPT = Path(__file__).with_name("rewrite_with_qti_package_maker.py")
PACKAGES = ("canvas_qti_v1_2", "blackboard_qti_v2_1", "blackboard_export_zip")
# What an engine of theirs has no place for, or writes wrongly, by our types; and an order is a match to it.
MISSING = {
    "blackboard_qti_v2_1": {"cloze"},  # its fields are no elements of QTI: `textentryinteraction`
    "text2qti": {"cloze", "match", "order"},
}


def made_bank(kinds: tuple[str, ...]) -> RenderedBank:
    """A question of each type, with a picture in every place."""
    found = [replace(placed(kind).bank.items[0], id=f"it-{kind}", title=f"A {kind}") for kind in kinds]
    items = tuple(
        replace(item, variants=(replace(v, stem=v.stem.replace("What?", f"What of {item.type}?")),))
        for item in found
        for v in item.variants
    )
    return replace(placed("single").bank, items=items, groups=tuple((item.id,) for item in items))


def rewritten(bank: RenderedBank, folder: Path) -> dict[str, str]:
    """Let the other program write a bank of ours anew; why it could not, by engine."""
    source = folder / "ours.zip"
    source.write_bytes(export_bank(bank, "blackboard").data)
    (folder / "theirs").mkdir()
    command = [str(foreign_python()), str(SCRIPT), str(source), str(folder / "theirs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what was written anew of every type; and, in `texts`, of those that text2qti has."""
    folder = tmp_path_factory.mktemp("rewritten")
    assert set(rewritten(made_bank(tuple(PLACES)), folder)) <= {"text2qti"}
    (folder / "texts").mkdir()
    assert rewritten(made_bank(("single", "multiple", "numeric")), folder / "texts") == {}
    return folder


def words(markdown: str) -> str:
    """A text without its pictures, whether they stand there as such, as their words, or, in plain text, as HTML."""
    return re.split(r"!?\[|\\?<img", markdown)[0].strip()


def key_of(item: AnyItem) -> Any:
    """What is right in an item, in plain words."""
    if isinstance(item, Single | Multiple):
        return sorted(words(option.text) for option in item.options if option.key)
    if isinstance(item, Numeric):
        return round(float(item.answer.value), 6)
    if isinstance(item, Match):
        return sorted((words(pair.left), words(pair.right)) for pair in item.pairs)
    assert isinstance(item, Cloze)
    return [accepted(blank) for blank in item.blanks.values()]


def accepted(blank: Number | Words | Choice) -> Any:
    assert isinstance(blank, Words)
    return sorted(blank.answers)


def keys(found: Imported) -> dict[str, Any]:
    """Keys by the words of the stem."""
    return {item.stem.split("?")[0]: key_of(item) for item in found.items}


RIGHT = {
    "What of single": ["a"],
    "What of multiple": ["a"],
    "What of numeric": 1.0,
    "What of match": [("left", "one"), ("second", "two")],
}


@pytest.mark.parametrize("engine", [*PACKAGES, "text2qti"])
def test_every_key_survives_the_way_through_another_program(theirs: Path, engine: str) -> None:
    folder = theirs / "texts" if engine == "text2qti" else theirs
    found = import_file(folder / "theirs" / f"{engine}.zip")
    told = keys(found)
    lost = {f"What of {kind}" for kind in MISSING.get(engine, ())}
    for stem, right in RIGHT.items():
        if stem not in lost:
            assert told[stem] == right
    assert found.todo.open == ()
    if "cloze" not in MISSING.get(engine, ()):
        number, menu = told["What of cloze"]
        assert "1.0" in number
        assert menu[0].startswith("a [")


@pytest.mark.parametrize("engine", PACKAGES)
def test_pictures_survive_the_way_through_another_program(theirs: Path, engine: str) -> None:
    data = (theirs / "theirs" / f"{engine}.zip").read_bytes()
    found = import_bytes(data, f"{engine}.zip")
    pictures = placed("single").pictures
    for place in ("stem", "options"):
        assert carried(data, pictures[place])
        assert pictures[place] in found.pictures.values()
    assert not any("image" in note.said for note in found.unread)
