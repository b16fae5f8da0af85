"""labkit runs where Linux is not: without its modules, forks, special files and habits of opening and naming files.

A process of its own takes them away, and then works through a lab as a student does. It is no Windows, but what Windows
refuses is refused: POSIX modules and calls, names that it cannot have, replacing or removing a file that is open,
renaming onto one, links, texts without an encoding, paths under /tmp, /dev, /proc and /etc.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FILES = Path(__file__).resolve().parent.parent / "files" / "quiz"
LABS = Path(__file__).resolve().parent.parent.parent / "labs"
ABSENT = ("fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "posix_ipc", "syslog", "crypt", "readline")
CALLS = """fork forkpty getuid geteuid getgid getegid setuid setgid setsid setpgid getpgid killpg chown lchown chroot
mkfifo mknod symlink link nice uname getloadavg sched_getaffinity sched_setaffinity pidfd_open statvfs sync openpty
ttyname WEXITSTATUS"""

TAKE_AWAY = f"""
import builtins, os, re, signal, sys

class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

# Python's own library has taken what it needs of them already; nothing may ask for them from now on.
import asyncio, ctypes, multiprocessing, subprocess, tempfile, zipfile
import anywidget, cryptography, ipywidgets, matplotlib.backends.backend_agg, matplotlib.figure, nbformat.sign
import IPython.core.interactiveshell
for name in {ABSENT!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for name in {CALLS.split()!r}:
    if hasattr(os, name):
        delattr(os, name)
if hasattr(os, "process_cpu_count"):  # Python 3.13: without affinities it is `cpu_count`, as on Windows
    os.process_cpu_count = os.cpu_count
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "alarm", "setitimer", "pthread_sigmask"):
    if hasattr(signal, name):
        delattr(signal, name)

ROOT = sys.argv[1]
FORBIDDEN = re.compile(r'[<>:"|?*]|[ .]$|^(con|prn|aux|nul|com[0-9]|lpt[0-9])([.]|$)', re.I)

def is_open(path):
    here = os.path.realpath(path)
    for number in listed("/proc/self/fd"):
        try:
            if read_link(f"/proc/self/fd/{{number}}") == here:
                return True
        except OSError:
            pass
    return False

listed, read_link, exists = os.listdir, os.readlink, os.path.exists
del os.readlink
really = {{name: getattr(os, name) for name in ("replace", "rename", "remove", "unlink")}}

def replace(one, other, **more):
    for path in (one, other):
        if exists(path) and is_open(path):
            raise PermissionError(13, "The process cannot access the file because it is being used", str(path))
    really["replace"](one, other, **more)

def rename(one, other, **more):
    if exists(other):
        raise FileExistsError(17, "Cannot create a file when that file already exists", str(other))
    replace(one, other, **more)

def remove(path, **more):
    if is_open(path):
        raise PermissionError(13, "The process cannot access the file because it is being used", str(path))
    really["remove"](path, **more)

os.replace, os.rename, os.remove, os.unlink = replace, rename, remove, remove

# What imports open, wherever this is installed; a clone of the repository may lie in /tmp.
MODULES = tuple(os.path.realpath(path) + os.sep for path in (sys.prefix, *sys.path) if path)

opened = []
def watch(event, arguments):
    if event != "open" or not isinstance(arguments[0], (str, bytes)):
        return
    path = os.fsdecode(arguments[0])
    if path.startswith(ROOT):
        opened.append(path)
        for part in path[len(ROOT):].strip("/").split("/"):
            assert not FORBIDDEN.search(part), f"Windows has no file {{path!r}}"
    elif re.match(r"/(tmp|dev|proc|etc)/", path) and not path.startswith(MODULES):
        caller = sys._getframe(1)
        while caller is not None:
            assert os.sep + "labkit" + os.sep not in caller.f_code.co_filename, f"labkit opened {{path}}"
            caller = caller.f_back
sys.addaudithook(watch)
"""

WORK = """
import importlib, json, pkgutil, zipfile
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

root = Path(ROOT)
shell = InteractiveShell.instance(colors="nocolor", config=Config({"HistoryManager": {"enabled": False}}))
import labkit
for module in pkgutil.walk_packages(labkit.__path__, "labkit."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

# The workspace: a copy, which a second call leaves alone, and the start page's progress.
from labkit.workspace import copy_labs, trust
new = copy_labs(root / "labs", root / "work")
made = ["README.md", "nbgrader_config.py", "00-start.ipynb", "01-a.ipynb", "sample.quiz.json"]
assert [path.name for path in new] == made, new
assert copy_labs(root / "labs", root / "work") == []
trust([path for path in new if path.suffix == ".ipynb"])
from labkit.room.startpage import draw_progress
from labkit.room.furnish import Room, furnish
assert draw_progress(root / "work" / "00-start" / "00-start.ipynb")
room = Room.of(root / "work")
options = furnish(room, root / "config")
assert "--LabApp.default_url=/lab/tree/00-start/00-start.ipynb" in options, options
page = json.loads((root / "config" / "labconfig" / "page_config.json").read_text("utf-8"))
cards = json.loads(page["labkitRoom"])["labs"]
assert [card["path"] for card in cards] == ["00-start/00-start.ipynb", "01-a/01-a.ipynb"]

# Checks, a stub that goes on, the quiz, and the zip.
os.chdir(root / "work" / "01-a")
notebook = json.loads(Path("01-a.ipynb").read_text("utf-8"))
for cell in notebook["cells"]:
    ran = shell.run_cell("".join(cell["source"]), store_history=True)
    assert ran.success, (cell, ran.error_in_exec)
answer = "def half(x):\\n    return x / 2"
notebook["cells"][1]["source"] = answer
for source in (answer, notebook["cells"][2]["source"]):
    assert shell.run_cell(source, store_history=True).success
Path("01-a.ipynb").write_text(json.dumps(notebook), encoding="utf-8")

quiz = labkit.quiz("sample")
quiz._ipython_display_()
quiz.answer(1, "a")
quiz.hand_over()
assert quiz.standing.highest is not None
labkit.hand_in()
with zipfile.ZipFile("01-a-hand-in.zip") as archive:
    assert archive.namelist() == ["01-a/01-a.ipynb", "01-a/attempts.jsonl"]
labkit.hand_in()
progress = labkit.Progress("..")
assert [row.passed for row in progress.table()] == [True]
assert 'href="01-a.ipynb"' in progress._repr_html_()
assert progress.plot().png.startswith(b"\\x89PNG")
assert any(path.endswith("progress.jsonl") for path in opened)
print("worked")
"""


def notebook(*sources: tuple[str, str]) -> str:
    import json

    cells = [
        {
            "cell_type": "code",
            "id": f"c{place}",
            "metadata": {"nbgrader": {"grade_id": name}} if name != "progress" else {"tags": ["progress"]},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for place, (name, source) in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_labkit_needs_nothing_that_only_posix_has(tmp_path: Path) -> None:
    labs = tmp_path / "labs"
    for name in ("00-start", "01-a"):
        (labs / name).mkdir(parents=True)
    for name in ("README.md", "nbgrader_config.py"):
        shutil.copy(LABS / name, labs)
    shutil.copy(FILES / "sample.quiz.json", labs / "01-a")
    (labs / "00-start" / "00-start.ipynb").write_text(notebook(("progress", 'Progress("..")')))
    checks = 'with checks("half") as check:\n    check.equal(half(3.0), 1.5, "halves")'
    stub = "def half(x):\n    raise NotImplementedError()"
    cells = ("setup", "from labkit import checks"), ("half", stub), ("half-checks", checks), ("demo", "y = half(2)")
    (labs / "01-a" / "01-a.ipynb").write_text(notebook(*cells, ("after", "print(y)")))
    own = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "MPLCONFIGDIR": str(tmp_path / "mpl"), "LC_ALL": "C"}
    own |= {name: str(tmp_path / "jupyter") for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NBGRADER", "JUPYTER", "PYTHON"))}
    warnings = ["-X", "warn_default_encoding", "-W", "error::EncodingWarning:labkit", "-X", "utf8=0"]
    own["PYTHONIOENCODING"] = "utf-8"  # as a kernel's streams, whatever files are opened with
    command = [sys.executable, *warnings, "-c", TAKE_AWAY + WORK, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=kept | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "worked"
