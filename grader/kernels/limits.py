"""What one submission may use; the defaults suit two busy cores, and every limit is far above what a lab needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a kernel. Seconds are wall time unless they say CPU; sizes are in MB (2**20 bytes)."""

    cell_seconds: float = 30.0
    call_seconds: float = 15.0
    submission_seconds: float = 180.0
    cpu_seconds: int = 120
    """CPU time of all processes of one kernel together."""
    memory_mb: int = 2048
    """Private memory of one kernel, all its processes together, beyond what it was forked with."""
    processes: int = 64
    """Processes and threads, all together."""
    running: int = 10
    """Processes that may run for longer than a moment: more would take the machine from other kernels."""
    cpus: float = 2.0
    """Processors that all of them may keep busy together, where the system gives control groups."""
    sockets: int = 64
    """Sockets of all of them together: each has buffers of 200 kB that belong to no process."""
    disk_mb: int = 128
    """Files that it writes, all together; they lie in memory and go with the kernel."""
    output_bytes: int = 1_000_000
    """Text of one cell's output; the rest is cut."""
    restarts: int = 6
    """Kernels that one submission may lose before its remaining cells are given up."""
    files: int = 200
    """Files that are laid out beside the notebook."""
    harvest_files: int = 100
    """Files that are taken out of the working folder afterwards; see `harvest`."""
    harvest_file_mb: int = 16
    """The size of one of them."""
    harvest_mb: int = 64
    """The size of all of them together."""
    harvest_depth: int = 8
    """Folders that one of them may lie in, one below another."""
