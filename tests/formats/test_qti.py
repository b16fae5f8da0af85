"""QTI 2.1 and 3.0: valid by their schemas, complete packages, and what another program makes of them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree
from qti_convert import downgrade_package_files, upgrade_package_files

from grader.formats.importing import import_bytes
from grader.formats.model.packages import pack
from grader.formats.model.pools import pools
from grader.formats.model.registry import TYPES, export_bank
from grader.formats.qti.dialect import QTI21, QTI30
from grader.formats.qti.package import item_path
from grader.quizzes.rendered import RenderedBank
from tests.formats.making import banks

SCHEMAS = {"qti21": "qti21/imsqti_v2p1p2.xsd", "qti30": "qti30/asi/imsqti_asiv3p0_sbacv1p0_v1p0.xsd"}
DIALECTS = {"qti21": QTI21, "qti30": QTI30}
FORMATS = sorted(SCHEMAS)


def unpacked(bank: RenderedBank, name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(export_bank(bank, name).data)) as package:
        return {path: package.read(path) for path in package.namelist()}


def documents(files: dict[str, Any]) -> dict[str, etree._Element]:
    """Items and the test, parsed."""
    found = {path: data for path, data in files.items() if path.endswith(".xml") and path != "imsmanifest.xml"}
    return {path: etree.fromstring(data if isinstance(data, bytes) else data.encode()) for path, data in found.items()}


def require_valid(files: dict[str, Any], schema: etree.XMLSchema) -> None:
    for path, root in documents(files).items():
        assert schema.validate(root), f"{path}: {schema.error_log}"


@pytest.mark.parametrize("name", FORMATS)
def test_every_bank_is_valid(bank: RenderedBank, name: str, schema: Any) -> None:
    require_valid(unpacked(bank, name), schema(SCHEMAS[name]))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", FORMATS)
def test_items_with_odd_texts_are_valid(name: str, kind: str, schema: Any) -> None:
    loaded = schema(SCHEMAS[name])

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(banks((kind,)))
    def check(bank: RenderedBank) -> None:
        require_valid(unpacked(bank, name), loaded)

    check()


@pytest.mark.parametrize("name", FORMATS)
def test_the_manifest_names_every_file_and_no_other(bank: RenderedBank, name: str) -> None:
    files = unpacked(bank, name)
    manifest = etree.fromstring(files["imsmanifest.xml"])
    named = set(manifest.xpath("//*[local-name()='file']/@href"))
    assert named == set(files) - {"imsmanifest.xml"}
    ids = manifest.xpath("//*[local-name()='resource']/@identifier")
    assert len(ids) == len(set(ids))
    assert set(manifest.xpath("//*[local-name()='dependency']/@identifierref")) < set(ids)


@pytest.mark.parametrize("name", FORMATS)
def test_a_test_draws_one_question_of_each_pool(bank: RenderedBank, name: str) -> None:
    files, dialect = unpacked(bank, name), DIALECTS[name]
    root, spaces = etree.fromstring(files["test.xml"]), {"q": dialect.namespace}
    sections = root.xpath(f"//q:{dialect.name('assessmentSection')}[q:{dialect.name('selection')}]", namespaces=spaces)
    drawn = {
        tuple(section.xpath(f"q:{dialect.name('assessmentItemRef')}/@href", namespaces=spaces)) for section in sections
    }
    assert drawn == {tuple(map(item_path, pool.questions)) for pool in pools(bank) if len(pool.questions) > 1}
    selected = root.xpath(f"//q:{dialect.name('selection')}/@select", namespaces=spaces)
    assert set(selected) <= {"1"}
    references = root.xpath(f"//q:{dialect.name('assessmentItemRef')}/@href", namespaces=spaces)
    assert sorted(references) == sorted(item_path(question) for pool in pools(bank) for question in pool.questions)


@pytest.mark.parametrize("name", FORMATS)
def test_figures_are_files_with_words(sample: RenderedBank, name: str) -> None:
    files = unpacked(sample, name)
    root = etree.fromstring(files["items/loss-falls_1.xml"])
    (picture,) = root.iter(f"{{{DIALECTS[name].namespace}}}img")
    assert picture.get("alt") == "A curve that falls from left to right"
    assert etree.fromstring(files[picture.get("src").removeprefix("../")]).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("name", FORMATS)
def test_options_that_stay_are_fixed_in_a_shuffled_interaction(sample: RenderedBank, name: str) -> None:
    dialect = DIALECTS[name]
    root = etree.fromstring(unpacked(sample, name)["items/loss-falls_1.xml"])
    (interaction,) = root.iter(f"{{{dialect.namespace}}}{dialect.name('choiceInteraction')}")
    assert interaction.get("shuffle") == "true"
    fixed = {choice.get("identifier"): choice.get("fixed") for choice in interaction}
    assert fixed == {"o1": "false", "o2": "false", "o3": "false", "o4": "true"}
    assert interaction[-1].get("identifier") == "o4"


@pytest.mark.parametrize("name", FORMATS)
def test_code_keeps_its_spaces_and_colours(sample: RenderedBank, name: str) -> None:
    files = unpacked(sample, name)
    root = etree.fromstring(files["items/what-prints.xml"])
    (listing,) = root.iter(f"{{{DIALECTS[name].namespace}}}pre")
    assert "".join(listing.itertext()) == 'for n in range(2):\n    print("n =", n)'
    assert ".k " in files["styles.css"].decode()


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_bank_gives_the_same_bytes(sample: RenderedBank, name: str) -> None:
    assert export_bank(sample, name).data == export_bank(sample, name).data


def canonical(root: etree._Element) -> bytes:
    made: bytes = etree.tostring(root, method="c14n2", strip_text=True)
    return made


def without_menus(bank: RenderedBank) -> set[str]:
    """Items that are alike in both versions: formulas in menus are MathML in 3.0 alone."""
    lost = {loss.item for loss in export_bank(bank, "qti21").losses if "in a menu" in loss.said}
    return {item_path(q) for pool in pools(bank) for q in pool.questions if q.item.id not in lost}


def test_citolabs_converter_makes_our_3_0_of_our_2_1(bank: RenderedBank) -> None:
    made = documents(upgrade_package_files(unpacked(bank, "qti21"), item_transforms=[]).files)
    ours = documents(unpacked(bank, "qti30"))
    assert made.keys() == ours.keys()
    for path in without_menus(bank):
        assert canonical(made[path]) == canonical(ours[path]), path


def test_citolabs_converter_makes_our_2_1_of_our_3_0(bank: RenderedBank) -> None:
    result = downgrade_package_files(unpacked(bank, "qti30"))
    made, ours = documents(result.files), documents(unpacked(bank, "qti21"))
    kept = without_menus(bank)
    assert [w for w in result.warnings if w.file in kept or w.file == "test.xml"] == []
    for path in kept:
        assert canonical(made[path]) == canonical(ours[path]), path


def test_our_importer_reads_what_citolabs_converter_makes_of_our_3_0(sample: RenderedBank) -> None:
    result = downgrade_package_files(unpacked(sample, "qti30"))
    made = {path: data if isinstance(data, bytes) else data.encode() for path, data in result.files.items()}
    found, wanted = import_bytes(pack(made), "made.zip"), import_bytes(export_bank(sample, "qti21").data, "ours.zip")
    lost = {loss.item for loss in export_bank(sample, "qti21").losses if "in a menu" in loss.said}
    told = {item.id: item for item in found.items}
    assert len(told) == len(wanted.items)
    for item in wanted.items:
        if not any(item.id.startswith(name) for name in lost):
            assert told[item.id].model_copy(update={"source": item.source}) == item
    assert found.pictures == wanted.pictures


def test_what_citolabs_converter_makes_is_valid(bank: RenderedBank, schema: Any) -> None:
    require_valid(upgrade_package_files(unpacked(bank, "qti21")).files, schema(SCHEMAS["qti30"]))
    files = downgrade_package_files(unpacked(bank, "qti30")).files
    require_valid({path: files[path] for path in without_menus(bank)}, schema(SCHEMAS["qti21"]))
