"""Figures as files: SVG without a document type, PNG, and names by content, so that equal figures are one file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache

DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\s*", re.IGNORECASE)
SCALE = 2.0  # pixels for each unit of the drawing: sharp on dense screens
DPI = 96.0  # of CSS, in which 3 pt are 4 pixels


def svg_bytes(svg: str) -> bytes:
    """A figure of a bank as an SVG file; the document type, which readers of foreign files refuse, is taken away."""
    return DOCTYPE.sub("", svg).encode()


@lru_cache(maxsize=512)
def png_bytes(svg: str) -> bytes:
    """A figure of a bank as a PNG file. Figures hold their text as paths, so no font is needed."""
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg_bytes(svg).decode(), zoom=SCALE, dpi=DPI, background="white"))


def content_name(data: bytes, suffix: str) -> str:
    """A file name that its content decides, such as `figure-0f3a….png`."""
    return f"figure-{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"


@dataclass
class Figures:
    """Collects the figures of one package: path in the package → bytes. `folder` ends with a slash, or is empty."""

    folder: str = ""
    kind: str = "svg"
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, svg: str, _alt: str = "") -> str:
        """Take a figure and give its path; an `Image` for `grader.formats.model.richtext.rich`."""
        data = svg_bytes(svg) if self.kind == "svg" else png_bytes(svg)
        path = self.folder + content_name(data, self.kind)
        self.files[path] = data
        return path
