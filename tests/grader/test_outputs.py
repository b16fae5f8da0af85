"""What a kernel put out is text and pixels: no sign that a terminal or a page obeys is left of it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.filters.ansi import ansi2html

from grader.grading.outputs import Budget, clean

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(6)).decode()
PIECES = [
    "\x1b",
    "\x1b[",
    "\x1b]8;;javascript:alert(1)\x07",
    "\x1b\\",
    "31m",
    "0;1",
    "2J",
    "\x9b",
    "\x9d",
    "\x07",
    "\0",
    "m",
    "\n",
    "<b>",
    "é",
]


def printed(text: str) -> str:
    (found,) = clean([{"output_type": "stream", "name": "stdout", "text": text}], Budget())
    return str(found.text)


def test_colours_and_the_ways_of_progress_bars_stay() -> None:
    text = "\x1b[31mred\x1b[0m \x1b[1;38;2;0;0;255mblue\x1b[m\t50 %\r100 %\b\b\n"
    assert printed(text) == text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07", "link"),
        ("\x1b]8;;data:text/html,x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x07x\x1b[2J\x1b[10;10Hy", "xy"),
        ("\x1bcreset\x9b31mC1\x9d8;;x\x07", "creset31mC18;;x"),
        ("a\0b\x07c\x7f", "abc"),
    ],
)
def test_what_else_a_terminal_obeys_goes(sent: str, kept: str) -> None:
    assert printed(sent) == kept
    (error,) = clean([{"output_type": "error", "ename": sent, "evalue": sent, "traceback": [sent]}], Budget())
    assert (error.ename, error.evalue, error.traceback) == (kept, kept, [kept])


@given(st.lists(st.sampled_from(PIECES), max_size=15).map("".join))
def test_only_colours_are_left(text: str) -> None:
    rest = printed(text)
    while "\x1b" in rest:
        before, _, after = rest.partition("\x1b")
        assert after.startswith("[")
        end = after.index("m")
        assert set(after[1:end]) <= set("0123456789;")
        rest = before + after[end + 1 :]
    assert not any((ord(sign) < 32 and sign not in "\n\t\r\b\f") or 0x7F <= ord(sign) < 0xA0 for sign in rest)
    assert "<b>" not in ansi2html(printed(text))


def test_a_picture_is_written_anew() -> None:
    def shown(image: str) -> object:
        return [
            output.data for output in clean([{"output_type": "display_data", "data": {"image/png": image}}], Budget())
        ]

    assert shown(PNG) == [{"image/png": PNG}]
    assert shown(f"{PNG[:8]}\n{PNG[8:]}\n") == [{"image/png": PNG}]
    for odd in (f'{PNG}"><script>alert(1)</script>', "iVBORw0KGgo=!", "PHN2Zz4=", ""):
        assert shown(odd) == []
