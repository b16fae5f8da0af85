"""Which environment a notebook's kernelspec names: Python of some interpreter, a program of another kind, or nothing.

jupyter_client finds kernelspecs, as it does for stock nbgrader. An interpreter is asked for its own paths once: then a
zygote of it can be started (`launch.start_zygote`), which needs IPython there and nothing of ours. What is no plain
ipykernel is a `Program`: it runs behind sockets, in the same sandbox (`provisioner`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import string
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

ANY_PYTHON, PYTHON_3 = "python", "python3"
PYTHONS = re.compile(r"python(3(\.\d+)?)?(\.exe)?")
# It stands in ipykernel's own kernelspec, for debuggers, and changes nothing that a notebook sees.
FOR_DEBUGGERS = "-Xfrozen_modules=off"
KERNELS_OWN = tuple(map(Path, ("/tmp", "/home/student", "/dev/shm", "/proc")))
LAUNCHERS = ("ipykernel_launcher", "ipykernel")
OLDEST = (3, 10)
ASKING_SECONDS = 120.0
# Asked of an interpreter: its version and its paths, with the folders that editable installs point to.
QUESTION = """
import importlib.metadata, importlib.util, json, sys
mapped = [path for finder in sys.meta_path
          for path in vars(sys.modules.get(getattr(finder, "__module__", ""), finder)).get("MAPPING", {}).values()]
print(json.dumps({
    "version": sys.version_info[:3],
    "path": [path for path in sys.path if path],
    "prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *mapped],
    "ipython": importlib.util.find_spec("IPython") is not None,
    "packages": sorted({f"{one.name}=={one.version}" for one in importlib.metadata.distributions()}),
}))
"""


class NoKernelError(LookupError):
    """A notebook's kernel is not to be had here; the message says which there are, and what to do."""


@dataclass(frozen=True)
class Environment:
    """A Python environment: its interpreter with options, its `sys.path`, and what it consists of on the disk."""

    name: str
    command: tuple[str, ...] = (sys.executable,)
    path: tuple[str, ...] = ()
    """Nothing: that of this process's own interpreter."""
    readable: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    version: tuple[int, ...] = tuple(sys.version_info[:3])
    packages: tuple[str, ...] = ()
    """What is installed in another environment, as `name==version`: a grade depends on it."""

    @property
    def own(self) -> bool:
        """Whether it is the environment that the grader itself runs in."""
        return not self.path

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Environment:
        """From what `dataclasses.asdict` made, after a way through JSON."""
        lists = {name: tuple(said[name]) for name in ("command", "path", "readable", "version", "packages")}
        return Environment(**{**said, **lists})


@dataclass(frozen=True)
class Program:
    """A kernel that is a program: of another language, or Python that is started in its own way."""

    name: str
    language: str
    argv: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[str, ...] = ()
    """Where the program and its kernelspec lie."""


OWN = Environment(PYTHON_3)


def program_from_json(said: Mapping[str, Any]) -> Program:
    """From what `dataclasses.asdict` made, after a way through JSON."""
    return Program(**{**said, "argv": tuple(said["argv"]), "readable": tuple(said["readable"])})


def kernel_of(name: str, manager: KernelSpecManager | None = None, as_program: bool = False) -> Environment | Program:
    """What the kernelspec `name` stands for; `python` stands for `python3`, as in stock.

    With `as_program` Python too is a program, for those who talk to it over sockets.

    Raises:
        NoKernelError: there is no such kernelspec, or what it names cannot be started here.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    specs = manager or KernelSpecManager()
    name = PYTHON_3 if name in ("", ANY_PYTHON) else name
    try:
        spec = specs.get_kernel_spec(name)
    except (NoSuchKernel, ValueError) as missing:  # a ValueError: no name of a kernelspec at all
        there = ", ".join(sorted(specs.find_kernel_specs())) or "none"
        raise NoKernelError(
            f"the notebook asks for the kernel {name!r}, which is not installed here. Installed are: {there}. Install "
            "it (jupyter kernelspec install …), or set c.ExecutePreprocessor.kernel_name to one of these."
        ) from missing
    options = None if as_program else _options_of_python(spec)
    return _program(name, spec) if options is None else _environment(name, spec, options)


def _options_of_python(spec: KernelSpec) -> list[str] | None:
    """The interpreter and its options, where the command of a kernelspec starts a plain ipykernel with one."""
    argv = list(spec.argv)
    if str(spec.language).lower() != "python" or not argv or not PYTHONS.fullmatch(os.path.basename(argv[0])):
        return None
    for place, word in enumerate(argv[1:], 1):
        if word == "-m":
            return argv[:place] if argv[place + 1 : place + 2] and argv[place + 1] in LAUNCHERS else None
        if os.path.basename(word) == "ipykernel_launcher.py":
            return argv[:place]
        if not word.startswith("-"):
            return None
    return None


def _environment(name: str, spec: KernelSpec, options: Sequence[str]) -> Environment:
    python, *more = (word for word in options if word != FOR_DEBUGGERS)
    if "/" not in python:  # jupyter_client starts its own interpreter for a bare name
        python = sys.executable
    variables = _variables(spec)
    if not more and _own(python):
        return Environment(name, variables=variables)
    found = _asked(name, [python, *more], variables)
    version = tuple(found["version"])
    if version < OLDEST:
        raise NoKernelError(
            f"the kernel {name!r} runs {python}, Python {'.'.join(map(str, version))}; at least "
            f"{'.'.join(map(str, OLDEST))} is needed here."
        )
    if not found["ipython"]:
        raise NoKernelError(
            f"the kernel {name!r} runs {python}, which has no IPython. Install it: {python} -m pip install ipykernel"
        )
    path = tuple(str(one) for one in found["path"])
    readable = tuple(dict.fromkeys([*map(str, found["prefixes"]), *path]))
    packages = tuple(str(one) for one in found["packages"])
    return Environment(name, (python, *more), path, readable, variables, version, packages)


def _own(python: str) -> bool:
    """Whether it is this process's interpreter: where it lies says which environment it belongs to."""
    here, there = (os.path.dirname(os.path.abspath(path)) for path in (sys.executable, python))
    return here == there and os.path.exists(python) and os.path.samefile(python, sys.executable)


def _asked(name: str, command: Sequence[str], variables: Mapping[str, str]) -> dict[str, Any]:
    """What the interpreter says of itself: in the instructor's own environment, as stock starts it."""
    asking = [*command, "-c", QUESTION]
    try:
        done = subprocess.run(
            asking,
            cwd="/",
            env=os.environ | dict(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASKING_SECONDS,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as failed:
        said = str(getattr(failed, "stderr", "") or failed).strip().splitlines()
        raise NoKernelError(
            f"the kernel {name!r} runs {command[0]}, which could not be started ({said[-1] if said else failed}). "
            f"Install that environment anew, or remove its kernelspec: jupyter kernelspec remove {name}"
        ) from failed
    return found


def _program(name: str, spec: KernelSpec) -> Program:
    word = spec.argv[0] if spec.argv else "nothing"
    found = sys.executable if PYTHONS.fullmatch(word) else shutil.which(word)
    if found is None:
        raise NoKernelError(
            f"the kernel {name!r} runs {word}, which is not there. Install it, or remove its kernelspec: "
            f"jupyter kernelspec remove {name}"
        )
    argv = tuple(word.replace("{resource_dir}", spec.resource_dir) for word in (found, *spec.argv[1:]))
    variables = _variables(spec)
    readable = [spec.resource_dir, *_around(found), *(word for word in argv[1:] if os.path.isabs(word))]
    if PYTHONS.fullmatch(os.path.basename(found)):
        said = _asked(name, [found], variables)
        readable += [*said["prefixes"], *said["path"]]
    return Program(name, str(spec.language), argv, variables, tuple(dict.fromkeys(readable)))


def _around(program: str) -> list[str]:
    """The installation that a program belongs to: the folder above its `bin`, and the same where a link leads."""
    folders = [Path(path).parent for path in (os.path.abspath(program), os.path.realpath(program))]
    return [str(folder.parent if folder.name == "bin" else folder) for folder in folders]


def _variables(spec: KernelSpec) -> dict[str, str]:
    """The variables of a kernelspec, which may use those of this process: `${HOME}`."""
    return {name: string.Template(value).safe_substitute(os.environ) for name, value in spec.env.items()}


def shown(paths: Sequence[str], hidden: Sequence[Path] = ()) -> list[Path]:
    """Of what an environment consists of, what its kernels may see.

    Left out are the root of the file system, homes and what holds them, folders that a kernel has of its own, and what
    holds or lies in a folder of `hidden`: a variable such as PYTHONPATH may lead to the course itself.
    """
    away = [*KERNELS_OWN, Path.home(), *(Path(one).absolute() for one in hidden)]
    found = []
    for path in map(Path, paths):
        whole = path.absolute()
        holds = any(one == whole or whole in one.parents for one in away)
        lies_in = any(Path(one).absolute() in whole.parents for one in hidden)
        if path.exists() and not holds and not (lies_in and not _installed(whole, hidden)):
            found.append(whole)
    return found


def _installed(path: Path, hidden: Sequence[Path]) -> bool:
    """Whether `path` lies in an environment that stands below a hidden folder, such as `.venv` of a course."""
    return any((folder / "pyvenv.cfg").exists() for folder in (path, *path.parents) if folder not in hidden)
