"""Files that would do harm, or are broken, are refused with an error that says where and what to do."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.formats.importing import KINDS, MAX_BYTES, import_bytes, import_file
from grader.formats.reading.drafts import ImportRefusedError

QUIZ = "<quiz><question type='truefalse'><name><text>{0}</text></name><questiontext><text>{0}</text></questiontext>"
QUIZ += "<answer fraction='100'><text>true</text></answer><answer fraction='0'><text>false</text></answer>"
QUIZ += "</question></quiz>"
BOMB = "<!DOCTYPE quiz [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {name} '{'&' + before + ';' + '&' + before + ';'}'>"
    for before, name in zip("abcdefghijklmnopqrstuvw", "bcdefghijklmnopqrstuvwx", strict=True)
)
ITEM = b"""<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="x" title="x"/>"""


def refused(data: bytes, kind: str | None = None) -> str:
    with pytest.raises(ImportRefusedError) as error:
        import_bytes(data, "file.xml", kind)
    return str(error.value)


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in files.items():
            package.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("kind", ["moodle-xml", "qti12", "qti21", None])
def test_an_entity_bomb_is_refused(kind: str | None, encoding: str) -> None:
    text = f"{BOMB}]>{QUIZ.format('&x;')}"
    assert "<!DOCTYPE" in refused(text.encode(encoding), kind)


@pytest.mark.parametrize("kind", ["moodle-xml", "qti12", "qti21"])
def test_an_external_entity_is_neither_fetched_nor_read(kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    text = f"<!DOCTYPE quiz [<!ENTITY x SYSTEM '{secret.as_uri()}'>]>{QUIZ.format('&x;')}"
    said = refused(text.encode(), kind)
    assert "<!DOCTYPE" in said
    assert "the secret" not in said
    behind_comments = f"<?xml version='1.0'?>{'<!-- a -->' * 400}{text}"
    assert "<!DOCTYPE" in refused(behind_comments.encode(), kind)


def test_many_comments_before_the_root_take_no_time() -> None:
    script = (
        "from grader.formats.importing import import_bytes\n"
        "from tests.formats.test_import_hostile import QUIZ\n"
        "text = '<!--' + 'x--><!--' * 50_000 + 'x-->' + QUIZ.format('Fine?')\n"
        "print(len(import_bytes(text.encode(), 'file.xml').items))\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("1", "")


def test_a_path_out_of_the_package_is_refused() -> None:
    for path in ("../item.xml", "/etc/item.xml", "a/../../item.xml", "C:\\item.xml"):
        assert "leads out of the package" in refused(packed({path: ITEM}))


def test_a_zip_bomb_is_refused() -> None:
    assert "unpacks to more than" in refused(packed({"item.xml": b" " * (65 * 2**20)}))
    many = packed({f"{number}.xml": b"" for number in range(5001)})
    assert "at most 5000 are read" in refused(many)


def test_a_hundred_megabytes_are_refused_unread(tmp_path: Path) -> None:
    large = tmp_path / "large.xml"
    with large.open("wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(ImportRefusedError, match=f"104857600 bytes; at most {MAX_BYTES} are read"):
        import_file(large)


def test_a_broken_file_is_refused_with_its_line() -> None:
    assert "line 2" in refused(b"<quiz>\n<question></quiz>")
    assert "item.xml: this is no well-formed XML" in refused(packed({"item.xml": b"<assessmentItem>", "b.xml": ITEM}))
    assert "line 2: byte 0xff is not UTF-8" in refused(b"::a::\nq\xff{=a ~b}", "gift")
    assert "no zip that can be read" in refused(b"PK\x03\x04 and no more")


def test_deep_nesting_is_refused_or_flattened() -> None:
    deep = "<div>" * 200 + "deep" + "</div>" * 200
    with_entities = deep.replace("<", "&lt;").replace(">", "&gt;")
    found = import_bytes(QUIZ.format(with_entities).encode(), "file.xml")
    assert any("nested" in unread.said for unread in found.unread)
    assert "XML" in refused(("<quiz>" + "<a>" * 5000 + "</a>" * 5000 + "</quiz>").encode())


def test_what_is_none_of_our_formats_is_refused_by_name() -> None:
    assert "none of text, moodle-xml, gift, qti12, qti21" in refused(b"A letter to a friend.")
    assert "the root <html>" in refused(b"<html/>")
    assert "QTI 3" in refused(b"<qti-assessment-item xmlns='http://www.imsglobal.org/xsd/imsqtiasi_v3p0'/>")
    assert "there are: text, moodle-xml, gift, qti12, qti21" in refused(b"<quiz/>", "word")


EVIL = "{{ __import__('os').system('touch /tmp/touched') }}"


def test_what_our_banks_would_run_arrives_as_text() -> None:
    html = f"&lt;p&gt;{EVIL}&lt;/p&gt;&lt;pre&gt;{EVIL}&lt;/pre&gt;&lt;code&gt;{EVIL}&lt;/code&gt; \\({EVIL}\\)"
    graded = f"1. {EVIL}\n\n1 / 1 point\n\n- ☒ {EVIL}\n- ☐ `{EVIL}`\n\nCorrect\n\n```\n{EVIL}\n```\n"
    escaped = EVIL.replace("{", "\\{").replace("}", "\\}")
    for data in (QUIZ.format(html), f"::t::{escaped}{{=a ~b}}", graded):
        found = import_bytes(data.encode(), "evil")
        left = found.yaml.replace('{{ "{{" }}', "").replace('{{ \\"{{\\" }}', "")
        assert "{{ " not in left
        assert "given:" not in left
        assert "claim:" not in left


def read_or_refused(data: bytes, kind: str) -> None:
    """It is read, or refused with the file's name before the reason; nothing else happens."""
    said = ""
    try:
        import_bytes(data, "file", kind)
    except ImportRefusedError as error:
        said = str(error)
    assert said == "" or said.startswith("file: ")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=200), st.sampled_from(KINDS))
def test_any_text_is_read_or_refused(text: str, kind: str) -> None:
    made = QUIZ.format(text.replace("&", "&amp;").replace("<", "&lt;")) if kind == "moodle-xml" else text
    read_or_refused(made.encode("utf-8", "surrogatepass"), kind)


SIGNS = [
    "::",
    "{",
    "}",
    "=",
    "~",
    "#",
    "->",
    "\\",
    "%50%",
    "\n",
    "\n\n",
    "//",
    "a",
    "1",
    ":",
    "..",
    "####",
    "T",
    "[html]",
]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(SIGNS), max_size=30).map("".join))
def test_any_gift_is_read_or_refused(text: str) -> None:
    read_or_refused(text.encode(), "gift")
