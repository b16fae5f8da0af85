"""Pictures of files from elsewhere: found by the addresses that texts say, looked at, and taken over by content."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote

from grader.formats.model.drawings import drawn, looks_drawn
from grader.quizzes.pictures import MAX_ALL, MAX_PICTURES, address_of
from grader.quizzes.pixels import PictureError, pixels

Find = Callable[[str], bytes]
"""From an address in a text to what lies there. Raises PictureError."""
Picture = Callable[[str], str]
"""From an address in a text to that of a picture beside the bank. Raises PictureError."""

DATA = re.compile(r"data:(?P<type>[\w.+/-]*)(?:;[\w=.-]+)*?(?P<coded>;base64)?,(?P<body>.*)", re.DOTALL | re.IGNORECASE)
REMOTE = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|[a-z][a-z0-9+.-]+:", re.IGNORECASE)
CANVAS = re.compile(r"\$IMS[-_]CC[-_]FILEBASE\$/*", re.IGNORECASE)  # the files of a Common Cartridge or of Canvas
CANVAS_FOLDERS = ("", "web_resources/")
EMBEDDED = re.compile(r"@X@EmbeddedFile\.\w+@X@", re.IGNORECASE)  # Blackboard's
XID = re.compile(r"(?:^|/)xid-(\d+_\d+)$")
MAX_SECONDS = 60.0  # of processor time, for the drawings of one file
NOT_THERE = "it is not in the file: export it with its pictures, or put it beside the bank"


def nowhere(_address: str) -> str:
    """For texts beside which no pictures lie. Raises PictureError."""
    raise PictureError(NOT_THERE)


@dataclass
class Pictures:
    """Takes pictures over: `taken` has their bytes by their address beside the bank."""

    taken: dict[str, bytes] = field(default_factory=dict)
    drawing: float = 0.0  # seconds of processor time that drawings have taken

    def take(self, data: bytes) -> str:
        """A picture's address beside the bank.

        Raises:
            PictureError: it is no picture that is taken, or there are too many.
        """
        picture = pixels(self.drawn(data) if looks_drawn(data) else data)
        address = address_of(picture)
        if address not in self.taken:
            size = sum(map(len, self.taken.values())) + len(picture.data)
            if len(self.taken) >= MAX_PICTURES or size > MAX_ALL:
                said = f"the file has more than {MAX_PICTURES} pictures or {MAX_ALL} bytes of them"
                raise PictureError(f"{said}, and this is one of the rest: split the file")
            self.taken[address] = picture.data
        return address

    def drawn(self, data: bytes) -> bytes:
        """A drawing as pixels, while the drawings of the file take no more time than they may."""
        if self.drawing > MAX_SECONDS:
            raise PictureError(
                "the drawings of the file take too long together, and this is one of the rest: save it as PNG"
            )
        before = os.times()
        try:
            return drawn(data)
        finally:
            after = os.times()
            self.drawing += after.children_user + after.children_system - before.children_user - before.children_system

    def of(self, find: Find | None = None) -> Picture:
        """Takes what addresses name: data in the address itself, else what `find` finds."""

        def picture(address: str) -> str:
            inside = in_address(address)
            if inside is None:
                if REMOTE.match(address.strip()):
                    raise PictureError("it lies on another server, and nothing is fetched: put it beside the bank")
                if find is None:
                    raise PictureError(NOT_THERE)
                inside = find(address)
            return self.take(inside)

        return picture


def in_address(address: str) -> bytes | None:
    """What a `data:` address holds; None for other addresses.

    Raises:
        PictureError: it is damaged.
    """
    found = DATA.fullmatch(address.strip())
    if found is None:
        return None
    return decoded(unquote(found["body"])) if found["coded"] else unquote(found["body"]).encode()


def decoded(text: str) -> bytes:
    """What base64 says, with white space wherever it stands.

    Raises:
        PictureError: it is damaged.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise PictureError("its base64 is damaged: export it anew") from None


def named(files: Mapping[str, bytes], missing: str = NOT_THERE) -> Find:
    """Finds by a name, percent signs decoded or not; what stands behind a question mark is for servers."""

    def find(address: str) -> bytes:
        for name in (address, unquote(address), unquote(address.partition("?")[0])):
            if name in files:
                return files[name]
        raise PictureError(missing)

    return find


def in_package(files: Mapping[str, bytes], document: str) -> Find:
    """Finds in a package what a document of it names: from its folder, or from the package's, as systems spell it.

    An absolute path, as Brightspace writes them, is found by as much of its end as the package has.
    """
    folder = PurePosixPath(document).parent
    by_xid = {found[1]: path for path in files if (found := re.search(r"__xid-(\d+_\d+)\.(?!.*\.xml$)[^/]+$", path))}

    def find(address: str) -> bytes:
        for path in _places(address, folder, document):
            if path in files:
                return files[path]
        xid = XID.search(unquote(address.partition("?")[0]))
        if xid and xid[1] in by_xid:
            return files[by_xid[xid[1]]]
        raise PictureError(NOT_THERE)

    return find


def _places(address: str, folder: PurePosixPath, document: str) -> list[str]:
    """Where in a package an address may lead, the likeliest first."""
    found: list[str] = []
    plain = re.split(r"[?#]", address)[0]
    for said in dict.fromkeys((address, plain, unquote(address), unquote(plain))):
        text = said.strip().replace("\\", "/")
        if CANVAS.search(text):
            rest = _inside("", CANVAS.split(text)[-1])
            found += [f"{start}{rest}" for start in CANVAS_FOLDERS]
        elif EMBEDDED.search(text):
            rest = _inside("", EMBEDDED.split(text)[-1])
            found += [f"{document.rpartition('.')[0]}/{rest}", _inside(str(folder), rest), rest]
        elif text.startswith("/"):
            parts = [part for part in text.split("/") if part]
            found += ["/".join(parts[start:]) for start in range(len(parts))]
        else:
            found += [_inside(str(folder), text), _inside("", text)]
    return [path for path in dict.fromkeys(found) if path]


def _inside(folder: str, relative: str) -> str:
    """A path from a folder of the package; steps that would lead out of it end at its root."""
    made: list[str] = [part for part in folder.split("/") if part not in ("", ".")]
    for part in relative.split("/"):
        if part == "..":
            made = made[:-1]
        elif part not in ("", "."):
            made.append(part)
    return "/".join(made)
