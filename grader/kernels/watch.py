"""What all processes of a kernel use together: CPU time, private memory, their number. See proc(5)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """CPU seconds (with those of ended children), private memory in MB, processes."""

    cpu_seconds: float
    memory_mb: float
    processes: int


def usage(pid: int) -> Usage | None:
    """What the processes in the process namespace of `pid` use; None where /proc does not say, or is not there."""
    try:
        namespace = os.readlink(f"/proc/{pid}/ns/pid")
        if namespace == os.readlink("/proc/self/ns/pid"):  # not sandboxed: the process by itself
            members = [pid]
        else:
            members = [int(name) for name in os.listdir("/proc") if name.isdigit() and _namespace(name) == namespace]
    except OSError:
        return None
    seconds, memory = 0.0, 0.0
    for member in members:
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += sum(map(int, fields[11:15])) / TICKS
            memory += _private(member)
        except (OSError, IndexError, ValueError):  # it ended meanwhile
            continue
    return Usage(seconds, memory, len(members))


def _namespace(name: str) -> str:
    try:
        return os.readlink(f"/proc/{name}/ns/pid")
    except OSError:
        return ""


def _private(pid: int) -> float:
    """MB that only this process has: what it shares with its parent since the fork does not count."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
    return kilobytes / 1024
