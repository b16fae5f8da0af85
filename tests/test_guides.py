"""What the READMEs tell people to type works: their commands are run, in their order, on a course of two small labs.

Parsed only, because other tests run them: schedulers and databases of other machines (`grading/test_scale.py`), all
formats at once (`formats/`), pages to read (`grader/test_site.py`), one's own work (`reports/test_self_check.py`), and
measurements (`grading/test_simulate.py`). Sources of models and of the set-up are looked at, since they take hours and
a network.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.demo_class import make_class

ROOT = Path(__file__).resolve().parent.parent
GUIDES = ("grader", "solutions", "quizzes", "labs", "tests", ".")
TOY, QUIZ = "01-toy", "06-sample"
HERE = {"ps1": TOY, "01-decoding": TOY, "05-dpo": QUIZ, "06-assessment": QUIZ}
HERE |= {"ada": "demo-03", "grace": "demo-02"}
HERE |= {"assessment": "sample", "FILE": "questions.gift"}
# Of the doctor 1 where this machine lacks something, as the guide says; 2 where there are trusted checks already, or a
# class, or no hub.
CODES = {"grader doctor": {0, 1}, "grader convert": {2}, "grader restore": {2}, "grader serve": {2}}
ELSEWHERE = ("--scheduler", "--engine", "--db", "--to all", "grader bench", "grader site", "grader self-check")
ELSEWHERE += ("quiz new", "quiz sign", "grader watch")  # these write into a bank, or do not end by themselves
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
CLASS = """Student,ID,SIS User ID,SIS Login ID,Section
    Points Possible,,,,
"Lovelace, Ada",01,s1,demo-01,A
"Hopper, Grace",02,s2,demo-02,A
"Turing, Alan",03,s3,demo-03,A
"Student, Test",99,,,A
"""
GIFT = "::Clipping:: What does PPO clip? {=The ratio. ~The reward. ~The length.}\n"


@dataclass(frozen=True)
class Told:
    """A command as a README writes it."""

    readme: str
    line: int
    text: str

    @property
    def words(self) -> list[str]:
        return [HERE.get(word, word) for word in shlex.split(self.text, comments=True)]

    def __str__(self) -> str:
        return f"{self.readme}:{self.line}: {' '.join(self.words)}"


def told(program: str) -> list[Told]:
    """Every line of the READMEs' blocks that starts with a program, in the order of the guides."""
    found = []
    for folder in GUIDES:
        path = ROOT / folder / "README.md"
        text = path.read_text(encoding="utf-8")
        for block in FENCED.finditer(text):
            first = text.count("\n", 0, block.start(2)) + 1
            for number, line in enumerate(block[2].splitlines() if block[1] in ("", "sh") else (), start=first):
                if re.match(program + r"\b", line):
                    found.append(Told(str(path.relative_to(ROOT)), number, line))
        for inline in re.finditer(rf"`\.venv/bin/({program} [^`]+)`", text):
            found.append(Told(str(path.relative_to(ROOT)), text.count("\n", 0, inline.start()) + 1, inline[1]))
    return found


COMMANDS = told("grader")
HERE_TOO = [one for one in COMMANDS if not any(option in one.text for option in ELSEWHERE)]
FIRST = [tuple(one.words) for one in HERE_TOO].index
TO_RUN = [one for place, one in enumerate(HERE_TOO) if FIRST(tuple(one.words)) == place]  # each once
TO_PARSE = [one for one in COMMANDS if any(option in one.text for option in ELSEWHERE)]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Both small labs in one course, not built, and the files that the guides' reader would have downloaded."""
    root = tmp_path_factory.mktemp("guides") / "course"
    (root / "quizzes").mkdir(parents=True)
    for name in ("sample.yaml", "figures.py"):
        shutil.copyfile(ROOT / "tests" / "files" / "quiz" / name, root / "quizzes" / name)
    (root / "quizzes" / "secret").write_text("5e" * 32 + "\n")
    for folder, lab in (("toy", TOY), ("quiz", QUIZ)):
        shutil.copytree(ROOT / "tests" / "files" / folder / "solutions" / lab, root / "solutions" / lab)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    (root / "labs").mkdir()
    (root / "questions.gift").write_text(GIFT)
    (root / "students.csv").write_text(CLASS)
    course = Course(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        patch.chdir(root)
        run("build")
        pack_download(course, root / "submissions.zip")
        for built in (course.class_dir, course.labs, course.source):
            shutil.rmtree(built)
        course.labs.mkdir()
        yield course


def pack_download(course: Course, path: Path) -> None:
    """Three students' hand-ins of both labs as Canvas packs them: zips of a notebook and of attempts."""
    made = [(lab, student.name) for lab in (TOY, QUIZ) for student in make_class(course, lab, size=3)]
    with zipfile.ZipFile(path, "w") as bulk:
        for number, (lab, student) in enumerate(made):
            hand_in = path.with_name("hand-in.zip")
            with zipfile.ZipFile(hand_in, "w") as one:
                for file in sorted((course.submitted / student / lab).iterdir()):
                    if file.name in (f"{lab}.ipynb", "attempts.jsonl"):
                        one.write(file, f"{lab}/{file.name}")
            bulk.write(hand_in, f"{student}_{student[-2:]}_{number}_{lab}-hand-in.zip")
            hand_in.unlink()


def run(*words: str, codes: set[int] | None = None) -> None:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code in (codes or {0}), f"{result.output}\n{result.exception!r}"


@pytest.mark.parametrize("command", TO_RUN, ids=str)
def test_commands_run_in_the_order_of_the_guides(course: Course, command: Told) -> None:
    """Each as the one before left the course: built, bundled, collected, graded, reported."""
    program, *words = command.words
    run(*words, codes=CODES.get(f"{program} {words[0]}"))


def test_the_guides_left_what_they_promise(course: Course) -> None:
    pages = {path.name for path in course.feedback.glob(f"demo-01/{TOY}/*.html")}
    assert pages == {f"{TOY}.html"}
    assert (course.root / "rlhf-labs.zip").is_file()
    canvas = (course.reports / "grades-canvas.csv").read_text()
    assert canvas.startswith("Student,ID,SIS User ID,SIS Login ID,Section,")
    assert '"Lovelace, Ada",01,s1,demo-01,A,' in canvas
    assert any((course.reports / TOY).glob("*.html"))
    assert (course.root / "build" / "previews" / "sample.html").is_file()


@pytest.mark.parametrize("command", TO_PARSE, ids=str)
def test_commands_for_other_machines_are_understood(command: Told) -> None:
    known, words = typer.main.get_command(app), command.words[1:]
    while hasattr(known, "commands"):
        known, words = known.commands[words[0]], words[1:]
    known.make_context(" ".join(command.words), words)


def test_every_command_line_is_shown_in_a_guide() -> None:
    """Every command of `grader`, so that none is left out of these tests."""
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    names = {name for name in known if name != "quiz"} | {f"quiz {name}" for name in known["quiz"].commands}
    shown = {" ".join(one.words[1 : 3 if one.words[1] == "quiz" else 2]) for one in COMMANDS}
    assert names - shown == set()


def test_the_exchange_carries_labs_out_hand_ins_in_and_pages_back(course: Course, tmp_path: Path) -> None:
    """The hub's block of configuration, then the steps of the instructor and of a student, as both guides have them."""
    [hub] = [b[2] for b in FENCED.finditer((ROOT / "grader" / "README.md").read_text()) if "Exchange.root" in b[2]]
    (tmp_path / "config").mkdir()
    hub = re.sub(r"/srv/\S*exchange", str(tmp_path / "exchange"), hub)
    (tmp_path / "config" / "nbgrader_config.py").write_text(hub)
    student = tmp_path / "student"
    student.mkdir()
    told_of = {one.words[1]: one for one in told("nbgrader")}
    assert len(told_of) == len(told("nbgrader"))

    def step(name: str, folder: Path) -> None:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("nbgrader")), *told_of.pop(name).words[1:]],
            cwd=folder,
            env=os.environ
            | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_DATA_DIR": str(tmp_path / "data")}
            | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    before = {path.name for path in course.submitted.iterdir()}
    step("release_assignment", course.root)
    step("fetch_assignment", student)
    step("submit", student)
    step("collect", course.root)
    [name] = {path.name for path in course.submitted.iterdir()} - before
    run("grade", TOY, "--quiet")
    run("feedback", TOY)
    step("release_feedback", course.root)
    step("fetch_feedback", student)
    assert told_of == {}
    [page] = (student / TOY / "feedback").glob("*/*.html")
    assert f"Feedback for {name}" in page.read_text()
    with gradebook(course) as book:
        assert book.find_submission(TOY, name).max_score == 5.0


def test_the_new_lab_of_the_guide_is_built_and_verified_with_a_quiz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = "07-win-rate"
    guide = (ROOT / "solutions" / "README.md").read_text()
    files = dict(re.findall(r"^`(\w+\.py)`:\n\n```python\n(.*?)```", guide, re.M | re.S))
    assert set(files) == {"lab.py", "cases.py", "checks.py", "visible.py", "right.py", "wrong.py"}
    files |= dict(re.findall(r"^`(\w+\.yaml)`:\n\n```yaml\n(.*?)```", guide, re.M | re.S))
    assert "hints.yaml" in files
    [quiz] = [block[2] for block in FENCED.finditer(guide) if "labkit.quiz(" in block[2]]
    files["lab.py"] += "\n" + quiz
    bank, *_ = [
        block[2] for block in FENCED.finditer((ROOT / "quizzes" / "README.md").read_text()) if block[1] == "yaml"
    ]
    for name, text in files.items():
        path = tmp_path / "solutions" / lab / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "labs").mkdir()
    (tmp_path / "quizzes").mkdir()
    (tmp_path / "quizzes" / f"{lab}.yaml").write_text(bank)
    (tmp_path / "quizzes" / "secret").write_text("5e" * 32 + "\n")
    shutil.copyfile(ROOT / "quizzes" / "figures.py", tmp_path / "quizzes" / "figures.py")
    shutil.copyfile(ROOT / "nbgrader_config.py", tmp_path / "nbgrader_config.py")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    run("build", lab)
    run("verify", lab)
    run("verify", lab, "--mutants", "--choose")
    assert (tmp_path / "solutions" / lab / "graded.json").is_file()
    run("verify", lab)
    run("build", "--check")
    assert "raise NotImplementedError" in (tmp_path / "labs" / lab / f"{lab}.ipynb").read_text()


def test_targets_of_make_exist() -> None:
    text = "\n".join((ROOT / folder / "README.md").read_text() for folder in GUIDES)
    targets = sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)))
    assert {"lab", "test", "instructor", "class", "bench"} <= set(targets)
    done = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", told("python"), ids=str)
def test_scripts_exist_and_know_their_options(command: Told) -> None:
    text = command.text.split(" && ")[0]
    _, *words = shlex.split(text, comments=True)
    name = words[1] if words[0] == "-m" else words[0]
    found = importlib.util.find_spec(name) if words[0] == "-m" else None
    source = Path(found.origin) if found and found.origin else ROOT / name  # venv is Python's own
    assert source.is_file()
    options = [word for word in words if word.startswith("--")]
    assert [option for option in options if f'"{option}"' not in source.read_text()] == []


def test_promises_name_tests_that_exist() -> None:
    """Every test file, folder and function between back ticks; `{a,b}` stands for several files."""
    text = "\n".join(path.read_text(encoding="utf-8") for f in GUIDES for path in (ROOT / f).glob("*.md"))
    named = re.findall(r"`(tests/[^` ]+)`", text)
    files = [
        f"{before}{name}{after}"
        for before, names, after in (re.fullmatch(r"([^{]*)(?:\{(.*)\})?(.*)", path).groups() for path in named)  # type: ignore[union-attr]
        for name in (names or "").split(",")
    ]
    assert len(files) > 20
    assert [name for name in files if not (ROOT / name).exists()] == []
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    functions = re.findall(r"`(test_\w+)`", text)
    assert len(functions) > 2
    assert [name for name in functions if f"def {name}(" not in sources] == []


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("readme", sorted(p for f in GUIDES for p in (ROOT / f).glob("*.md")), ids=str)
def test_links_lead_to_files_and_headings(readme: Path) -> None:
    text = FENCED.sub("", readme.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (readme.parent / file) if file else readme
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", FENCED.sub("", path.read_text(encoding="utf-8")), re.M)
            assert anchor in map(slug, headings), target
