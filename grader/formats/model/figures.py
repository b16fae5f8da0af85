"""Figures as files: drawings as SVG or PNG, pictures as they are, and names by content: equal figures are one file."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from grader.formats.model.drawings import DPI, SCALE, still

DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\s*", re.IGNORECASE)
SOURCE = re.compile(r"data:image/(svg\+xml|png|jpeg|gif);base64,([A-Za-z0-9+/]*={0,2})")
SVG_WIDTH = re.compile(r"<svg\b[^>]*?\swidth=\"([0-9.]+)(pt|px)?\"")

Kind = Literal["svg", "png", "jpg", "gif"]
KINDS: dict[str, Kind] = {"svg+xml": "svg", "png": "png", "jpeg": "jpg", "gif": "gif"}
MIME: dict[Kind, str] = {kind: f"image/{name}" for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Figure:
    """What an image of the kit's HTML shows: a drawing, whose kind is `svg`, or a picture of pixels."""

    kind: Kind
    data: bytes

    @property
    def drawn(self) -> bool:
        """Whether it is a drawing."""
        return self.kind == "svg"

    @property
    def width(self) -> int:
        """The width of a drawing in pixels of CSS; 0 where it names none, and of pictures, which have their own."""
        named = SVG_WIDTH.search(self.data.decode()) if self.drawn else None
        return 0 if named is None else round(float(named[1]) * (4 / 3 if named[2] == "pt" else 1))

    @property
    def svg(self) -> Figure:
        """A drawing as a file: without its document type, which readers of foreign files refuse. Pictures stay."""
        return Figure("svg", DOCTYPE.sub("", self.data.decode()).encode()) if self.drawn else self

    @property
    def pixels(self) -> Figure:
        """A drawing as PNG. Drawings hold their text as paths, so no font is needed. Pictures stay.

        Raises:
            PictureError: the drawing shows what lies outside of it.
        """
        return Figure("png", _png(self.svg.data)) if self.drawn else self

    @property
    def uri(self) -> str:
        """It, inside of HTML."""
        return f"data:{MIME[self.kind]};base64,{base64.b64encode(self.data).decode()}"


def figure_of(source: str) -> Figure | None:
    """The figure that stands in the `src` of an image as data; None if none does."""
    found = SOURCE.fullmatch(source)
    return None if found is None else Figure(KINDS[found[1]], base64.b64decode(found[2]))


def drawing(svg: str) -> Figure:
    """A figure that code of a bank drew."""
    return Figure("svg", svg.encode())


@lru_cache(maxsize=512)
def _png(svg: bytes) -> bytes:
    import resvg_py

    still(svg)
    return bytes(resvg_py.svg_to_bytes(svg_string=svg.decode(), zoom=SCALE, dpi=DPI, background="white"))


def content_name(figure: Figure) -> str:
    """A file name that its content decides, such as `figure-0f3a….png`."""
    return f"figure-{hashlib.sha256(figure.data).hexdigest()[:16]}.{figure.kind}"


def pixel_uri(figure: Figure, _alt: str = "") -> str:
    """A figure as pixels inside of HTML, for systems that take no files with a question; an `Image` for `rich`."""
    return figure.pixels.uri


@dataclass
class Figures:
    """Collects the figures of one package: path in the package → bytes. `folder` ends with a slash, or is empty.

    Drawings are files of `kind`; pictures stay what they are.
    """

    folder: str = ""
    kind: Literal["svg", "png"] = "svg"
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, figure: Figure, _alt: str = "") -> str:
        """Take a figure and give its path; an `Image` for `grader.formats.model.richtext.rich`."""
        file = figure.svg if self.kind == "svg" else figure.pixels
        path = self.folder + content_name(file)
        self.files[path] = file.data
        return path
