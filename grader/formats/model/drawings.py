"""Drawings in SVG: which of them look at nothing outside of themselves, and what they show, as pixels.

`resvg` opens files that a drawing names. So a drawing that names any is refused before, whoever made it; and those from
elsewhere are drawn by a process of their own, under limits.
"""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
import sys
from functools import lru_cache

from lxml.etree import _Element as Element

from grader.formats.model.xmltext import XmlError, name_of, parse_xml
from grader.quizzes.pixels import MAX_BYTES, PictureError, measured

SVG = "http://www.w3.org/2000/svg"
MAX_ELEMENTS = 50_000
WIDEST = 2_000  # pixels of a drawing from elsewhere; smaller ones are drawn twice as large, sharp on dense screens
SCALE = 2.0
DPI = 96.0  # of CSS, in which 3 pt are 4 pixels
SECONDS, MEMORY = 10, 2**30  # of a process that draws: processor time, bytes
WAIT = 120  # seconds on a busy machine
DATA = re.compile(r"data:image/(?:png|jpe?g|gif);base64,", re.IGNORECASE)
ADDRESS = re.compile(r"url\s*\(\s*['\"]?\s*(?!#)", re.IGNORECASE)
LENGTH = re.compile(r"\s*([0-9.]+)\s*(px|pt|pc|mm|cm|in)?\s*")
UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
OUTSIDE = "it shows what lies outside of it ({}): save it as PNG"
DRAW = f"""
import sys
try:
    import resource
    for limit, most in ((resource.RLIMIT_AS, {MEMORY}), (resource.RLIMIT_CPU, {SECONDS}), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
except ImportError:  # a system without such limits
    pass
import resvg_py
svg = sys.stdin.buffer.read().decode()
made = resvg_py.svg_to_bytes(svg_string=svg, zoom=float(sys.argv[1]), dpi={DPI}, background="white")
sys.stdout.buffer.write(bytes(made))
"""


def looks_drawn(data: bytes) -> bool:
    """Whether bytes may be an SVG: XML, with that word near its beginning."""
    begin = data[:4_096]
    return begin.lstrip()[:1] in (b"<", b"\xef") and b"<svg" in begin


def still(data: bytes) -> Element:
    """The root of a drawing that shows nothing but itself.

    Raises:
        PictureError: it is no SVG, is damaged, or names a file or an address.
    """
    try:
        root = parse_xml(data)
    except XmlError as error:
        raise PictureError(f"it is a drawing that cannot be read ({error}): save it as PNG") from None
    if name_of(root) != "svg":
        raise PictureError("it is no drawing: save it as PNG")
    for place, element in enumerate(root.iter()):
        if place > MAX_ELEMENTS:
            raise PictureError(f"it is a drawing of more than {MAX_ELEMENTS} elements: save it as PNG")
        _require_inside(element)
    return root


def _require_inside(element: Element) -> None:
    name = name_of(element)
    if name == "style":
        _require_style("".join(str(text) for text in element.itertext()))
    for key, value in element.attrib.items():
        attribute = str(key).rpartition("}")[2].lower()
        if attribute in ("href", "src") and name != "a" and not str(value).strip().startswith("#"):
            _require_data(str(value).strip())
        elif "url" in str(value).lower() or attribute == "style":
            _require_style(str(value))


def _require_style(text: str) -> None:
    if ADDRESS.search(text) or "\\" in text or "@import" in text.lower():
        raise PictureError(OUTSIDE.format(f"by a style, {' '.join(text.split())[:40]!r}"))


def _require_data(value: str) -> None:
    found = DATA.match(value)
    if found is None:
        raise PictureError(OUTSIDE.format(value[:60]))
    try:
        measured(base64.b64decode("".join(value[found.end() :].split()), validate=True))
    except binascii.Error:
        raise PictureError(OUTSIDE.format("data that is damaged")) from None


@lru_cache(maxsize=64)
def drawn(data: bytes) -> bytes:
    """A drawing from elsewhere as PNG.

    Raises:
        PictureError: it shows what lies outside of it, is damaged, or takes too much time or memory.
    """
    if len(data) > MAX_BYTES:
        raise PictureError(f"it has {len(data)} bytes, at most {MAX_BYTES} are taken: save it as a smaller PNG")
    command = [sys.executable, "-I", "-c", DRAW, f"{_zoom(still(data)):.6f}"]
    try:
        ran = subprocess.run(command, input=data, capture_output=True, timeout=WAIT, check=False)
    except subprocess.TimeoutExpired:
        raise PictureError("it is a drawing that takes too long: save it as PNG") from None
    if ran.returncode:
        raise PictureError("it is a drawing that cannot be drawn within the limits: save it as PNG")
    return ran.stdout


def _zoom(root: Element) -> float:
    """How much larger a drawing is drawn than it says."""
    size = [_length(root.get(name) or "") for name in ("width", "height")]
    box = (root.get("viewBox") or "").replace(",", " ").split()
    sides = [one for one in size if one] or [_length(one) for one in box[2:4]]
    largest = max((one for one in sides if one), default=0.0)
    return SCALE if largest * SCALE <= WIDEST else WIDEST / largest


def _length(text: str) -> float:
    found = LENGTH.fullmatch(text)
    try:
        return float(found[1]) * UNITS[found[2] or ""] if found else 0.0
    except ValueError:
        return 0.0
