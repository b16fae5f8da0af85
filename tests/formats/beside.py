"""The same ten items written with other programs and with this kit, for Canvas: what each package carries.

`python -m tests.formats.beside` prints the table that stands in `quizzes/README.md`. A package is judged by what is in
its file, by one rule for all. R/exams is not run: its column is what its documentation says.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.registry import export_bank
from grader.quizzes.prove import proved_bank
from tests.formats.foreign import foreign_python, pins

HERE = Path(__file__).resolve().parent
BANK = HERE.parent / "files" / "quiz" / "beside.yaml"
SCRIPT = HERE / "beside_foreign.py"
TOOLS = ("text2qti", "qti-package-maker")
DATE = "2026-11-28"
NONE = "–"
# R/exams 2.4-2: its reference manual, `exams2canvas` and `exams2qti12`.
R_EXAMS = {
    "pools": "draws one of n",
    "partial credit": "Canvas's own rule",
    "feedback a choice": "one for the question",
    "maths": "TeX or MathML",
    "code": "yes",
    "images": "yes",
    "match": NONE,
    "order": NONE,
    "cloze": "menus",
    "numbers": "a range",
}


@dataclass(frozen=True)
class Package:
    """A package for Canvas: its items, the questions around them, and its files."""

    root: Element
    files: Mapping[str, bytes]

    def all(self, name: str) -> list[Element]:
        """Every element of that name."""
        return list(self.root.iter(f"{{*}}{name}"))

    @property
    def texts(self) -> str:
        """All texts that are shown."""
        return "\n".join(element.text or "" for element in self.all("mattext"))

    @property
    def kinds(self) -> list[str]:
        """The types of the questions, in Canvas's words."""
        fields = self.all("qtimetadatafield")
        told = [(field[0].text, field[1].text or "") for field in fields]
        return [entry for label, entry in told if label == "question_type"]


def opened(data: bytes) -> Package:
    """A package; its questions are in the file with an assessment."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        files = {path: package.read(path) for path in package.namelist()}
    roots = [etree.fromstring(data) for path, data in files.items() if path.endswith(".xml")]
    (root,) = [root for root in roots if etree.QName(root).localname == "questestinterop"]
    return Package(root, files)


# What is looked for ------------------------------------------------------------------------------------------------


def _pools(package: Package) -> str:
    return "draws one of n" if [e.text for e in package.all("selection_number")] == ["1"] else NONE


def _partial(package: Package) -> str:
    """Canvas marks boxes by a rule of its own whatever the file says; the file may say shares."""
    shares = [float(e.text or 0) for e in package.all("setvar") if e.get("action") == "Add"]
    if any(0 < share < 100 for share in shares):
        return "shares in the file"
    return "Canvas's own rule" if package.kinds == ["multiple_answers_question"] else NONE


def _feedback(package: Package) -> str:
    said = {e.get("ident"): "".join(e.itertext()).strip() for e in package.all("itemfeedback")}
    shown = [
        said.get(link.get("linkrefid"), "")
        for condition in package.all("respcondition")
        if condition.find("{*}conditionvar/{*}varequal") is not None
        for link in condition.findall("{*}displayfeedback")
    ]
    return "yes" if len({text for text in shown if text}) >= 2 else NONE


def _maths(package: Package) -> str:
    if "<math" in package.texts:
        return "MathML"
    if "equation_image" in package.texts:
        return "pictures that Canvas draws"
    return "TeX, as it is" if "\\(" in package.texts else NONE


def _code(package: Package) -> str:
    return "yes" if "<pre" in package.texts and "    " in package.texts else NONE


def _images(package: Package) -> str:
    pictures = [path for path in package.files if path.endswith((".png", ".svg", ".jpg"))]
    return "yes" if pictures and "<img" in package.texts else NONE


def _match(package: Package) -> str:
    return "yes" if package.kinds == ["matching_question"] else NONE


def _order(package: Package) -> str:
    return "as places to match" if package.kinds == ["matching_question"] else NONE


def _cloze(package: Package) -> str:
    known = {"fill_in_multiple_blanks_question": "blanks or menus", "multiple_dropdowns_question": "menus"}
    return known.get(package.kinds[0], NONE)


def _numbers(package: Package) -> str:
    if package.kinds != ["numerical_question"]:
        return NONE
    return "a range" if package.all("vargte") or package.all("vargt") else "one number"


FEATURES: dict[str, Callable[[Package], str]] = {
    "pools": _pools,
    "partial credit": _partial,
    "feedback a choice": _feedback,
    "maths": _maths,
    "code": _code,
    "images": _images,
    "match": _match,
    "order": _order,
    "cloze": _cloze,
    "numbers": _numbers,
}


# The table ---------------------------------------------------------------------------------------------------------


def ours() -> dict[str, str]:
    """What our package for Canvas carries of each item."""
    bank = proved_bank(BANK)
    found = {}
    for item, (feature, look) in zip(bank.items, FEATURES.items(), strict=True):
        assert item.id == feature.replace(" ", "-")
        one = replace(bank, items=(item,), groups=((item.id,),))
        found[feature] = look(opened(export_bank(one, "qti12").data))
    return found


def make(folder: Path) -> None:
    """Let the other programs write their packages into a folder."""
    subprocess.run([str(foreign_python()), str(SCRIPT), str(folder)], check=True, capture_output=True, timeout=300)


def theirs(folder: Path) -> dict[str, dict[str, str]]:
    """What the packages of the other programs carry."""
    found: dict[str, dict[str, str]] = {}
    for tool in TOOLS:
        found[tool] = {}
        for feature, look in FEATURES.items():
            made = folder / f"{tool}-{feature.replace(' ', '-')}.zip"
            found[tool][feature] = look(opened(made.read_bytes())) if made.is_file() else NONE
    return found


def table(folder: Path) -> str:
    """The table, in Markdown. The other programs' packages lie in the folder."""
    versions = dict(pin.split("==") for pin in pins())
    others = theirs(folder)
    columns = {"this kit": ours(), **{f"{tool} {versions[tool]}": others[tool] for tool in TOOLS}}
    columns["R/exams 2.4-2 (read, not run)"] = R_EXAMS
    lines = [f"| {DATE} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for feature in FEATURES:
        lines.append(f"| {feature} | {' | '.join(column[feature] for column in columns.values())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        make(Path(made))
        sys.stdout.write(table(Path(made)))
