"""Starting a zygote: its settings, its environment, and the folder that it lives in. Nothing heavy is imported here."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import labkit
from grader.course.settings import CourseSettings
from grader.kernels.cgroups import Place, clear
from grader.kernels.environments import OWN, Environment, shown
from grader.kernels.sandbox import SandboxError, View
from labkit.cache import VARIABLE, cache_folder

LOG = logging.getLogger("grader")
SAID = "stderr.txt"
# The program of a zygote, by which any interpreter finds it; the environment and the user's own settings are left out.
BEGIN = "import sys; sys.path[:0] = sys.argv[1:2]; from grader.kernels.zygote import main; main()"
# PATH for `!commands`; everything else is fixed, so that a grade depends on nothing of the instructor's environment. A
# course adds to it: `c.Grader.environment`.
ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
    "HOME": "/home/student",
    "SHELL": "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a fork needs a parent with one thread
    "IPYTHONDIR": "/tmp/ipython",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NBGRADER_EXECUTION": "autograde",
}


@dataclass(frozen=True)
class Started:
    """A running zygote: where to ask for kernels, and whether they are sandboxed."""

    socket: str
    sandboxed: bool
    warnings: tuple[str, ...] = ()
    no_groups: str = ""
    """Why kernels have no control groups of their own; nothing where they have."""
    layers: str = ""
    """How folders of the host are shown in working folders: see `layers`. Nothing where kernels are not sandboxed."""


@dataclass
class Zygote:
    """A running zygote and its folder; use as a context manager."""

    process: subprocess.Popen[bytes]
    folder: str
    started: Started
    ready: bool = False
    groups: tuple[Place, str] | None = None
    """Where the control groups of its kernels are, and what their names begin with."""

    def __enter__(self) -> Zygote:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the zygote, and with it every kernel that it forked."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        if self.groups is not None:
            clear(*self.groups)
        shutil.rmtree(self.folder, ignore_errors=True)


def _programs(python: Environment) -> dict[str, str]:
    """PATH, where commands of cells find the programs of the environment first."""
    return {"PATH": f"{Path(python.command[0]).parent}:{ENVIRONMENT['PATH'].partition(':')[2]}"}


def _our_code(folder: Path) -> str:
    """A folder of `folder` that holds `grader.kernels`, and nothing else of ours, for another environment."""
    package = folder / "code" / "grader"
    (package / "kernels").mkdir(parents=True)
    (package / "__init__.py").touch()
    for file in Path(__file__).parent.glob("*.py"):
        shutil.copyfile(file, package / "kernels" / file.name)
    return str(package.parent)


def start_zygote(
    imports: Sequence[Sequence[str]],
    readable: Sequence[Path] = (),
    sandboxed: bool = True,
    environment: Mapping[str, str] | None = None,
    warm: Mapping[str, Sequence[str]] | None = None,
    python: Environment = OWN,
    hidden: Sequence[Path] = (),
    recipes: str = "",
) -> Zygote:
    """Start a zygote that has imported `imports`: lists of a module and names to take from it.

    `readable` names the folders that kernels may read besides Python's own; `environment` are variables besides the
    fixed ones; `warm` names modules to import ahead where the package that they are listed under is imported. `python`
    is the environment that kernels run in; nothing of it is shown to them that lies in, or holds, a folder of `hidden`.
    `recipes` is the text of a lab's `fixtures.py`, which is rehearsed: see `grader.kernels.recipes`.

    Raises:
        SandboxError: no sandbox is to be had here; the message says why and what to do.
    """
    if sandboxed and sys.platform != "linux":
        raise SandboxError(
            f"the sandbox needs Linux, this is {sys.platform}. Grade in a Linux container or machine; "
            "or, for a class that you trust, say --sandbox=none."
        )
    folder = tempfile.mkdtemp(prefix="grader-zygote-")
    root, trial = Path(folder, "root"), Path(folder, "trial")
    root.mkdir()
    trial.mkdir()
    address = str(Path(folder) / "socket")
    view = View.of(*readable) if python.own else View.around(*shown(python.readable, hidden), *readable)
    command = [*python.command, "-s", "-B", "-c", BEGIN, "" if python.own else _our_code(Path(folder))]
    settings = {
        "socket": address,
        "root": str(root),
        "trial": str(trial),
        "imports": [list(entry) for entry in imports],
        "paths": list(view.paths),
        "sandboxed": sandboxed,
        "warm": {base: list(modules) for base, modules in (warm or {}).items()},
        "command": command,
        "search": list(python.path),
        "recipes": recipes,
    }
    with open(Path(folder, SAID), "wb") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=ENVIRONMENT | _programs(python) | dict(python.variables) | dict(environment or {}),
            cwd="/",
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(settings).encode() + b"\n")
    process.stdin.flush()
    return Zygote(process, folder, Started(address, sandboxed))


def lab_zygote(
    imports: Sequence[Sequence[str]],
    settings: CourseSettings,
    sandboxed: bool = True,
    python: Environment = OWN,
    hidden: Sequence[Path] = (),
    recipes: str = "",
) -> Zygote:
    """Start a zygote whose kernels may read `labkit`, what was fetched for it, and what the course says.

    `python`, `hidden` and `recipes` are as for `start_zygote`.
    """
    variables = settings.variables()
    cache = cache_folder()
    if VARIABLE in variables and not os.environ.get(VARIABLE):  # this machine's own choice comes first
        cache = Path(variables[VARIABLE])
    readable = [Path(labkit.__file__).parent, cache, *settings.paths()]
    told = variables | {VARIABLE: str(cache)}
    return start_zygote(imports, readable, sandboxed, told, settings.warm, python, hidden, recipes)


def wait_until_ready(zygote: Zygote) -> Zygote:
    """Wait until the zygote has imported everything and tried its sandbox.

    Raises:
        SandboxError: a kernel cannot be shut in here; the message says why and what to do.
        RuntimeError: the zygote ended.
    """
    if zygote.ready:
        return zygote
    assert zygote.process.stdout is not None
    line = zygote.process.stdout.readline()
    if not line:
        said = Path(zygote.folder, SAID).read_text(errors="replace")[-2000:]
        zygote.stop()
        raise RuntimeError(f"The process that forks kernels ended while it imported:\n{said}")
    status = json.loads(line)
    if status["threads"] != 1:
        zygote.stop()
        raise RuntimeError(
            f"The process that forks kernels has {status['threads']} threads after importing; a fork needs 1. "
            "IPython itself starts threads here."
        )
    if status["refused"]:
        raise SandboxError(status["refused"])
    zygote.ready = True
    zygote.groups = (Place(**status["place"]), status["prefix"]) if status["place"] else None
    warnings = tuple(
        f"{module} starts threads when it is imported: each notebook imports it anew, which takes longer"
        for module in status["without"]
    )
    for warning in warnings:
        LOG.warning("%s", warning)
    zygote.started = replace(zygote.started, warnings=warnings, no_groups=status["no_groups"], layers=status["layers"])
    return zygote
