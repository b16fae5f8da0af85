"""Only files that can do nothing reach `class/autograded`, on every road, and the row says what stayed behind."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.inert import is_inert, left_behind

PNG = b"\x89PNG\r\n\x1a\n" + bytes(9)
PAGE = b"<!DOCTYPE html><script>alert(1)</script>"
INERT = {
    "attempts.jsonl": b'{"score": 0}\n',
    "note.txt": b"",
    "data/scores (2).csv": b"a,b\n",
    "Übung_é.TXT": "é".encode(),
    "Gera\u0308t.json": b"{}",
    "run.log": PAGE,
    "working.html.txt": PAGE,
    "plot.png": PNG,
    "a/b/c/photo.JPG": b"\xff\xd8\xff\xe0",
    "loop.gif": b"GIF89a",
    "table.tsv": b"a\tb",
}
ACTIVE = [
    *("working.html", "x.HTM", "x.xhtml", "x.xht", "x.shtml", "x.svg", "x.svgz", "x.xml", "x.xsl", "x.rss", "x.mht"),
    *("x.pdf", "x.js", "x.mjs", "x.cjs", "x.css", "x.wasm", "x.swf", "x.md", "x.markdown", "x.ipynb", "01-toy.ipynb"),
    *(
        "x.py",
        "x.pyc",
        "x.so",
        "x.sh",
        "x.pkl",
        "x.pt",
        "x.npy",
        "x.zip",
        "x.txt.gz",
        "x.webmanifest",
        "x.ics",
        "x.eml",
    ),
    *("page", "txt", ".txt", ".htaccess.txt", "x.", "x.txt.", "x.txt ", " x.txt", "-rf.txt", "x.html\u3002txt"),
    *(
        "x.html\0.txt",
        "x\n.txt",
        "x\x1b[31m.txt",
        "x.html\u202etxt.txt",
        "x\u200b.txt",
        "x.ｔｘｔ",
        "x．html.txt",
        "x\ud800.txt",
    ),
    *(
        "ab:x.html?.txt",
        "data:text,x.txt",
        "x.html#.txt",
        "x.html;a.txt",
        "x.html%00.txt",
        "a\\b.txt",
        "x'.txt",
        'x".txt',
    ),
    *("<b>.txt", "x&amp;.txt", "../x.txt", "a/../x.txt", "/x.txt", ".git/x.txt", "a./x.txt", ""),
    *("nbgrader_config.json", "a/jupyter_server_config.json", "JUPYTER_CONFIG.JSON", "ipython_config.json"),
]


@pytest.mark.parametrize("name", INERT)
def test_text_and_pixels_pass(name: str) -> None:
    assert is_inert(name, INERT[name])


@pytest.mark.parametrize("name", ACTIVE)
def test_nothing_else_does(name: str) -> None:
    assert not is_inert(name, b"")
    assert not is_inert(name, PNG)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.png", PAGE),
        ("x.jpg", PNG),
        ("x.gif", b"GIF"),
        ("x.txt", b"\xff\xfe<\0b\0"),
        ("x.json", b"\0"),
        ("x.csv", PNG),
    ],
)
def test_the_content_is_what_the_name_says(name: str, content: bytes) -> None:
    assert not is_inert(name, content)


@given(st.text(max_size=12), st.sampled_from([".html", ".svg", ".xml", ".txt", ".png", "", ":", "?", "#", "data:,"]))
def test_no_name_that_passes_is_another_type_to_a_server(start: str, end: str) -> None:
    """Tornado and jupyter_server ask Python's `mimetypes`, with a path or with the last part alone."""
    for name in (f"{start}{end}", f"{start}{end}.txt", f"{end}{start}.json", f"ab:{start}{end}?.png"):
        if is_inert(name, b"") or is_inert(name, PNG):
            kinds = {mimetypes.guess_type(path)[0] for path in (name, Path(name).name, f"/class/{name}")}
            assert kinds <= {"text/plain", "application/json", "image/png"}


def test_the_row_names_a_few_in_one_line() -> None:
    assert left_behind({"a.txt": b"", "b.html": b""}, others=["b.html"]) == []
    assert left_behind({".quiz-01-toy.draft.json": b"{}", "01-toy-hand-in.zip": b"PK"}) == []
    (line,) = left_behind({"working.html": PAGE, "a.txt": b"", "x\x1b[31m.py": b""})
    assert line.startswith("left in submitted/: working.html, x�[31m.py; ")
    (line,) = left_behind({f"{'x' * 150}{number}\n.svg": b"" for number in range(100)})
    assert line.isprintable()
    assert "and 95 more" in line
    assert len(line) <= 400
