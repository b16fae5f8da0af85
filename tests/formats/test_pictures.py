"""Pictures beside a bank: what they are is looked at, texts show them wherever they stand, and words are asked for."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.quizzes import pictures
from grader.quizzes.keep import make
from grader.quizzes.pixels import MAX_BYTES, PictureError, pixels
from grader.quizzes.preview import preview
from grader.quizzes.prove import prove, proved_bank
from labkit.quiz.bank import unpacked
from labkit.quiz.plain import to_text
from tests.formats.pictures import PNG, chunk, gif, jpeg, png, uri

Write = Callable[..., Path]
SMALL = (Path(__file__).resolve().parents[1] / "files" / "quiz" / "small.yaml").read_text()
KINDS = {"png": png, "jpg": jpeg, "gif": gif}


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """`written(old, new)` writes a bank with one proved item, changed in one place."""

    def write(old: str, new: str) -> Path:
        assert old in SMALL
        path = tmp_path / "quizzes" / "small.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SMALL.replace(old, new, 1))
        (path.parent / "secret").write_text("ab" * 32 + "\n")
        return path

    return write


def beside(bank: Path, name: str, data: bytes) -> Path:
    path = bank.parent / "pictures" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def faults(bank: Path) -> list[str]:
    return [f"{fault.line} {fault.item}: {fault.message}" for fault in prove(bank).failures]


# What pixels are --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_known_by_its_bytes_and_ends_where_it_ends(kind: str) -> None:
    data = KINDS[kind](7)
    found = pixels(data + b"<script>alert(1)</script>")
    assert (found.kind, found.data) == (kind, data)
    assert (found.width, found.height) == ((8, 8) if kind == "png" else (1, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_ends_too_early_is_none(kind: str) -> None:
    data = KINDS[kind](7)
    for end in range(len(data)):
        with pytest.raises(PictureError):
            pixels(data[:end])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no PNG, JPEG or GIF"),
        (b"<html><script>alert(1)</script></html>", "no PNG, JPEG or GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG or GIF"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "no PNG, JPEG or GIF"),
        (PNG + b"<html><script>alert(1)</script></html>", "damaged PNG"),
        (PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)) + chunk(b"IEND", b""), "no pixels"),
        (PNG + chunk(b"IDAT", b"x") + chunk(b"IEND", b""), "its size does not come first"),
        (png().replace(b"IDAT", b"IDAX"), "a check sum is wrong"),
        (PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 9_000, 1, 8, 2, 0, 0, 0)) + png()[33:], "9000 × 1 pixels"),
        (PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 6_000, 6_000, 8, 2, 0, 0, 0)) + png()[33:], "6000 × 6000"),
        (PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 8, 8, 2, 0, 0, 0)) + png()[33:], "0 × 8 pixels"),
        (b"\xff\xd8\xff<html>", "damaged JPG"),
        (b"\xff\xd8\xff\xd9", "no pixels"),
        (b"GIF89a" + b"<html>" * 4, "damaged GIF"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "no pixels"),
        (png() + b"\0" * MAX_BYTES, "make it smaller"),
    ],
)
def test_what_only_begins_like_a_picture_is_none(data: bytes, says: str) -> None:
    with pytest.raises(PictureError, match=says):
        pixels(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_changed_pictures_are_pictures_or_refused(kind: str, data: st.DataObject) -> None:
    made = bytearray(KINDS[kind](1))
    for _ in range(data.draw(st.integers(1, 6))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = pixels(bytes(made))
    except PictureError:
        return
    assert bytes(made).startswith(found.data)
    assert pixels(found.data) == found


# In a bank --------------------------------------------------------------------------------------------------------


def test_a_picture_is_shown_in_stems_options_and_feedback(written: Write) -> None:
    shown = '![A curve that falls, with "quotes" and [brackets]](pictures/a.png)'
    path = written("What is larger", f"Look at {shown} What is larger")
    text = path.read_text().replace("the third power", "the third power, ![three cubes in a row](pictures/b.jpg)", 1)
    path.write_text(text.replace("text: the second power", "text: the second power, ![two squares](pictures/d.png)"))
    path.write_text(path.read_text().replace("Right, three", "Right, ![a small square](pictures/c.gif) three"))
    for name, data in (("a.png", png(1)), ("b.jpg", jpeg(2)), ("c.gif", gif(3)), ("d.png", png(4))):
        beside(path, name, data)
    assert faults(path) == []
    rendered = proved_bank(path)
    variant = rendered.items[0].variants[0]
    alt = "A curve that falls, with &quot;quotes&quot; and &#91;brackets]"
    assert f'<img src="{uri(png(1))}" alt="{alt}">' in variant.stem
    assert 'A curve that falls, with "quotes" and [brackets]' in to_text(variant.stem)
    shown = [option.html + option.feedback for option in variant.parts[0].options]
    assert uri(jpeg(2)) in "".join(shown)
    assert uri(gif(3)) in "".join(shown)
    page, _ = preview(path)
    assert all(uri(data) in page for data in (png(1), jpeg(2), gif(3)))


def test_a_sealed_bank_holds_its_pictures_and_is_made_anew_when_one_changes(written: Write) -> None:
    path = written("What is larger", "Look at ![A curve that falls](pictures/a.png) What is larger")
    picture = beside(path, "a.png", png(1))
    first = make(path)
    assert uri(png(1)) in json.loads(unpacked(first.sealed))["items"][0]["variants"][0]["stem"]
    assert make(path).sealed == first.sealed
    picture.write_bytes(png(2))
    os.utime(picture, ns=(1, 1))
    assert uri(png(2)) in unpacked(make(path).sealed).decode().replace('\\"', '"')


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("pictures/none.png", "there is no such file beside the bank"),
        ("pictures/html.png", "no PNG, JPEG or GIF"),
        ("pictures/link.png", "no link"),
        ("pictures/folder.png", "no link"),
        ("pictures/pipe.png", "no link"),
        ("pictures/large.png", "make it smaller"),
        ("pictures/../secret.png", "is not shown: write !"),
        ("../pictures/a.png", "is not shown: write !"),
        ("/etc/passwd", "is not shown: write !"),
        ("pictures/a.svg", "is not shown: write !"),
        ("pictures/a/b.png", "is not shown: write !"),
        ("https://example.org/a.png", "is not shown: write !"),
        ("file:///etc/a.png", "is not shown: write !"),
        ("pictures/a curve.png", "is not shown: write !"),
    ],
)
def test_what_is_no_picture_beside_the_bank_is_a_fault_of_its_item(written: Write, address: str, says: str) -> None:
    path = written("What is larger", f"Look at ![A curve that falls]({address}) What is larger")
    beside(path, "html.png", b"<html></html>")
    beside(path, "large.png", png() + b"\0" * MAX_BYTES)
    (path.parent / "pictures" / "link.png").symlink_to(beside(path, "real.png", png()))
    (path.parent / "pictures" / "folder.png").mkdir()
    os.mkfifo(path.parent / "pictures" / "pipe.png")
    (path.parent / "secret.png").write_bytes(png())
    told, *others = faults(path)
    assert told.startswith("12 ")
    assert says in told
    assert others == ["11 powers: variants 0 and 1 collide: a student sees the same"]  # without what did not come


def test_a_folder_of_pictures_that_is_a_link_is_refused(written: Write, tmp_path: Path) -> None:
    path = written("What is larger", "Look at ![A curve that falls](pictures/a.png) What is larger")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(png())
    (path.parent / "pictures").symlink_to(tmp_path / "elsewhere")
    assert "is a link" in faults(path)[0]


def test_pictures_that_are_shown_too_often_are_a_fault(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written("What is larger", "Look at " + "![A curve that falls](pictures/a.png) " * 9 + " What is larger")
    beside(path, "a.png", png())
    assert faults(path) == []
    monkeypatch.setattr(pictures, "MAX_SHOWN", 17 * len(uri(png())))  # nine in each of two variants
    (found,) = faults(path)
    assert "shown too often" in found


def test_a_large_picture_in_a_feedback_is_a_lint(written: Write) -> None:
    path = written("Right, three", "Right, ![a large square](pictures/a.png) three")
    beside(path, "a.png", PNG + png()[8:-12] + chunk(b"teXt", bytes(400_000)) + chunk(b"IEND", b""))
    (found,) = faults(path)
    assert "a feedback has pictures of 533 kB" in found
    assert proved_bank(path).items


@pytest.mark.parametrize("words", ["", " ", "image", "Plot.", "curve-1.png"])
def test_words_that_say_nothing_are_a_lint_and_stop_no_export(written: Write, words: str) -> None:
    path = written("What is larger", f"Look at ![{words}](pictures/a.png) What is larger")
    beside(path, "a.png", png())
    (found,) = faults(path)
    assert "tell in ![…] what it shows" in found
    assert proved_bank(path).items
