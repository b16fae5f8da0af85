"""Control groups: what is written where, on a made-up root; and, where this machine gives them, what they really do."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.kernels import cgroups
from grader.kernels.cgroups import Group, NoGroupsError, Place
from grader.kernels.client import Kernel, KernelDiedError
from grader.kernels.launch import Started, start_zygote, wait_until_ready
from grader.kernels.limits import Limits

LIMITS = Limits(memory_mb=512, disk_mb=128, processes=40, cpus=1.5)
FILES = {
    1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "pids.max", "cpu.cfs_period_us", "cpu.cfs_quota_us"),
    2: ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"),
}


@pytest.fixture
def files_in_new_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a made-up root nobody makes the files of a new group, or takes them away with it: this does."""

    def mkdir(path: str) -> None:
        Path(path).mkdir()
        version = 1 if Path(path).parent.name in cgroups.WANTED else 2
        for name in (*FILES[version], "cgroup.procs", "tasks"):
            if version == 2 or name.partition(".")[0] in (Path(path).parent.name, "cgroup", "tasks"):
                Path(path, name).touch()

    def rmdir(path: str) -> None:
        for file in Path(path).iterdir():
            file.unlink()
        Path(path).rmdir()

    monkeypatch.setattr(cgroups, "os", SimpleNamespace(**vars(os) | {"mkdir": mkdir, "rmdir": rmdir}))


def mounts(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text("".join(f"{line}\n" for line in ("22 1 0:5 / /proc rw - proc proc rw", *lines)))
    return file


def own(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "own"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def folder_of_version_2(path: Path, controllers: str, given: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.controllers").write_text(controllers)
    (path / "cgroup.subtree_control").write_text(given)
    (path / "cgroup.procs").touch()


def test_version_2_is_found_at_the_nearest_group_that_hands_on_controllers(tmp_path: Path) -> None:
    top = tmp_path / "cgroup"
    folder_of_version_2(top, "cpu memory pids", "cpu memory pids")
    folder_of_version_2(top / "user", "cpu io memory pids", "memory pids")
    folder_of_version_2(top / "user" / "scope", "cpuset", "")  # ours hands on nothing
    found = cgroups.find(
        mounts(tmp_path, f"30 1 0:6 / {top} rw,nosuid shared:9 - cgroup2 cgroup2 rw"), own(tmp_path, "0::/user/scope")
    )
    assert found == Place(2, {"memory": str(top / "user"), "pids": str(top / "user")})


def test_a_group_that_may_hand_on_is_told_to(tmp_path: Path) -> None:
    top = tmp_path / "cgroup"
    folder_of_version_2(top, "cpu memory pids", "")
    with pytest.raises(NoGroupsError, match="hands on memory and pids"):  # the system would answer by its file
        cgroups.find(mounts(tmp_path, f"30 1 0:6 / {top} rw - cgroup2 cgroup2 rw"), own(tmp_path, "0::/"))
    assert (top / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_version_1_is_found_below_what_is_mounted_of_it(tmp_path: Path) -> None:
    """In a container the hierarchy is mounted from the container's own group on."""
    lines = []
    for number, names in enumerate(("memory", "pids", "cpu,cpuacct")):
        folder = tmp_path / names.replace(",", "-")
        (folder / "job").mkdir(parents=True)
        lines.append(f"{30 + number} 1 0:6 /box {folder} rw - cgroup cgroup rw,{names}")
    found = cgroups.find(
        mounts(tmp_path, *lines, f"40 1 0:7 / {tmp_path} rw - cgroup2 cgroup2 rw"),
        own(tmp_path, "4:memory:/box/job", "3:pids:/box/job", "2:cpu,cpuacct:/box/job", "0::/"),
    )
    both = str(tmp_path / "cpu-cpuacct" / "job")
    jobs = {name: str(tmp_path / name / "job") for name in ("memory", "pids")}
    assert found == Place(1, {**jobs, "cpu": both, "cpuacct": both})


def test_no_groups_say_why(tmp_path: Path) -> None:
    with pytest.raises(NoGroupsError, match="no control groups for memory and processes are mounted"):
        cgroups.find(mounts(tmp_path), own(tmp_path, "0::/"))
    missing = tmp_path / "gone"
    with pytest.raises(NoGroupsError, match="gone may not be written to"):
        cgroups.find(
            mounts(tmp_path, f"30 1 0:6 / {missing} rw - cgroup cgroup rw,memory"), own(tmp_path, "4:memory:/")
        )


@pytest.mark.usefixtures("files_in_new_folders")
def test_what_is_written_in_version_2(tmp_path: Path) -> None:
    place = Place(2, dict.fromkeys(("cpu", "memory", "pids"), str(tmp_path)))
    group = cgroups.make(place, "grader-1", LIMITS)
    written = {name: (tmp_path / "grader-1" / name).read_text() for name in FILES[2]}
    assert written == {
        "memory.max": str(640 * 2**20),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "40",
        "cpu.max": "150000 100000",
    }
    group.enter()
    assert (tmp_path / "grader-1" / "cgroup.procs").read_text() == "0"
    (tmp_path / "grader-1" / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (tmp_path / "grader-1" / "memory.events").write_text("low 0\nmax 7\noom 1\noom_kill 1\n")
    (tmp_path / "grader-1" / "cgroup.procs").write_text("12\n7\n")
    assert (group.cpu_seconds(), group.ran_out_of_memory(), group.processes()) == (2.5, True, [12, 7])
    assert group.remove()
    assert not (tmp_path / "grader-1").exists()
    assert (group.cpu_seconds(), group.ran_out_of_memory(), group.remove()) == (None, False, True)


@pytest.mark.usefixtures("files_in_new_folders")
def test_what_is_written_in_version_1(tmp_path: Path) -> None:
    place = Place(1, {name: str(tmp_path / name) for name in cgroups.WANTED})
    for name in cgroups.WANTED:
        (tmp_path / name).mkdir()
    group = cgroups.make(place, "grader-1", LIMITS)
    written = {name: (tmp_path / name.partition(".")[0] / "grader-1" / name).read_text() for name in FILES[1]}
    memory = str(640 * 2**20)
    assert written == dict(zip(FILES[1], (memory, memory, "40", "100000", "150000"), strict=True))
    group.enter()
    assert {(tmp_path / name / "grader-1" / "tasks").read_text() for name in cgroups.WANTED} == {"0"}


def test_a_group_whose_limits_are_refused_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"memory\.max"):  # no system makes the file here
        cgroups.make(Place(2, dict.fromkeys(("memory", "pids"), str(tmp_path))), "grader-1", LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_groups_of_the_dead_are_swept_and_those_of_the_living_kept(tmp_path: Path) -> None:
    place = Place(2, dict.fromkeys(("memory", "pids"), str(tmp_path)))
    living = cgroups.prefix(os.getpid()) + "1"
    reused = f"{cgroups._of_this_namespace()}{os.getpid()}-1-1"  # our number, but of a process that began at boot
    dead = f"{cgroups._of_this_namespace()}999999999-5-1"
    for name in (living, reused, dead, "grader-77-1-2-3", "somebody"):
        (tmp_path / name).mkdir()
    cgroups.sweep(place)
    assert {path.name for path in tmp_path.iterdir()} == {living, "grader-77-1-2-3", "somebody"}


@pytest.fixture
def grouped(started: Started) -> Started:
    if started.no_groups:
        pytest.skip(f"no control groups here: {started.no_groups}")
    return started


def group_of(kernel: Kernel) -> Group:
    group = kernel.process.group
    assert group is not None
    return group


def test_a_kernel_is_alone_in_its_group(grouped: Started, kernel: Any) -> None:
    one, other = kernel(), kernel()
    assert group_of(one).processes() == [one.pid]
    assert group_of(one).folders != group_of(other).folders
    one.run("import subprocess\nchild = subprocess.Popen(['sleep', '1000'])")
    assert len(group_of(one).processes()) == 2


def test_memory_of_all_processes_together_is_bounded_by_the_system(grouped: Started, kernel: Any) -> None:
    """Three processes, none of which may have more than it has: watching alone would be late."""
    one = kernel(memory_mb=300)
    source = "import os\nfor _ in range(2):\n    if os.fork() == 0:\n        break\nx = b'x' * (200 * 2**20)\n"
    with pytest.raises(KernelDiedError, match="more than 300 MB of memory"):
        one.run(source + "import time\ntime.sleep(1000)")


def test_the_processor_time_of_ended_processes_counts(grouped: Started, kernel: Any) -> None:
    one = kernel()
    one.run("import os\nif os.fork() == 0:\n    while os.times().user < 0.2:\n        pass\n    os._exit(0)\nos.wait()")
    spent = group_of(one).cpu_seconds()
    assert spent is not None
    assert spent > 0.15


def test_processes_are_bounded_by_the_system(grouped: Started, kernel: Any) -> None:
    one = kernel(processes=5)
    (told,) = one.run("import os, time\ntry:\n    while os.fork():\n        pass\nexcept OSError as e:\n    print(e)")
    assert "Resource temporarily unavailable" in told["text"]


def test_groups_go_with_their_kernels_and_with_the_zygote(grouped: Started) -> None:
    with start_zygote([["math"]]) as zygote:
        started = wait_until_ready(zygote).started
        assert zygote.groups is not None
        place, begins = zygote.groups
        kernels = [Kernel(started, replace(LIMITS)) for _ in range(3)]
        folder = Path(place.folders["memory"])
        assert len(list(folder.glob(f"{begins}*"))) >= 3
        for one in kernels:
            one.close()
    assert list(folder.glob(f"{begins}*")) == []


def test_groups_of_a_zygote_that_was_killed_are_removed_by_the_next(grouped: Started) -> None:
    zygote = wait_until_ready(start_zygote([["math"]]))
    assert zygote.groups is not None
    (place, begins), zygote.groups = zygote.groups, None  # nobody cleans up behind it
    kernel = Kernel(zygote.started, LIMITS)
    descriptor = os.dup(kernel.process.descriptor)
    folder = Path(place.folders["memory"])
    assert list(folder.glob(f"{begins}*"))  # asked while they are lived in: any zygote of anybody removes empty ones
    os.kill(zygote.process.pid, signal.SIGKILL)
    zygote.stop()
    while group_of(kernel).processes():
        pass
    os.close(descriptor)
    with start_zygote([["math"]]) as following:
        wait_until_ready(following)
        assert list(folder.glob(f"{begins}*")) == []
    kernel.close()
