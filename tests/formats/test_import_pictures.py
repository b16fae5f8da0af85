"""Pictures of other systems' files are taken over, by content; what is no picture is said with its question and why."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from grader.cli import app
from grader.formats.importing import Imported, import_bytes
from grader.formats.model.drawings import drawn
from grader.formats.model.figures import drawing
from grader.formats.model.registry import export_bank
from grader.formats.reading import pictures as reading
from grader.formats.reading.drafts import ImportRefusedError
from grader.formats.reading.pictures import in_package
from grader.quizzes.pictures import MAX_PICTURES
from grader.quizzes.pixels import MAX_BYTES, PictureError, pixels
from grader.quizzes.prove import proved_bank
from tests.formats.foreign_packages import (
    AB,
    bb_item,
    blackboard,
    brightspace,
    canvas_quiz,
    condition,
    d2l_item,
    equal,
    lid,
    options,
    same,
    text,
    when,
    zipped,
)
from tests.formats.pictures import gif, jpeg, png, uri

HOME = "csfiles/home_dir/"
STUB = "@X@EmbeddedFile.requestUrlStub@X@bbcswebdav/"
BOX = '<rect width="20" height="20" fill="#123456"/>'
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">{BOX}</svg>'


def coded(data: bytes) -> str:
    return base64.encodebytes(data).decode()


def moodle(stem: str, files: str = "", answers: str = "") -> bytes:
    """A question of Moodle's; `files` and `answers` are XML."""
    answers = answers or '<answer fraction="100"><text>yes</text></answer><answer fraction="0"><text>no</text></answer>'
    return (
        '<quiz><question type="multichoice"><name><text>Shown</text></name><questiontext format="html">'
        f"<text><![CDATA[{stem}]]></text>{files}</questiontext><single>true</single>{answers}</question></quiz>"
    ).encode()


def file(name: str, data: bytes, path: str = "/") -> str:
    return f'<file name="{name}" path="{path}" encoding="base64">{coded(data)}</file>'


def shown(found: Imported) -> list[str]:
    """The stem and the options, pictures by their bytes' names."""
    (item,) = found.items
    return [item.stem, *(option.text for option in item.options)]  # type: ignore[union-attr]


def address(data: bytes) -> str:
    return f"pictures/{hashlib.sha256(data).hexdigest()[:16]}.{pixels(data).kind}"


# Moodle and GIFT --------------------------------------------------------------------------------------------------


def test_moodle_brings_files_beside_each_text_and_equal_names_are_no_equal_pictures() -> None:
    image = '<p>Look: <img src="@@PLUGINFILE@@/image.png" alt="a [curve] of $x$"></p>'
    answers = "".join(
        f'<answer fraction="{share}" format="html"><text><![CDATA[{image}]]></text>{file("image.png", data)}'
        f"<feedback format='html'><text><![CDATA[{image}]]></text>{file('image.png', said)}</feedback></answer>"
        for share, data, said in ((100, png(2), jpeg(1)), (0, png(3), gif(1)))
    )
    found = import_bytes(moodle(image, file("image.png", png(1)), answers), "quiz.xml")
    alt = r"a \[curve\] of \$x\$"
    assert shown(found) == [f"Look: ![{alt}]({address(data)})" for data in (png(1), png(2), png(3))]
    (item,) = found.items
    said = [option.feedback for option in item.options]  # type: ignore[union-attr]
    assert said == [f"Look: ![{alt}]({address(data)})" for data in (jpeg(1), gif(1))]
    assert set(found.pictures.values()) == {png(1), png(2), png(3), jpeg(1), gif(1)}
    assert found.unread == ()
    assert found.todo.pictures == found.todo.wordless == ()


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("@@PLUGINFILE@@/a%20b%20%C3%A9.png", file("a b é.png", png(1))),
        ("@@PLUGINFILE@@/a+b.png?forcedownload=1", file("a+b.png", png(1))),
        ("@@PLUGINFILE@@/in/side/a.png", file("a.png", png(1), "/in/side/")),
        (uri(png(1)), ""),
        (uri(png(1)).replace("image/png", "image/jpeg"), ""),  # the bytes say what it is
        ("data:image/png;charset=utf-8;base64," + base64.b64encode(png(1)).decode().replace("+", "%2B"), ""),
    ],
)
def test_moodle_names_a_file_in_many_ways(source: str, files: str) -> None:
    found = import_bytes(moodle(f'<p><img src="{source}" alt="a curve"></p>', files), "quiz.xml")
    assert shown(found)[0] == f"![a curve]({address(png(1))})"
    assert found.unread == ()


def test_moodles_markdown_its_old_pictures_and_its_cloze_questions_have_theirs() -> None:
    markdown = moodle("See ![a curve](@@PLUGINFILE@@/a.png) here", file("a.png", png(1)))
    found = import_bytes(markdown.replace(b'format="html"', b'format="markdown"'), "quiz.xml")
    assert shown(found)[0] == f"See ![a curve]({address(png(1))}) here"
    old = f"<single>true</single><image>old/a.gif</image><image_base64>{coded(gif(4))}</image_base64>"
    found = import_bytes(moodle("<p>See</p>").replace(b"<single>true</single>", old.encode()), "quiz.xml")
    assert shown(found)[0] == f"See\n\n![]({address(gif(4))})"
    image = '<img src="@@PLUGINFILE@@/a.png" alt="a curve">'
    cloze = f"<p>{image} {{1:MULTICHOICE:=yes#{image}~no}}</p>"
    data = moodle(cloze, file("a.png", png(1))).replace(b"multichoice", b"cloze")
    found = import_bytes(data, "quiz.xml")
    (item,) = found.items
    assert item.stem == f"![a curve]({address(png(1))}) [[b1]]"
    assert item.blanks["b1"].options[0].feedback == f"![a curve]({address(png(1))})"  # type: ignore[union-attr]


@pytest.mark.parametrize("mark", ["[html]", "[markdown]"])
def test_gift_has_pictures_as_data(mark: str) -> None:
    source = uri(png(1)).replace("=", r"\=").replace(":", r"\:")
    image = f'<img src\\="{source}" alt\\="a curve">' if mark == "[html]" else f"![a curve]({source})"
    found = import_bytes(f"::T::{mark}See {image} now{{=yes ~no}}".encode(), "q.gift")
    assert shown(found)[0] == f"See ![a curve]({address(png(1))}) now"


# Packages ---------------------------------------------------------------------------------------------------------


def stem_of(found: Imported) -> str:
    return found.items[0].stem


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("$IMS-CC-FILEBASE$/Uploaded%20Media/a%20b.png?canvas_download=1", "web_resources/Uploaded Media/a b.png"),
        ("%24IMS-CC-FILEBASE%24/a.png", "a.png"),
        ("$IMS_CC_FILEBASE$/../web_resources/a.png", "web_resources/a.png"),
        ("../web_resources/a.png", "web_resources/a.png"),
        ("a.png", "quiz/a.png"),
        ("./a.png#top", "quiz/a.png"),
        ("images\\a.png", "images/a.png"),
    ],
)
def test_canvas_and_cartridges_name_a_file_in_many_ways(source: str, path: str) -> None:
    found = import_bytes(canvas_quiz(f'<p><img src="{source}" alt="a curve"></p>', {path: png(1)}), "quiz.zip")
    assert stem_of(found) == f"![a curve]({address(png(1))})"
    assert found.unread == ()


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("/content/enforced/123-Course/figures/a.png", "figures/a.png"),
        ("/content/enforced/123-Course/a.png", "a.png"),
        ("figures/a.png", "figures/a.png"),
    ],
)
def test_brightspace_names_a_file_by_its_place_in_the_course(source: str, path: str) -> None:
    image = f'<p>See <img src="{source}" alt="a curve"></p>'
    item = d2l_item(
        "Multiple Choice",
        text(image) + lid(AB, "Multiple"),
        when(same("A1"), "0", shows="F1") + when(same("A2"), "100") + when(same("A3"), "0"),
        {"F1": image},
    )
    found = import_bytes(brightspace({"it": item}, {path: png(1)}), "library.zip")
    (one,) = found.items
    assert one.stem == f"See ![a curve]({address(png(1))})"
    assert one.options[0].feedback == one.stem  # type: ignore[union-attr]
    assert [option.key for option in one.options] == [None, True, None]  # type: ignore[union-attr]
    assert one.points == 2.0


@pytest.mark.parametrize(
    ("source", "files"),
    [
        (
            f"{STUB}xid-17_1",
            {f"{HOME}a__xid-17_1.png": png(1), f"{HOME}a__xid-17_1.png.xml": b"<x/>"},
        ),
        (f"{STUB}xid-17_1?x=1", {f"{HOME}in/a__xid-17_1.png": png(1)}),
        ("@X@EmbeddedFile.location@X@a.png", {"res00001/a.png": png(1)}),
    ],
)
def test_blackboard_names_a_file_by_its_number_or_its_place(source: str, files: dict[str, bytes]) -> None:
    image = f'<p>See <img src="{source}" alt="a curve"></p>'
    item = bb_item(
        "Multiple Choice",
        image,
        options({"h1": "one", "h2": image}),
        condition(equal("h2")) + "@other",
        {"correct": image},
    )
    found = import_bytes(blackboard({"it": item}, files), "pool.zip")
    one = next(item for item in found.items if not item.group)
    wanted = f"See ![a curve]({address(png(1))})"
    assert [one.stem, *(option.text for option in one.options)] == [wanted, "one", wanted]  # type: ignore[union-attr]
    assert [option.feedback for option in one.options] == ["Look again.", wanted]  # type: ignore[union-attr]
    assert one.points == 4.0


def test_a_picture_that_qti_12_embeds_is_taken_over() -> None:
    image = f'<matimage imagtype="image/gif" embedded="base64" label="a dot">{coded(gif(1))}</matimage>'
    inside = text("<p>See</p>").replace("</material>", f"{image}</material>")
    found = import_bytes(canvas_quiz("", {}, inside), "quiz.zip")
    assert stem_of(found).startswith("See")
    assert stem_of(found).endswith(f"![a dot]({address(gif(1))})")
    named = inside.replace('embedded="base64"', 'uri="a.gif"')
    assert f"({address(gif(2))})" in stem_of(import_bytes(canvas_quiz("", {"quiz/a.gif": gif(2)}, named), "quiz.zip"))


QTI21 = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i1" title="T">
<responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier"><correctResponse><value>B</value>
</correctResponse></responseDeclaration><outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>
<itemBody><p>Which? {}</p><choiceInteraction responseIdentifier="RESPONSE" maxChoices="1">
<simpleChoice identifier="A">one</simpleChoice><simpleChoice identifier="B">{}</simpleChoice></choiceInteraction>
</itemBody><responseProcessing template="http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"/>
</assessmentItem>"""


def test_qti_21_has_images_and_objects() -> None:
    image, other = '<img src="../images/a.png" alt="a curve"/>', '<object data="../images/b.jpg" type="image/jpeg"/>'
    item = QTI21.format(image, other)
    files = {"items/i1.xml": item, "imsmanifest.xml": "<manifest/>", "images/a.png": png(1), "images/b.jpg": jpeg(1)}
    found = import_bytes(zipped(files), "items.zip")
    assert shown(found) == [f"Which? ![a curve]({address(png(1))})", "one", f"![]({address(jpeg(1))})"]
    assert found.todo.wordless == ("i1",)
    assert "say in ![…] what the pictures show, for those who do not see them: i1" in found.todo.lines()


# Drawings ---------------------------------------------------------------------------------------------------------


def test_a_drawing_is_taken_over_as_pixels() -> None:
    image = '<p><img src="@@PLUGINFILE@@/a.svg" alt="a box"></p>'
    found = import_bytes(moodle(image, file("a.svg", SVG.encode())), "quiz.xml")
    (picture,) = found.pictures.values()
    assert (pixels(picture).kind, pixels(picture).width, pixels(picture).height) == ("png", 80, 40)


OUTSIDE = [
    SVG.replace("<rect", '<image href="SECRET" width="9" height="9"/><rect'),
    SVG.replace("<rect", '<image xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="SECRET" width="9"/><rect'),
    SVG.replace("<rect", '<image href=" file://SECRET" width="9" height="9"/><rect'),
    SVG.replace("<rect", '<image href="https://example.org/a.png" width="9" height="9"/><rect'),
    SVG.replace("<rect", '<use href="SECRET#a"/><rect'),
    SVG.replace("<rect", '<filter id="f"><feImage href="SECRET"/></filter><rect filter="url(#f)"'),
    SVG.replace("<rect", "<style>@import 'SECRET';</style><rect"),
    SVG.replace("<rect", "<style>rect { fill: url( 'SECRET#a') }</style><rect"),
    SVG.replace("<rect", r"<style>rect { fill: \75rl(SECRET) }</style><rect"),
    SVG.replace("<rect", '<rect style="fill: url(SECRET#x)"'),
    SVG.replace("<rect", '<rect mask="url(SECRET#x)"'),
    SVG.replace("<rect", '<image href="data:image/svg+xml;base64,PHN2Zy8+" width="9"/><rect'),
    SVG.replace("<rect", '<image href="data:image/png;base64,AAAA" width="9"/><rect'),
    f"<!DOCTYPE svg [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>{SVG.replace('<rect', '<text>&e;</text><rect')}",
]


@pytest.mark.parametrize("svg", OUTSIDE)
def test_a_drawing_that_looks_outside_is_refused(svg: str, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png(1))
    data = svg.replace("SECRET", str(tmp_path / "secret.png")).encode()
    with pytest.raises(PictureError):
        drawn(data)
    image = '<p><img src="@@PLUGINFILE@@/a.svg" alt="a box"></p>'
    found = import_bytes(moodle(image, file("a.svg", data)), "quiz.xml")
    assert (shown(found)[0], dict(found.pictures)) == ("[a box]", {})
    assert [note.item for note in found.unread] == ["shown"]
    if "DOCTYPE" not in svg:
        with pytest.raises(PictureError):  # nor does a bank's own code get at files by drawing them
            drawing(data.decode()).pixels  # noqa: B018


MANY = f'<g id="a0">{BOX}</g>' + "".join(f'<g id="a{n + 1}">' + f'<use href="#a{n}"/>' * 10 + "</g>" for n in range(12))


@pytest.mark.parametrize(
    "svg",
    [
        SVG.replace('width="40"', 'width="400000000"'),
        SVG.replace('width="40" height="20"', 'viewBox="0 0 4e9 4e9"'),
        SVG.replace(BOX, MANY),
        "<svg xmlns='http://www.w3.org/2000/svg'>" + "<g>" * 5000 + "</g>" * 5000 + "</svg>",
        "<svg",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["wide", "huge box", "ten to the twelfth", "deep", "broken", "empty"],
)
def test_a_drawing_that_takes_too_much_is_pixels_or_refused(svg: str) -> None:
    try:
        made = drawn(svg.encode())
    except PictureError:
        return
    assert pixels(made).width <= 4_000


def test_drawings_that_take_long_together_leave_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SECONDS", 0.0)
    files = "".join(file(f"{n}.svg", SVG.replace("123456", f"00000{n}").encode()) for n in "ab")
    image = '<p><img src="@@PLUGINFILE@@/a.svg" alt="a box"> <img src="@@PLUGINFILE@@/b.svg" alt="another"></p>'
    found = import_bytes(moodle(image, files), "quiz.xml")
    assert len(found.pictures) == 1
    assert shown(found)[0].endswith(" [another]")
    assert "take too long together" in found.unread[0].said


# What is no picture -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "files", "says"),
    [
        ("@@PLUGINFILE@@/none.png", "", "it is not in the file"),
        ("@@PLUGINFILE@@/a.png", file("a.png", b"<html><script>alert(1)</script></html>"), "no PNG, JPEG or GIF"),
        ("@@PLUGINFILE@@/a.png", file("a.png", png(1)[:60]), "damaged PNG"),
        ("@@PLUGINFILE@@/a.png", file("a.png", png(1)).replace('base64">', 'base64">!'), "its base64 is damaged"),
        ("@@PLUGINFILE@@/a.png", file("a.png", png(1)).replace('"base64"', '"rot13"'), "not written in base64"),
        ("@@PLUGINFILE@@/a.png", file("a.png", png() + b"\0" * MAX_BYTES), "make it smaller"),
        ("@@PLUGINFILE@@/../../etc/a.png", file("../../etc/b.png", png(1)), "it is not in the file"),
        ("https://example.org/a.png", "", "nothing is fetched"),
        ("//example.org/a.png", "", "nothing is fetched"),
        ("file:///etc/a.png", "", "nothing is fetched"),
        ("javascript:alert(1)", "", "nothing is fetched"),
        ("data:image/png;base64,AAAA", "", "no PNG, JPEG or GIF"),
        ("data:image/png;base64,!", "", "its base64 is damaged"),
        ("data:text/html,<script>alert(1)</script>".replace("<", "&lt;"), "", "no PNG, JPEG or GIF"),
        ("", "", "it is not in the file"),
    ],
)
def test_what_is_no_picture_is_said_with_its_question_and_its_words_stand_there(
    source: str, files: str, says: str
) -> None:
    found = import_bytes(moodle(f'<p>See <img src="{source}" alt="a curve"></p>', files), "quiz.xml")
    assert (shown(found)[0], dict(found.pictures)) == ("See [a curve]", {})
    (note,) = found.unread
    assert (note.item, note.field, note.line) == ("shown", "texts", 1)
    assert note.said.startswith("the image ")
    assert "(a curve): " in note.said
    assert says in note.said
    assert found.todo.pictures == ("shown",)


def test_names_are_never_from_the_file(tmp_path: Path) -> None:
    name = "../../../.bashrc;rm -rf.png"
    found = import_bytes(moodle(f'<p><img src="@@PLUGINFILE@@/{name}" alt="x"></p>', file(name, png(1))), "quiz.xml")
    assert list(found.pictures) == [address(png(1))]
    found.write(tmp_path / "in" / "bank.yaml")
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert written == ["in/bank.yaml", f"in/{address(png(1))}"]


def test_of_ten_thousand_pictures_a_number_is_taken_and_the_rest_is_said() -> None:
    questions = []
    for place in range(500):
        shown_there = "".join(f'<img src="{uri(gif(20 * place + n))}" alt="x">' for n in range(20))
        question = moodle(shown_there).decode().removeprefix("<quiz>").removesuffix("</quiz>")
        questions.append(question.replace("Shown", f"Shown {place}"))
    found = import_bytes(f"<quiz>{''.join(questions)}</quiz>".encode(), "quiz.xml")
    assert (len(found.items), len(found.pictures)) == (500, MAX_PICTURES)
    assert {note.item for note in found.unread} == {f"shown-{place}" for place in range(50, 500)}
    assert f"more than {MAX_PICTURES} pictures" in found.unread[0].said


def test_a_package_of_ten_thousand_files_is_refused() -> None:
    files = {f"images/{number}.png": png(1) for number in range(10_000)}
    with pytest.raises(ImportRefusedError, match="at most 5000 are read"):
        import_bytes(zipped({"items/i1.xml": QTI21.format("", ""), **files}), "items.zip")


PIECES = ["..", "/", "\\", "%2e", "%2f", "a", ".png", "$IMS-CC-FILEBASE$", "@X@EmbeddedFile.location@X@", "xid-1_1"]
PIECES += ["?", "#", ":", "\0", "é", " "]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), st.sampled_from(["a/item.xml", "item", ""]))
def test_any_address_finds_a_file_of_the_package_or_none(said: str, document: str) -> None:
    files = {"a/a.png": png(1), "a.png": png(2), "csfiles/x__xid-1_1.png": png(3), "web_resources/a/a.png": png(4)}
    with contextlib.suppress(PictureError):
        assert in_package(files, document)(said) in files.values()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["png", "jpg", "gif"]), st.data())
def test_any_picture_bytes_are_taken_or_said(kind: str, draw: st.DataObject) -> None:
    made = bytearray({"png": png, "jpg": jpeg, "gif": gif}[kind](1))
    for _ in range(draw.draw(st.integers(0, 3))):
        made[draw.draw(st.integers(0, len(made) - 1))] = draw.draw(st.integers(0, 255))
    found = import_bytes(moodle(f'<p>See <img src="{uri(bytes(made))}" alt="x"></p>'), "quiz.xml")
    assert bool(found.pictures) != bool(found.unread)
    for name, data in found.pictures.items():
        assert name == address(data)


# Whole ways -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["moodle-xml", "gift", "qti12", "imscc", "blackboard", "qti21", "openolat"])
def test_an_imported_bank_is_proved_exported_and_imported_again_with_its_pictures(name: str, tmp_path: Path) -> None:
    image = '<p>Look at <img src="@@PLUGINFILE@@/a.png" alt="a falling curve"></p>'
    answers = "".join(
        f'<answer fraction="{share}" format="html"><text><![CDATA[<img src="@@PLUGINFILE@@/a.png" '
        f'alt="option {share}">]]></text>{file("a.png", data)}'
        f'<feedback format="html"><text>Said {share}</text></feedback></answer>'
        for share, data in ((100, png(2)), (0, jpeg(1)))
    )
    source, bank = tmp_path / "quiz.xml", tmp_path / "some" / "bank.yaml"
    source.write_bytes(moodle(image, file("a.png", png(1)), answers))
    result = CliRunner().invoke(app, ["quiz", "import", str(source), "--out", str(bank), "--json"])
    assert (result.exit_code, json.loads(result.stdout)["pictures"]) == (0, 3), result.output
    proved = CliRunner().invoke(app, ["quiz", "prove", str(bank), "--json"])
    assert proved.exit_code == 0, proved.output
    made = export_bank(proved_bank(bank), name)
    kinds = {"imscc": "qti12", "blackboard": "qti12", "openolat": "qti21"}
    found = import_bytes(made.data, made.file_name, kinds.get(name, name))
    assert set(found.pictures.values()) == {png(1), png(2), jpeg(1)}
    assert shown(found)[0] == f"Look at ![a falling curve]({address(png(1))})"
    assert sorted(shown(found)[1:]) == sorted([f"![option 100]({address(png(2))})", f"![option 0]({address(jpeg(1))})"])


def test_the_command_says_where_the_pictures_are_and_follows_no_link(tmp_path: Path) -> None:
    source, bank = tmp_path / "quiz.xml", tmp_path / "in" / "bank.yaml"
    source.write_bytes(moodle('<p>See <img src="@@PLUGINFILE@@/a.png"></p>', file("a.png", png(1))))
    result = CliRunner().invoke(app, ["quiz", "import", str(source), "--out", str(bank)])
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert f"written: {bank}, and 1 picture in {tmp_path / 'in' / 'pictures'}" in said
    assert "- say in ![…] what the pictures show, for those who do not see them: shown" in said
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pictures").symlink_to(other)
    refused = CliRunner().invoke(app, ["quiz", "import", str(source), "--out", str(tmp_path / "out" / "bank.yaml")])
    assert (refused.exit_code, list(other.iterdir())) == (2, [])
    assert "it is a link" in refused.stderr
