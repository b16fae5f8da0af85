"""The working folder: its name, files laid out in it, the host's folder under it, and what is taken out of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.kernels import harvest, layers, linux
from grader.kernels.client import Kernel, KernelDiedError
from grader.kernels.harvest import LayoutError, gather, lay_out, stamps
from grader.kernels.launch import Started, start_zygote, wait_until_ready
from grader.kernels.limits import Limits
from grader.kernels.notebook_kernel import NotebookKernel

LIMITS = Limits(cell_seconds=10.0, memory_mb=512, disk_mb=16, harvest_files=5, harvest_file_mb=1, harvest_mb=2)
BIG = 24 * 2**20  # more than a kernel may write


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course's own files of an assignment: a large one, one in a folder, one that only its owner reads, a link."""
    folder = tmp_path / "release"
    (folder / "sub").mkdir(parents=True)
    with (folder / "big.bin").open("wb") as big:
        big.truncate(BIG)
    (folder / "data.csv").write_text("1,2\n")
    (folder / "sub" / "tools.py").write_text("VALUE = 12\n")
    (folder / "closed.txt").write_text("closed")
    (folder / "closed.txt").chmod(0o400)
    (folder / "link").symlink_to("data.csv")
    return folder


@pytest.fixture(scope="module", params=["sandboxed", "not sandboxed"])
def either(request: pytest.FixtureRequest, started: Started) -> Iterator[Started]:
    if request.param == "sandboxed":
        yield started
    else:
        with start_zygote([["math"]], sandboxed=False) as zygote:
            yield wait_until_ready(zygote).started


@pytest.fixture
def make(either: Started) -> Iterator[Callable[..., Kernel]]:
    kernels: list[Kernel] = []

    def made(*arguments: Any, **more: Any) -> Kernel:
        kernels.append(Kernel(either, more.pop("limits", LIMITS), *arguments, **more))
        return kernels[-1]

    yield made
    for one in kernels:
        one.close()


def said(kernel: Kernel, source: str) -> str:
    return "".join(str(one.get("text", one.get("evalue"))) for one in kernel.run(source))


def test_the_folder_is_called_as_the_assignment(make: Any) -> None:
    assert said(make(folder="ps1: first"), "import os\nprint(os.path.basename(os.getcwd()))") == "ps1: first\n"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "a\\b", "a\nb", "x" * 101])
def test_a_name_that_is_no_part_of_a_path_is_refused(started: Started, name: str) -> None:
    with pytest.raises(ValueError, match="one part of a path"):
        Kernel(started, LIMITS, folder=name)


def test_the_courses_files_are_seen_and_never_changed(make: Any, course: Path) -> None:
    kernel = make({"data.csv": b"the student's\n"}, lower=course)
    source = "import os, sys\nsys.path.append('sub')\nimport tools\n"
    source += "print(tools.VALUE, os.path.getsize('big.bin'), open('data.csv').read(), open('closed.txt').read())"
    assert said(kernel, source) == f"12 {BIG} the student's\n closed\n"
    kernel.run(
        "open('data.csv', 'a').write('x')\nopen('closed.txt', 'a').write('!')\nopen('sub/new.txt', 'w').write('n')"
    )
    assert kernel.harvest().files == {
        "data.csv": b"the student's\nx",
        "closed.txt": b"closed!",
        "sub/new.txt": b"n",
    }
    assert kernel.harvest().left_out == ()
    assert (course / "data.csv").read_text() == "1,2\n"
    assert (course / "closed.txt").read_text() == "closed"
    assert sorted(path.name for path in (course / "sub").iterdir()) == ["tools.py"]


def test_files_that_nobody_touched_are_not_harvested(make: Any, course: Path) -> None:
    kernel = make({"mine.txt": b"mine"}, lower=course)
    kernel.run("open('mine.txt').read(); open('big.bin', 'rb').read(10); open('link').read()")
    assert (kernel.harvest().files, kernel.harvest().left_out) == ({}, ())


def test_a_change_that_keeps_the_size_is_harvested(make: Any) -> None:
    kernel = make({"mine.txt": b"mine"})
    kernel.run("with open('mine.txt', 'r+') as f:\n    f.write('ours')")
    assert kernel.harvest().files == {"mine.txt": b"ours"}


def test_plain_files_are_taken_and_the_rest_is_told(make: Any) -> None:
    kernel = make()
    kernel.run(
        "import os\nos.makedirs('a/b')\nopen('a/b/c.txt', 'w').write('c')\nopen('own.ipynb', 'w').write('{}')\n"
        "os.symlink('/etc/passwd', 'link')\nos.symlink('/etc', 'a/etc')\nos.mkfifo('pipe')\n"
        "open('line\\n.txt', 'w').write('x')\nopen(b'\\xff.txt', 'w').write('x')\n"
        "open('big.txt', 'wb').truncate(2**20 + 1)\nos.mkdir('__pycache__')\nopen('__pycache__/x.pyc', 'w')\n"
        "os.makedirs('d/' * 12)\nopen('d/' * 12 + 'deep.txt', 'w').write('x')\n"
    )
    found = kernel.harvest()
    assert found.files == {"a/b/c.txt": b"c"}
    assert [line.rpartition(": ")[2] for line in sorted(found.left_out)] == [
        "a link",
        "larger than 1 MB",
        "deeper than 8 folders",
        "its name is too long, or no plain text",
        "a link",
        "a notebook",
        "not a plain file",
        "its name is too long, or no plain text",
    ]


def test_number_and_size_of_all_files_are_bounded(make: Any) -> None:
    kernel = make()
    kernel.run("for i in range(9):\n    open(f'{i}.txt', 'w').write('x')")
    found = kernel.harvest()
    assert len(found.files) == LIMITS.harvest_files
    assert found.left_out == tuple(f"{i}.txt: more than 5 files" for i in range(5, 9))
    kernel.run("for i in range(4):\n    open(f'{i}.txt', 'w').write('x' * 900_000)")
    found = kernel.harvest()
    assert sum(map(len, found.files.values())) <= LIMITS.harvest_mb * 2**20
    assert "2.txt: all files together are more than 2 MB" in found.left_out


def test_files_are_there_when_the_kernel_is_not(make: Any) -> None:
    kernel = make()
    with pytest.raises(KernelDiedError):
        kernel.run("import os\nopen('last.txt', 'w').write('kept')\nos._exit(0)")
    assert kernel.harvest().files == {"last.txt": b"kept"}
    kernel.close()
    assert kernel.harvest().files == {}


def test_a_notebooks_files_are_those_of_its_last_kernel(started: Started) -> None:
    one = NotebookKernel(lambda: Kernel(started, LIMITS), LIMITS)
    one.run("open('first.txt', 'w').write('1')", "cell 1")
    with pytest.raises(KernelDiedError):
        one.run("import os\nopen('second.txt', 'w').write('2')\nos._exit(0)", "cell 2")
    assert set(one.harvest().files) == {"first.txt", "second.txt"}
    one.run("open('third.txt', 'w').write('3')", "cell 3")
    assert set(one.harvest().files) == {"first.txt", "third.txt"}
    one.close()


def test_modules_beside_the_notebook_win_over_installed_ones_and_not_over_pythons_own(make: Any) -> None:
    files = {"beside.py": b"X = 1", "json.py": b"X = 3", "late/__init__.py": b"X = 4"}
    files |= {"markupsafe/__init__.py": b"X = 2"}  # the zygote has imported the installed one
    source = "import beside, markupsafe, json, late\nprint(beside.X, markupsafe.X, hasattr(json, 'dumps'), late.X)"
    kernel = make(files)
    assert said(kernel, source) == "1 2 True 4\n"
    kernel.run("open('made.py', 'w').write('X = 5')")
    assert said(kernel, "import made\nprint(made.X)") == "5\n"


def test_a_module_of_the_kernels_own_is_not_taken_from_it(make: Any) -> None:
    kernel = make({"traitlets/__init__.py": b"", "IPython.py": b""})
    assert said(kernel, "import traitlets, IPython\nprint(hasattr(traitlets, 'Int'), IPython.version_info[0] > 7)") == (
        "True True\n"
    )


def test_a_folder_that_is_no_package_hides_no_installed_one(make: Any) -> None:
    kernel = make({"markupsafe/notes.txt": b""})
    assert said(kernel, "import markupsafe\nprint(hasattr(markupsafe, 'escape'))") == "True\n"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "work").mkdir()
    descriptor = os.open(tmp_path / "work", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_files_are_laid_out_inside_the_folder_only(opened: int, tmp_path: Path) -> None:
    lay_out(opened, {"a/b.txt": b"x", "a/../c.txt": b"y"}, LIMITS)
    assert {str(path.relative_to(tmp_path / "work")) for path in tmp_path.rglob("*.txt")} == {"a/b.txt", "c.txt"}
    for name in ("../out.txt", "/etc/out.txt", "a/../../out.txt", "..", ".", "", "a\0b"):
        with pytest.raises(LayoutError, match="leads out"):
            lay_out(opened, {name: b"x"}, LIMITS)
    with pytest.raises(LayoutError, match="201 files"):
        lay_out(opened, {str(number): b"" for number in range(201)}, LIMITS)


def test_files_are_laid_out_through_no_link(opened: int, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "work" / "out").symlink_to(tmp_path / "outside")
    (tmp_path / "work" / "own.txt").symlink_to(tmp_path / "outside" / "own.txt")
    with pytest.raises(LayoutError, match="cannot be laid out"):
        lay_out(opened, {"out/x.txt": b"x"}, LIMITS)
    lay_out(opened, {"own.txt": b"x"}, LIMITS)  # it replaces the link
    assert list((tmp_path / "outside").iterdir()) == []
    assert gather(opened, {}, LIMITS).files == {"own.txt": b"x"}


def test_too_many_entries_are_not_even_looked_at(opened: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvest, "MAX_ENTRIES", 10)
    lay_out(opened, {f"{number:02}.txt": b"" for number in range(20)}, LIMITS)
    assert len(stamps(opened, LIMITS)) == 10
    assert "more than 10 entries" in gather(opened, {}, Limits()).left_out[-1]


def test_more_than_fits_is_told_with_its_name(started: Started) -> None:
    with pytest.raises(
        LayoutError, match=r"big\.txt cannot be laid out \(No space left on device\); kernels have 16 MB"
    ):
        Kernel(started, LIMITS, {"big.txt": bytes(17 * 2**20)})


def without_overlay(course: Path, place: Path) -> None:
    """Run by a forked process: show `course` where no overlay is to be had; raises where something is wrong."""
    linux.unshare(linux.NEWNS if os.getuid() == 0 else linux.NEWNS | linux.NEWUSER)
    linux.mount(None, "/", None, linux.REC | linux.PRIVATE)
    memory, target = place / "memory", place / "work"
    memory.mkdir()
    target.mkdir()
    how = layers.show(str(course), layers.entries(str(course)), str(target), str(memory), os.getuid())
    assert how == "bound file by file (no overlays here)"
    assert os.statvfs(target / "big.bin").f_flag & os.ST_RDONLY
    (target / "data.csv").write_text("written")
    (target / "closed.txt").write_text("written")
    assert (target / "sub" / "tools.py").read_text() == "VALUE = 12\n"
    assert (target / "link").readlink() == Path("data.csv")
    assert (target / "big.bin").stat().st_size == BIG


def test_without_an_overlay_small_files_are_copied_and_large_ones_bound(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: str) -> bool:
        raise OSError(19, "no overlays here")

    monkeypatch.setattr(layers, "_overlay", refused)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            without_overlay(course, tmp_path)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (course / "data.csv").read_text() == "1,2\n"
