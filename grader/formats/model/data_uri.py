"""Figures inside the HTML, for systems that take no files with a question."""

from __future__ import annotations

import base64

from grader.formats.model.figures import png_bytes


def png_uri(svg: str, _alt: str = "") -> str:
    """A figure as a PNG in a data URI; an `Image` for `grader.formats.model.richtext.rich`."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(svg)).decode()
