"""Rich text as other systems take it, and back as Markdown."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from grader.formats.model.markdown import markdown
from grader.formats.model.richtext import Style, inner, plain, rich, tree
from grader.quizzes.markup import MarkupError, to_code, to_html

PIECES = ["a", "b ", " ", "\\$", "{", "}", "~", "#", ":", "=", "\\\\", "%", "&", "<", ">", '"', "'", "é", "漢", "\n\n"]
PIECES += ["$x_1 < y$", "`c  d`", "*em*", "**strong**", "1. ", "- ", "+", "\\*", "\\_", "[", "]", "|"]
TEXT = "Let $x^2 < 3$ & *more*:\n\n```python\nif a < b:\n    print('&')\n```\n\n$$\\sum_i x_i$$\n\n- one\n- two"


def test_maths_comes_in_the_style_of_the_target() -> None:
    html = to_html("Let $x^2 < 3$ be. \n\n$$y$$")
    assert "\\(x^2 &lt; 3\\)" in rich(html, Style(maths="tex-parens"))
    assert "\\[y\\]" in rich(html, Style(maths="tex-parens"))
    assert "$x^2 &lt; 3$" in rich(html, Style(maths="tex-dollars"))
    maths = etree.fromstring(f"<div>{rich(html, Style())}</div>").findall(".//{http://www.w3.org/1998/Math/MathML}math")
    assert [one.get("alttext") for one in maths] == ["x^2 < 3", "y"]


@pytest.mark.parametrize("code", ["classes", "inline", "plain"])
def test_code_keeps_its_spaces(code: str) -> None:
    listing = "for n in range(2):\n    if n < 1:\n\n        print('a  b')"
    made = tree(to_code(listing, "python"), Style(code=code))  # type: ignore[arg-type]
    assert "".join(made.find("pre").itertext()) == listing
    assert ("style=" in inner(made)) == (code == "inline")
    assert plain(to_code(listing, "python")) == listing


def test_xml_and_html_differ_in_void_elements() -> None:
    html = to_html("one\\\ntwo")
    assert "<br/>" in rich(html, Style())
    assert "<br>" in rich(html, Style(xml=False))


@example(TEXT)
@example("1) a\n\n1. b\n\n\\# no heading\n\n\\- no list")
@example("| a | b |\n| --- | --- |\n| 1 | `x|y` |".replace("x|y", "x"))
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_markdown_gives_the_same_html_again(text: str) -> None:
    try:
        html = to_html(text)
    except MarkupError:
        return
    assert to_html(markdown(html)) == html, markdown(html)
