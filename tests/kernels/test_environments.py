"""Kernels of the environments that kernelspecs name: real ones, made once, with IPython and nothing of ours."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import IPython
import pytest
from jupyter_client.kernelspec import KernelSpecManager

from grader.kernels.client import Kernel
from grader.kernels.environments import Environment, NoKernelError, Program, kernel_of, shown
from grader.kernels.launch import start_zygote, wait_until_ready
from grader.kernels.limits import Limits

LIMITS = Limits(cell_seconds=20.0, memory_mb=512, disk_mb=16)
LAUNCH = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
NOT_OURS = "cowsay"
MakeSpec = Callable[..., str]
Run = Callable[..., str]


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own, with IPython, a package that ours has not, and no numpy."""
    return made(tmp_path_factory.mktemp("plain"), f"ipython=={IPython.__version__}", f"{NOT_OURS}==6.1")


@pytest.fixture(scope="session")
def layered(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment on top of that: by a file it takes the other's packages, and has one module of its own."""
    folder = made(tmp_path_factory.mktemp("layered"))
    (packages,) = folder.glob("lib/python3*/site-packages")
    (below,) = plain.glob("lib/python3*/site-packages")
    (packages / "below.pth").write_text(f"{below}\n")
    (packages / "on_top.py").write_text("VALUE = 12\n")
    return folder


def made(folder: Path, *packages: str) -> Path:
    subprocess.run([sys.executable, "-m", "venv", *["--without-pip"] * (not packages), folder], check=True)
    folder.chmod(0o755)  # kernels have another uid
    if packages:
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", *packages], check=True)
    return folder


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeSpec:
    """`spec(name, argv, …)` installs a kernelspec for this test."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def make(name: str, argv: list[str], language: str = "python", **more: object) -> str:
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        content = {"argv": argv, "display_name": name, "language": language, **more}
        (folder / "kernel.json").write_text(json.dumps(content))
        return name

    return make


def environment(name: str) -> Environment:
    found = kernel_of(name)
    assert isinstance(found, Environment)
    return found


@pytest.fixture
def run() -> Run:
    """`run(environment, source)` gives the text that a cell prints in a kernel of that environment."""

    def ran(python: Environment, source: str, imports: tuple[str, ...] = ()) -> str:
        with start_zygote([[name] for name in imports], python=python) as zygote:
            made = Kernel(wait_until_ready(zygote).started, LIMITS, {"data.txt": b"mine"}, "ps1")
            with contextlib.closing(made) as kernel:
                return "".join(str(one.get("text", one.get("evalue"))) for one in kernel.run(source))

    return ran


def test_the_name_python_means_python_3_and_our_own_environment() -> None:
    for name in ("python", "python3", ""):
        assert environment(name).own
        assert environment(name).name == "python3"


def test_another_environment_has_its_packages_and_not_ours(spec: MakeSpec, plain: Path, run: Run) -> None:
    python = environment(spec("other", [str(plain / "bin" / "python"), *LAUNCH], env={"FLAVOUR": "plain"}))
    assert not python.own
    assert {f"{NOT_OURS}==6.1", f"ipython=={IPython.__version__}"} <= set(python.packages)
    source = (
        "import importlib.util, os, sys, cowsay\n"
        "names = ('numpy', 'nbgrader', 'grader.grading', 'labkit', 'safetensors')\n"
        "def there(name):\n    try:\n        return importlib.util.find_spec(name) is not None\n"
        "    except ImportError:\n        return False\n"
        "print(sys.prefix, 'cowsay' in sys.modules, [name for name in names if there(name)], os.environ['FLAVOUR'])\n"
        "print(os.getuid() != 0, open('data.txt').read(), os.path.basename(os.getcwd()))\n"
        "!python -c 'import sys; print(sys.prefix)'"
    )
    assert run(python, source, ("cowsay",)) == f"{plain} True [] plain\nTrue mine ps1\n{plain}\r\n"


def test_a_layered_environment_shows_what_it_stands_on(spec: MakeSpec, layered: Path, plain: Path, run: Run) -> None:
    python = environment(spec("layered", [str(layered / "bin" / "python"), "-Xutf8", *LAUNCH]))
    source = "import sys, cowsay, on_top\nprint(on_top.VALUE, cowsay.__file__.startswith(sys.argv[0][:0] + BELOW))"
    assert run(python, f"BELOW = {str(plain)!r}\n{source}", ("on_top", "cowsay")) == "12 True\n"


def test_values_cross_without_numpy(spec: MakeSpec, plain: Path) -> None:
    python = environment(spec("other", [str(plain / "bin" / "python"), *LAUNCH]))
    with start_zygote([], python=python) as zygote:
        kernel = Kernel(wait_until_ready(zygote).started, LIMITS)
        kernel.run("def double(x):\n    return [2 * one for one in x]")
        assert kernel.call("double", [[1, 2.5]], {})[1][0] == [2, 5.0]
        assert kernel.changed() == []
        kernel.close()


def test_a_kernel_that_is_not_there_says_which_are(spec: MakeSpec) -> None:
    spec("other", ["/nowhere/python", *LAUNCH])
    with pytest.raises(
        NoKernelError, match=r"'julia-1\.10', which is not installed here\. Installed are: .*other.*python3"
    ):
        kernel_of("julia-1.10")
    with pytest.raises(NoKernelError, match=r"'other' runs /nowhere/python, which could not be started"):
        kernel_of("other")
    with pytest.raises(NoKernelError, match="not installed"):
        kernel_of("../../etc")


def test_an_environment_without_ipython_says_what_to_install(spec: MakeSpec, tmp_path: Path) -> None:
    bare = made(tmp_path / "bare")
    spec("bare", [str(bare / "bin" / "python"), *LAUNCH])
    with pytest.raises(NoKernelError, match=f"has no IPython. Install it: {bare}/bin/python -m pip install ipykernel"):
        kernel_of("bare")


@pytest.mark.parametrize(
    ("argv", "language"),
    [
        ([sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"], "bash"),
        (["sh", "{resource_dir}/start", "{connection_file}"], "sh"),
        ([sys.executable, "-m", "wrapper.of.ipykernel", "-f", "{connection_file}"], "python"),
        (["sh", "-c", "python -m ipykernel_launcher"], "python"),
    ],
)
def test_everything_else_is_a_program(spec: MakeSpec, argv: list[str], language: str, tmp_path: Path) -> None:
    found = kernel_of(spec("thing", argv, language, env={"HERE": "${PATH}"}))
    assert isinstance(found, Program)
    assert found.language == language
    assert found.argv[0].endswith(argv[0].rpartition("/")[2])
    assert "{resource_dir}" not in " ".join(found.argv)
    assert found.variables["HERE"] != "${PATH}"
    assert str(tmp_path / "kernels" / "thing") in found.readable


def test_the_interpreters_that_are_there_are_found_as_stock_finds_them() -> None:
    assert {name for name in KernelSpecManager().find_kernel_specs() if kernel_of(name)} >= {"python3"}


def test_the_course_itself_is_not_shown(tmp_path: Path) -> None:
    """PYTHONPATH may lead to it, or to a home; an environment that lies in the course is no secret."""
    course, home = tmp_path / "course", Path.home()
    for folder in ("solutions", ".venv/lib/site-packages"):
        (course / folder).mkdir(parents=True)
    (course / ".venv" / "pyvenv.cfg").touch()
    library = tmp_path / "library"
    library.mkdir()
    paths = ["/", str(home), str(tmp_path), str(course), str(course / "solutions"), str(course / "missing")]
    installed = [str(course / ".venv" / "lib" / "site-packages"), str(library)]
    assert shown([*paths, *installed], [course]) == [Path(one) for one in installed]


def test_a_module_that_starts_threads_is_left_to_the_notebook(tmp_path: Path) -> None:
    for name, source in {
        "threaded": "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\nX = 1",
        "needs_it": "import threaded",
        "brief": "import threading\nthreading.Thread(target=print).start()",
        "leaves": "raise SystemExit",
        "talks": "print('{\"threads\": 7}')",
        "quiet": "X = 2",
    }.items():
        (tmp_path / f"{name}.py").write_text(source)
    imports = [["threaded", "X"], ["needs_it"], ["brief"], ["leaves"], ["talks"], ["quiet"]]
    path = [str(tmp_path), *filter(None, sys.path)]
    python = Environment("python3", (sys.executable,), tuple(path), (sys.prefix, sys.base_prefix, *path))
    tmp_path.chmod(0o755)  # the kernel has another uid
    with start_zygote(imports, python=python) as zygote:
        started = wait_until_ready(zygote).started
        assert started.warnings == tuple(
            f"{name} starts threads when it is imported: each notebook imports it anew, which takes longer"
            for name in ("threaded", "needs_it")
        )
        source = "import sys\nprint(*(name in sys.modules for name in ('threaded', 'brief', 'quiet')))\n"
        source += "import needs_it\nprint(needs_it.threaded.X)"
        with contextlib.closing(Kernel(started, LIMITS)) as kernel:
            assert "".join(one["text"] for one in kernel.run(source)) == "False True True\n1\n"
