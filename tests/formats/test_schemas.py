"""Schemas are fetched from their publishers once, are the ones that the tests know, and need no network afterwards."""

from __future__ import annotations

import http.server
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lxml import etree

from tests.formats import schemas
from tests.formats.schemas import Published, SchemaError, compare, fetch, folder_of_schemas, load, published, said_by

ROOT = """<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:other" targetNamespace="urn:root">
  <xs:import namespace="urn:other" schemaLocation="http://publisher.test/other/names.xsd"/>
  <xs:element name="root"><xs:complexType><xs:sequence><xs:element ref="o:name"/></xs:sequence></xs:complexType>
  </xs:element>
</xs:schema>
"""
OTHER = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:other">
  <xs:include schemaLocation="parts/types.xsd"/>
  <xs:element name="name" type="xs:string"/>
</xs:schema>
"""
TYPES = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:other"/>'
SET = {"set/root.xsd": ROOT, "set/deep/names.xsd": OTHER, "set/deep/parts/types.xsd": TYPES}
GOOD, BAD = '<root xmlns="urn:root"><name xmlns="urn:other">a</name></root>', '<root xmlns="urn:root"/>'


@dataclass
class Publisher:
    """A server on this machine: what it has by path, and what it was asked for."""

    address: str
    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)

    def table(self) -> dict[str, Published]:
        """What is to be fetched from it, with the hashes of what it has now."""
        return {path: Published(f"{self.address}/{path}", said_by(data)) for path, data in self.files.items()}


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.asked.append(self.path[1:])
            data = publisher.files.get(self.path[1:])
            self.send_response(403 if data is None else 200)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        files = {path: text.encode() for path, text in SET.items()}
        publisher = Publisher(f"http://127.0.0.1:{server.server_address[1]}", files)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield publisher
        server.shutdown()
        thread.join()


def test_what_was_fetched_once_judges_without_a_network(publisher: Publisher, tmp_path: Path) -> None:
    table = publisher.table()
    assert (fetch(table, tmp_path), fetch(table, tmp_path)) == (3, 0)
    assert publisher.asked == list(SET)
    compare(table, tmp_path)
    schema = load(tmp_path, "set/root.xsd")
    assert (schema.validate(etree.fromstring(GOOD)), schema.validate(etree.fromstring(BAD))) == (True, False)


def test_a_file_that_was_damaged_is_fetched_again(publisher: Publisher, tmp_path: Path) -> None:
    table = publisher.table()
    fetch(table, tmp_path)
    (tmp_path / "set/root.xsd").write_bytes(publisher.files["set/root.xsd"][:200])
    (tmp_path / "set/deep/names.xsd").write_text(TYPES)
    with pytest.raises(SchemaError, match=r"other schemas: set/root\.xsd, set/deep/names\.xsd$"):
        compare(table, tmp_path)
    assert fetch(table, tmp_path) == 2
    compare(table, tmp_path)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ROOT.replace("root", "toor"), "gave another schema than these tests know: expected {says}, found "),
        (ROOT[:300], "it is no XML"),
        ("<html><body>moved</body></html>", "it is no schema, its root is html"),
        (ROOT + " " * schemas.MOST_BYTES, "gave more than 8000000 bytes"),
        (None, "could not be read (HTTP Error 403"),
    ],
    ids=["another", "cut off", "a web page", "too much", "refused"],
)
def test_another_file_is_refused_and_nothing_of_it_is_kept(
    publisher: Publisher, tmp_path: Path, given: str | None, words: str
) -> None:
    table = publisher.table()
    publisher.files.pop("set/root.xsd")
    publisher.files |= {"set/root.xsd": given.encode()} if given is not None else {}
    with pytest.raises(SchemaError, match=re.escape(words.format(says=table["set/root.xsd"].says))) as told:
        fetch(table, tmp_path)
    assert f"{publisher.address}/set/root.xsd" in str(told.value)
    assert "QTI_SCHEMAS=FOLDER names a folder" in str(told.value)
    assert list(tmp_path.rglob("*.*")) == []


def test_offline_is_said_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/root.xsd"
        with pytest.raises(SchemaError, match=r"Connection refused.*offline\? QTI_SCHEMAS=FOLDER") as told:
            fetch({"set/root.xsd": Published(address, "")}, tmp_path)
    assert str(told.value).startswith(address)


def test_spaces_notes_and_places_of_imports_make_no_other_schema() -> None:
    changed = ROOT.replace("http://publisher.test/other/", "").replace("\n", "\r\n    ").replace('"', "'")
    note = "<xs:annotation><xs:documentation>Changed.</xs:documentation></xs:annotation><!-- so --><xs:element name="
    changed = changed.replace("<xs:element name=", note, 1)
    assert changed != ROOT
    assert said_by(changed.encode()) == said_by(ROOT.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [('ref="o:name"', 'ref="o:names"'), ("urn:other", "urn:others"), ("<xs:sequence>", '<xs:sequence minOccurs="0">')],
)
def test_what_judges_otherwise_is_another_schema(old: str, new: str) -> None:
    assert said_by(ROOT.replace(old, new).encode()) != said_by(ROOT.encode())


def test_a_folder_that_is_named_is_taken_and_one_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    monkeypatch.delenv(schemas.VARIABLE, raising=False)
    assert folder_of_schemas() is None
    (tmp_path / "schemas").mkdir()
    assert folder_of_schemas() == tmp_path / "schemas"
    monkeypatch.setenv(schemas.VARIABLE, str(tmp_path))
    assert folder_of_schemas() == tmp_path
    monkeypatch.setenv(schemas.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(SchemaError, match=r"QTI_SCHEMAS is .*nowhere, which is no folder"):
        folder_of_schemas()


def test_addresses_are_those_of_the_publishers() -> None:
    hosts = {re.match(r"https://([^/]+)/", one.address)[1] for one in published().values()}  # type: ignore[index]
    assert hosts == {"www.imsglobal.org", "purl.imsglobal.org", "www.w3.org"}
    assert all(re.fullmatch(r"[0-9a-f]{64}", one.says) for one in published().values())
    assert all(one.address.rpartition("/")[2] == path.rpartition("/")[2] for path, one in published().items())


def test_the_standards_as_published_are_fetched_and_load(schema: object, publisher: Publisher, tmp_path: Path) -> None:
    """Publishers' imports are addresses: each that leads out of a file's own folder is made one here."""
    folder = folder_of_schemas()
    assert folder is not None
    table = published()
    compare(table, folder)
    for path, one in table.items():
        text = (folder / path).read_text(encoding="utf-8", errors="surrogateescape")
        text = re.sub(
            r'schemaLocation\s*=\s*"(?:\.\./|xsd/|mathml2/)[^"]*?([^"/]+)"',
            r'schemaLocation="https://publisher.test/\1"',
            text,
        )
        publisher.files[one.address.removeprefix("https://")] = text.encode("utf-8", errors="surrogateescape")
    here = {
        path: Published(one.address.replace("https:/", publisher.address, 1), one.says) for path, one in table.items()
    }
    assert fetch(here, tmp_path) == len(table)
    for path in ("qti12/ims_qtiasiv1p2.xsd", "qti12/ccv1p1_qtiasiv1p2p1_v1p0.xsd", "qti21/imsqti_v2p1p2.xsd"):
        load(tmp_path, path)
    load(tmp_path, "qti30/asi/imsqti_asiv3p0_sbacv1p0_v1p0.xsd")
