"""Figures for printers without colour: coloured lines become black with dashes of their own, coloured areas greys."""

from __future__ import annotations

import re

STROKE = re.compile(r"stroke: ?(#[0-9a-fA-F]{6})")
FILL = re.compile(r"fill: ?(#[0-9a-fA-F]{6})")
STYLE = re.compile(r'style="([^"]*)"')
DASHES = ("", "6 3", "1.5 2", "8 3 1.5 3", "3 1.5", "10 2 2 2 2 2")
DARKEST, LIGHTEST = 0x50, 0xD0
COLOURED = 24  # how far the channels of a colour lie apart at least


def without_colour(svg: str) -> str:
    """A figure that says without colour what it says with it. Equal colours stay equal, so legends stay true."""
    lines = _coloured(STROKE.findall(svg))
    areas = sorted(_coloured(FILL.findall(svg)), key=_luminance)
    dashes = {colour: DASHES[number % len(DASHES)] for number, colour in enumerate(lines)}
    step = (LIGHTEST - DARKEST) / max(len(areas) - 1, 1)
    greys = {colour: _grey(DARKEST + step * number) for number, colour in enumerate(areas)}

    def restyled(match: re.Match[str]) -> str:
        style = match[1]
        stroke = STROKE.search(style)
        if stroke and stroke[1].lower() in dashes:
            dash = dashes[stroke[1].lower()]
            style = style.replace(stroke[0], "stroke: #000000")
            if dash and "stroke-dasharray" not in style:
                style = f"{style.replace('stroke-linecap: square', 'stroke-linecap: butt')}; stroke-dasharray: {dash}"
        fill = FILL.search(style)
        if fill and fill[1].lower() in greys:
            style = style.replace(fill[0], f"fill: {greys[fill[1].lower()]}")
        return f'style="{style}"'

    return STYLE.sub(restyled, svg)


def _coloured(colours: list[str]) -> list[str]:
    """Colours that are no greys, each once, in order."""
    known = dict.fromkeys(colour.lower() for colour in colours)
    return [colour for colour in known if max(_channels(colour)) - min(_channels(colour)) >= COLOURED]


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Luma of ITU-R BT.709, from 0 to 255."""
    red, green, blue = _channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _grey(value: float) -> str:
    return "#" + f"{round(value):02x}" * 3
