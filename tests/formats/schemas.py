"""The standards' schemas: `python -m tests.formats.schemas` fetches them from their publishers, once.

They are others' and stay out of this repository. `schemas.toml` has each file's place, its publisher's address and what
it says, as a hash. Publishers' copies differ from one another in spaces, in notes and in where imports lie; the hash is
of the rest. `QTI_SCHEMAS` names a folder that has them already; that one is compared then, and nothing is fetched.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from rlhf.cache import cache_folder

VARIABLE = "QTI_SCHEMAS"
TABLE = Path(__file__).with_name("schemas.toml")
XS = "{http://www.w3.org/2001/XMLSchema}"
SECONDS = 30
MOST_BYTES = 8_000_000
AGENT = {"User-Agent": "rlhf-lab-kit make schemas"}  # W3C answers no nameless program
REMEDY = f"{VARIABLE}=FOLDER names a folder that has the schemas, laid out as tests/formats/schemas.toml says"


class SchemaError(Exception):
    """A schema could not be had, or is another one; the message has its address or file, and what to do."""


@dataclass(frozen=True)
class Published:
    """Where a schema is published, and the hash of what it says."""

    address: str
    says: str


def published() -> dict[str, Published]:
    """All schemas by their place in the folder."""
    with TABLE.open("rb") as file:
        return {path: Published(*entry) for path, entry in tomllib.load(file)["schemas"].items()}


def fetched_folder() -> Path:
    """Where fetched schemas lie: in the folder of everything that this kit fetches."""
    return cache_folder() / "schemas"


def said_by(data: bytes) -> str:
    """The SHA-256 of what a schema says: without comments, annotations, spaces between elements, places of imports.

    Raises:
        SchemaError: it is no XML schema.
    """
    parser = etree.XMLParser(
        remove_comments=True, remove_pis=True, remove_blank_text=True, resolve_entities=False, no_network=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise SchemaError(f"it is no XML ({error})") from None
    if root.tag != f"{XS}schema":
        raise SchemaError(f"it is no schema, its root is {root.tag}")
    etree.strip_elements(root, f"{XS}annotation", with_tail=False)
    for element in root.iter(f"{XS}import", f"{XS}include", f"{XS}redefine"):
        element.attrib.pop("schemaLocation", None)
    for element in root.iter():
        element.text = (element.text or "").strip() or None
        element.tail = None
    return hashlib.sha256(etree.tostring(root, method="c14n", exclusive=True)).hexdigest()


def fetch(table: Mapping[str, Published], folder: Path) -> int:
    """Fetch into `folder` what is not there yet, or is another schema there; how many that were.

    Raises:
        SchemaError: an address could not be reached, or what it gave is another schema. What was fetched stays.
    """
    count = 0
    for path, wanted in table.items():
        goal = folder / path
        if goal.is_file() and _is(goal.read_bytes(), wanted):
            continue
        data = _download(wanted.address)
        try:
            found = said_by(data)
        except SchemaError as error:
            raise SchemaError(f"{wanted.address}: {error}. {REMEDY}.") from None
        if found != wanted.says:
            raise SchemaError(
                f"{wanted.address} gave another schema than these tests know: expected {wanted.says}, found {found}. "
                f"If the publisher changed it, put the new hash into {TABLE.name}; {REMEDY}."
            )
        goal.parent.mkdir(parents=True, exist_ok=True)
        part = goal.with_name(f"{goal.name}.{os.getpid()}")
        part.write_bytes(data)
        part.replace(goal)
        count += 1
    return count


def _is(data: bytes, wanted: Published) -> bool:
    try:
        return said_by(data) == wanted.says
    except SchemaError:
        return False


def _download(address: str) -> bytes:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=AGENT), timeout=SECONDS) as reply:
            data: bytes = reply.read(MOST_BYTES + 1)
    except OSError as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise SchemaError(f"{address} could not be read ({error}): is this machine offline? {REMEDY}.") from None
    if len(data) > MOST_BYTES:
        raise SchemaError(f"{address} gave more than {MOST_BYTES} bytes. {REMEDY}.")
    return data


def compare(table: Mapping[str, Published], folder: Path) -> None:
    """Hold a folder to the table.

    Raises:
        SchemaError: a schema is missing there, or says something else; all of them are named.
    """
    missing = [path for path in table if not (folder / path).is_file()]
    other = [path for path in table if path not in missing and not _is((folder / path).read_bytes(), table[path])]
    if missing or other:
        told = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"other schemas: {', '.join(other)}"] * bool(other)
        raise SchemaError(f"{folder}: {'; '.join(told)}")


class Beside(etree.Resolver):
    """Answers the addresses that a schema imports by the file of that name in its set; nothing is fetched."""

    def __init__(self, folder: Path) -> None:
        self.files = {path.name: path for path in sorted(folder.rglob("*.xsd"), reverse=True)}

    def resolve(self, url: str, public_id: str | None, context: object) -> object:
        """The file that stands for an address; nothing for a file that is there, which is read as usual."""
        name = url.rpartition("/")[2]
        if Path(url.removeprefix("file://")).is_file() or name not in self.files:
            return None
        return self.resolve_filename(str(self.files[name]), context)


def load(folder: Path, path: str) -> etree.XMLSchema:
    """A schema of a folder, with all that it imports out of its own set (the first part of its path)."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Beside(folder / path.partition("/")[0]))
    return etree.XMLSchema(etree.parse(folder / path, parser))


def folder_of_schemas() -> Path | None:
    """The folder that `QTI_SCHEMAS` names, or the one of `make schemas`; nothing where there is neither.

    Raises:
        SchemaError: the variable names no folder.
    """
    named = os.environ.get(VARIABLE)
    if named and not Path(named).is_dir():
        raise SchemaError(f"{VARIABLE} is {named}, which is no folder: it names the folder of the standards' schemas")
    folder = Path(named) if named else fetched_folder()
    return folder if named or folder.is_dir() else None


def main() -> None:
    """Fetch, or compare the folder that the variable names."""
    table, named = published(), os.environ.get(VARIABLE)
    try:
        if named and (folder := folder_of_schemas()):
            compare(table, folder)
            print(f"schemas: {len(table)} in {folder} ({VARIABLE})")
        else:
            count = fetch(table, fetched_folder())
            print(f"schemas: {len(table)} in {fetched_folder()}, {count} of them fetched now")
    except SchemaError as error:
        sys.exit(f"schemas: {error}")


if __name__ == "__main__":
    main()
