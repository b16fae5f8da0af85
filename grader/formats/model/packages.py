"""Zip packages: the same bytes each time when written, and read with care when they come from elsewhere."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

EPOCH = (1980, 1, 1, 0, 0, 0)
MAX_PACKAGE = 64 * 2**20
MAX_UNPACKED = 256 * 2**20
MAX_FILE = 64 * 2**20
MAX_FILES = 5_000


class PackageError(ValueError):
    """A package that is damaged, or that is refused because of what it might do."""


def pack(files: Mapping[str, bytes], first: Sequence[str] = (), stored: Sequence[str] = ()) -> bytes:
    """A zip of these files; equal files give equal bytes.

    Args:
        files: by path inside the package.
        first: paths that stand at its beginning, in this order; the rest follows by name.
        stored: paths that are not compressed.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for path in [*first, *sorted(set(files) - set(first))]:
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            method = zipfile.ZIP_STORED if path in stored else zipfile.ZIP_DEFLATED
            package.writestr(entry, files[path], method)
    return made.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a package from elsewhere, by path.

    Raises:
        PackageError: no zip; too large, packed or unpacked; too many files; encrypted; or a path that leads out of it.
    """
    if len(data) > MAX_PACKAGE:
        raise PackageError(f"the package has {len(data)} bytes; at most {MAX_PACKAGE} are read.")
    files: dict[str, bytes] = {}
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            entries = [entry for entry in package.infolist() if not entry.is_dir()]
            if len(entries) > MAX_FILES:
                raise PackageError(f"the package has {len(entries)} files; at most {MAX_FILES} are read.")
            for entry in entries:
                path = _inside(entry.filename)
                if path in files:
                    raise PackageError(f"the package holds {path!r} twice.")
                if entry.flag_bits & 1:
                    raise PackageError(f"{path!r} in the package is encrypted; pack it again without a password.")
                most = min(MAX_FILE, MAX_UNPACKED - total)
                with package.open(entry) as stream:
                    content = stream.read(most + 1)  # what it says about its size need not be true
                if len(content) > most:
                    raise PackageError(f"{path!r} unpacks to more than {most} bytes; the package is refused.")
                total += len(content)
                files[path] = content
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, PackageError):
            raise
        raise PackageError(f"this is no zip that can be read: {error}") from None
    except Exception as error:  # noqa: BLE001 - zlib and lzma have errors of their own
        raise PackageError(f"this is no zip that can be read: {error}") from None
    return files


def _inside(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name or not path.parts:
        raise PackageError(f"the path {name[:100]!r} leads out of the package; it is refused.")
    return str(path)
