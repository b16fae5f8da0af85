"""Small drawings as SVG text: lines, bars and words; the same bytes for the same numbers, and nothing to import."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

INK, GREY, FAINT = "#24292f", "#6e7781", "#d0d7de"
FONT = "system-ui, sans-serif"


def drawing(width: float, height: float, parts: Iterable[str]) -> str:
    """An image as a `data:` address, for an `img`; sizes are in pixels."""
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" font-size="11">{"".join(parts)}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode('utf-8')).decode('ascii')}"


def line(points: Sequence[tuple[float, float]], colour: str = FAINT, width: float = 1, dash: str = "") -> str:
    """A line through points."""
    told = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashed}/>'


def bar(x: float, y: float, width: float, height: float, colour: str, edge: str = "") -> str:
    """A rectangle; `edge` draws its outline, for bars that have to be told apart without colours."""
    drawn = f' stroke="{edge}"' if edge else ""
    size = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
    return f'<rect {size} fill="{colour}"{drawn}/>'


def dot(x: float, y: float, radius: float, colour: str, edge: str = "") -> str:
    """A disc."""
    drawn = f' stroke="{edge}"' if edge else ""
    return f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}" fill="{colour}"{drawn}/>'


def words(x: float, y: float, text: str, anchor: str = "start", colour: str = INK, more: str = "") -> str:
    """Text whose base line is at `y`; `anchor` is start, middle or end."""
    place = f'x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}{f' {more}' if more else ''}>{escape(text)}</text>"


def upwards(x: float, y: float, text: str) -> str:
    """Text that reads from below to above, beside an axis."""
    return words(x, y, text, "middle", GREY, f'transform="rotate(-90 {_number(x)} {_number(y)})"')


def steps(most: float, about: int = 4) -> list[float]:
    """Round numbers from 0 to at most `most`, some `about` of them; whole ones."""
    least = max(most / (about + 1), 1)
    size = 1
    while size < least:
        size = next(size * by for by in (2, 5, 10) if size * by >= least or by == 10)
    return [float(size * at) for at in range(int(most / size + 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
