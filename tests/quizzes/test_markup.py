"""Rich text: Markdown to HTML with MathML, and what is refused."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.quizzes.markup import MarkupError, to_code, to_html, to_inline, to_plain


def test_maths_is_mathml_and_keeps_its_tex() -> None:
    made = to_html(r"Let $\pi_\theta(y\mid x)$ be *it*.")
    assert '<math alttext="\\pi_\\theta(y\\mid x)"' in made
    assert "<em>it</em>" in made
    assert to_plain(made) == r"Let \pi_\theta(y\mid x) be it."


def test_display_maths_is_a_block() -> None:
    assert 'display="block"' in to_html("$$\n\\sum_y \\pi(y)\n$$")
    assert to_inline("$u$").startswith('<span class="math inline"><math')


def test_listings_are_highlighted_and_markup_in_them_is_text() -> None:
    made = to_html("```python\nx = '<b>'\n```")
    assert made.startswith('<pre class="code"><code><span class="n">x</span>')
    assert "<b>" not in made
    assert to_code("print(1)", "python").endswith("</code></pre>")


def test_html_and_scripts_are_text() -> None:
    made = to_html("<script>alert(1)</script> [x](javascript:alert(1))")
    assert "<script" not in made
    assert "href" not in made


def test_a_dollar_sign_can_be_written() -> None:
    assert to_plain(to_html(r"It costs \$5, or `$x`.")) == "It costs $5, or $x."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a lone $ sign", "maths is not closed"),
        (r"$\frobnicate$", r"\\frobnicate is no command"),
        (r"$\frac{1}{2$", "braces are not closed"),
        ("$\\begin{aligned}a\\end{aligned}$", "the environment aligned cannot be drawn"),
        ("![a](b.png)", "the picture 'b.png' is not shown: write !"),
        ("| $x|y$ | b |\n|---|---|---|\n| 1 | 2 | 3 |", "maths is not closed"),
        ("```klingon\nx\n```", "no language is called 'klingon'"),
    ],
)
def test_what_cannot_be_shown_is_refused(text: str, says: str) -> None:
    with pytest.raises(MarkupError, match=says):
        to_html(text)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([r"\frac{a}{b}", r"x_{1}^{2}", r"\sqrt{\beta}", r"\begin{cases}a & b\\c & d\end{cases}"]))
def test_mathml_is_well_formed(tex: str) -> None:
    made = to_html(f"${tex}$")
    ElementTree.fromstring(made[made.index("<math") : made.rindex("</math>") + 7].encode())


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100))
def test_any_text_is_shown_or_refused(text: str) -> None:
    try:
        made = to_html(text)
    except MarkupError:
        return
    assert "<script" not in made
