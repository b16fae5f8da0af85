"""What a kernel can see, may do and may use: asked from inside, as this user and, by root, as nobody too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.kernels.limits import Limits
from grader.kernels.procfs import KEPT
from grader.kernels.sandbox import View

REPO = Path(__file__).resolve().parents[2]
PROBE = [sys.executable, str(Path(__file__).with_name("probe.py"))]
# Nobody may not look into root's home, where the interpreter can be: a mount namespace shows it alone.
AS_NOBODY = """
set -e
kept=$(mktemp -d)
mount --bind "$1" "$kept"
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir -p "$1"
mount --bind "$kept" "$1"
shift 2
exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"
"""


def found_by(command: list[str]) -> dict[str, Any]:
    """Run the probe and read what it found."""
    environment = os.environ | {"HOME": "/tmp", "LABKIT_CACHE": "/tmp/there-is-none"}
    done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module", params=["as this user", "as nobody"])
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the probe found in a kernel."""
    if request.param == "as this user":
        return found_by(PROBE)
    base = Path(sys.base_prefix).resolve()
    tools = all(map(shutil.which, ("unshare", "setpriv", "mount")))
    if os.getuid() != 0 or not tools:
        pytest.skip("only root can run a part of the tests as somebody else, with unshare and setpriv of util-linux")
    if base.parts[1] != "root":
        return found_by(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *PROBE])
    return found_by(["unshare", "-m", "bash", "-c", AS_NOBODY, "bash", str(base), "/root", *PROBE])


def test_nothing_of_the_course_is_there(found: dict[str, Any]) -> None:
    assert found["work"] == ["course.txt", "data", "sub"]  # the course's folder, and what was handed in
    assert found["devices"] == ["full", "null", "ptmx", "pts", "random", "shm", "urandom", "zero"]
    assert found["secret"] == "ENOENT"
    needed = {Path(path).parts[1] for path in View.of().paths}  # wherever Python and this package lie
    assert not ({"boot", "mnt", "srv", "sys", "var", ".old", "run", "opt"} - needed) & set(found["root"])


def test_it_is_alone_and_without_network(found: dict[str, Any]) -> None:
    assert found["processes"] == ["1"]
    assert found["leads"] == [1, 1, 1]  # its process and its group, so that no signal leaves by way of a group
    assert found["interfaces"] == ["lo"]
    assert (found["loopback"], found["outside"]) == ("ECONNREFUSED", "ENETUNREACH")  # it reaches itself alone
    # One that leads nowhere, two that collect and the files behind them, the connection, three of the event loop, and
    # the listing itself.
    assert found["descriptors"] == 10


def test_it_has_no_rights_and_cannot_get_any(found: dict[str, Any]) -> None:
    assert found["uid"] != 0
    assert found["groups"] == []
    assert found["rights"] == [0] * 5  # the bounding set too: no exec brings one back
    assert (found["no_new_privs"], found["seccomp"]) == ("1", "2")
    assert found["read_only"] == ["EROFS", "EROFS"]
    refused = {"unshare": "EPERM", "clone": "EPERM", "clone3": "ENOSYS", "mount": "EPERM", "ptrace": "EPERM"}
    assert {name: found[name] for name in refused} == refused


def test_memory_that_nothing_bounds_and_a_life_after_the_grader_are_refused(found: dict[str, Any]) -> None:
    assert (found["memfd"], found["shm"], found["outlive"]) == ("EPERM", "EPERM", "EPERM")
    own = {"NPROC": [32, 32], "NOFILE": [256, 256], "CORE": [0, 0]}
    kept_by_the_system = {"SIGPENDING": [256, 256], "MSGQUEUE": [0, 0], "MEMLOCK": [2**20, 2**20]}
    assert found["limits"] == own | kept_by_the_system


def test_proc_holds_what_python_needs_and_no_switch(found: dict[str, Any]) -> None:
    assert set(found["proc"]) <= KEPT
    assert {"cpuinfo", "meminfo", "self", "stat"} <= set(found["proc"])
    assert set(found["switches"]) <= {"net", "self", "thread-self"}  # folders of one's own


def test_sockets_lead_nowhere(found: dict[str, Any]) -> None:
    assert (found["vsock"], found["netlink"]) == ("EAFNOSUPPORT", "ENOTSUP")  # the error that ZeroMQ goes on at


def test_the_courses_files_are_shown_and_written_to_in_the_kernels_own_memory(found: dict[str, Any]) -> None:
    assert found["layers"] == "an overlay"
    assert (found["beside"], found["made"]) == (["the course's", "done", []], "done")
    assert found["kept"] == "the course's"
    assert found["harvest"] == {"course.txt": "the course's!", "sub/made.txt": "made"}


def test_ordinary_programs_still_start(found: dict[str, Any]) -> None:
    assert found["child"] == 3


def test_the_environment_is_fixed(found: dict[str, Any]) -> None:
    assert not [name for name in found["environment"] if name.startswith(("GRADER", "PYTEST", "SSH", "AWS"))]
    assert "HOME" in found["environment"]


def test_a_view_keeps_the_outermost_paths_only(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    paths = View.of(tmp_path / "a" / "b", tmp_path / "a", tmp_path / "ab", tmp_path / "missing").paths
    assert {path for path in paths if path.startswith(str(tmp_path))} == {str(tmp_path / "a"), str(tmp_path / "ab")}


def test_the_defaults_leave_room_for_a_lab() -> None:
    assert Limits().memory_mb >= 2048
    assert Limits().running >= 8
