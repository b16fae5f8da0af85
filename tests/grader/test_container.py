"""The sandbox where a rootless container would be: a user without capabilities, in a user namespace of somebody else.

What a container may forbid is forbidden here in the same ways: no namespaces (a seccomp filter of a container engine
answers so, here the limit of the namespace), and a `/proc` that something covers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course.paths import ROOT_VARIABLE, Course

OUTER = (
    "unshare",
    "--user",
    "--map-root-user",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "sh",
    "-c",
)
INNER = 'unshare --user --map-user=1000 --map-group=1000 "$@"; exit $?'  # the shell stays: process 1 adopts orphans
LOOK = """
import json, os
from pathlib import Path
from grader.course.paths import Course
from grader.doctor import LOOKS
kept = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
seen = {name: vars(LOOKS[name](Course(Path.cwd()))) for name in ("sandbox", "namespaces", "/proc", "rights")}
print(json.dumps({"user": os.getuid(), "capabilities": int(kept[0], 16), **seen}))
"""
Contained = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def contained(toy: Course) -> Contained:
    """`contained("--version")` runs this Python so; `before` is what happens to the container first."""
    if subprocess.run([*OUTER, "unshare --user true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here")

    config = toy.root / "nbgrader_config.py"
    config.write_text(config.read_text().replace("rlhf.looks:LOOKS", ""))  # of the machine, not of the course's library

    def run(*words: str, before: str = ":") -> subprocess.CompletedProcess[str]:
        command = [*OUTER, f"{before} && {INNER}", "container", sys.executable, *words]
        environment = {**os.environ, ROOT_VARIABLE: str(toy.root)}
        return subprocess.run(command, cwd=toy.root, env=environment, capture_output=True, text=True)

    return run


def test_it_stands_without_any_capability(contained: Contained) -> None:
    done = contained("-c", LOOK)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen.pop("user"), seen.pop("capabilities")) == (1000, 0)
    assert {name: one["verdict"] for name, one in seen.items()} == dict.fromkeys(seen, "works"), seen


def test_a_covered_proc_is_told_with_what_opens_it(contained: Contained) -> None:
    done = contained("-c", LOOK, before="mount -t tmpfs tmpfs /proc/fs")
    seen = json.loads(done.stdout)
    assert {name: seen[name]["verdict"] for name in ("sandbox", "namespaces")} == dict.fromkeys(
        ("sandbox", "namespaces"), "works"
    )
    assert seen["/proc"]["verdict"] == "missing"
    assert "--security-opt systempaths=unconfined" in seen["/proc"]["remedy"]


def test_where_no_namespaces_are_given_doctor_says_what_to_allow_and_ends_with_1(contained: Contained) -> None:
    refused = "echo 1 > /proc/sys/user/max_user_namespaces"
    grader = Path(sys.executable).with_name("grader")
    done = contained(str(grader), "doctor", "--json", before=refused)
    assert done.returncode == 1, done.stdout + done.stderr
    (sandbox,) = [one for one in json.loads(done.stdout) if one["what"] == "sandbox"]
    assert sandbox["verdict"] == "broken"
    assert "does not give namespaces" in sandbox["found"]
    for allowed in ("seccomp=unconfined", "unmask=ALL", "systempaths=unconfined", "apparmor=unconfined"):
        assert allowed in sandbox["remedy"]
