"""A run may skip what is listed and nothing else, with and without workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips

CONFTEST = "from tests import skips\n\n\ndef pytest_configure(config):\n    skips.watch(config)\n"
NAME = "tests/kernels/test_cgroups.py"
LISTED = f"""
import pytest

def test_listed():
    pytest.skip({skips.MAY_SKIP[NAME]!r} + ": of whatever kind")

def test_passes():
    pass

@pytest.mark.xfail
def test_known_to_fail():
    assert False
"""
OTHERS = f"""
def test_another_reason():
    pytest.skip("no such tool")

@pytest.mark.skipif(True, reason={"no such system"!r})
def test_marked():
    pass
"""
WHOLE = "import pytest\n\npytest.importorskip('no_such_module')\n"
WORKERS = pytest.mark.parametrize("options", [("-p", "no:xdist"), ("-n", "1")], ids=["alone", "with a worker"])


def run(folder: Path, files: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """pytest on files of a folder of its own, some under names of ours, where only listed tests may skip."""
    for name, text in {**files, "conftest.py": CONFTEST}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    environment = {**kept, skips.VARIABLE: "listed", "PYTHONPATH": str(Path(skips.__file__).parents[1])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *options]
    return subprocess.run([*command, *files], cwd=folder, env=environment, capture_output=True, text=True)


@WORKERS
def test_what_is_listed_may_skip(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path, {NAME: LISTED}, *options)
    assert (done.returncode, "not listed" in done.stdout) == (0, False), done.stdout + done.stderr
    assert "1 passed, 1 skipped, 1 xfailed" in done.stdout


@WORKERS
def test_any_other_skip_fails_the_run_and_is_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path, {NAME: LISTED + OTHERS, "tests/test_other.py": LISTED, "tests/test_whole.py": WHOLE}, *options)
    assert done.returncode == 1, done.stdout + done.stderr
    told = done.stdout.partition("skipped, and not listed in tests/skips.py")[2].splitlines()
    wanted = {
        f"{NAME}::test_another_reason: Skipped: no such tool",
        f"{NAME}::test_marked: Skipped: no such system",
        f"tests/test_other.py::test_listed: Skipped: {skips.MAY_SKIP[NAME]}: of whatever kind",
        "tests/test_whole.py: Skipped: could not import 'no_such_module': No module named 'no_such_module'",
    }
    assert {line for line in told if line.startswith("tests/")} == wanted


def test_another_word_is_refused(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(skips.VARIABLE, "liste")
    with pytest.raises(pytest.UsageError, match="SKIPS is liste: it may be `listed`"):
        skips.watch(pytestconfig)


@pytest.mark.parametrize("name", skips.MAY_SKIP)
def test_each_file_that_is_listed_has_the_reason_in_it(name: str) -> None:
    assert skips.MAY_SKIP[name] in (Path(skips.__file__).parents[1] / name).read_text()
