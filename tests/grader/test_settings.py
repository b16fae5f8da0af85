"""What a course says of itself: read from its configuration, checked, and applied where kernels and banks run."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.course.paths import Course
from grader.course.settings import NOTHING_SAID, CourseSettings, load_settings
from grader.grading.assignment import Assignment, environment
from grader.grading.load import load_assignment
from grader.kernels.client import Kernel
from grader.kernels.launch import lab_zygote, wait_until_ready
from grader.kernels.limits import Limits
from grader.quizzes.evaluate import evaluate

LIMITS = Limits(cell_seconds=20.0, memory_mb=512)


def said(tmp_path: Path, text: str) -> CourseSettings:
    (tmp_path / "nbgrader_config.py").write_text(f"c = get_config()\n{text}\n")
    return load_settings(tmp_path)


def test_a_course_need_say_nothing(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == said(tmp_path, "") == NOTHING_SAID
    assert (NOTHING_SAID.packages(), NOTHING_SAID.paths(), NOTHING_SAID.variables()) == ([], [], {})


def test_this_course_says_what_the_kit_must_not_know(repo: Course) -> None:
    settings = load_settings(repo.root)
    assert settings.packages() == [repo.labs / "rlhf"]
    assert settings.variables()["LABKIT_CACHE"] == str(Path.home() / ".cache" / "rlhf-lab-kit")
    assert {"torch", "transformers", "trl", "datasets"} < set(settings.distributions)
    assert CourseSettings.from_json(settings.to_json()) == settings
    assert hash(CourseSettings.from_json(settings.to_json())) == hash(settings)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("c.Grader.redable = []", r"c\.Grader\.redable is not known; there are readable, environment"),
        ("c.Grader.readable = 'rlhf'", r"c\.Grader\.readable: a list of names was expected, found 'rlhf'"),
        ("c.Grader.readable = [1]", r"c\.Grader\.readable: a list of names was expected, found \[1\]"),
        ("c.Grader.environment = ['A=1']", r"c\.Grader\.environment: a dict by names was expected"),
        ("c.Grader.environment = {'A': 1}", r"c\.Grader\.environment\['A'\]: text was expected, found 1"),
        ("c.Grader.warm = {'a': 'a.b'}", r"c\.Grader\.warm\['a'\]: a list of names was expected, found 'a\.b'"),
        ("c.Grader.families = {'a': None}", r"c\.Grader\.families\['a'\]: text was expected, found None"),
        ("c.Grader.title = None", r"c\.Grader\.title: text was expected, found None"),
    ],
)
def test_a_wrong_setting_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(LookupError, match=says):
        said(tmp_path, text)


def test_a_changed_configuration_is_read_again(tmp_path: Path) -> None:
    assert said(tmp_path, "c.Grader.title = 'One'").title == "One"
    assert said(tmp_path, "c.Grader.title = 'Two'").title == "Two"


def test_a_missing_distribution_is_another_environment_and_no_error() -> None:
    assert '"no-such-library": "none"' in environment(["no-such-library"])
    assert environment(["no-such-library"]) != environment() != environment(["matplotlib"])


def test_an_assignment_carries_what_its_grade_depends_on(toy: Course) -> None:
    one = load_assignment(toy, "01-toy")
    assert one.settings == load_settings(toy.root).of_grades()
    assert Assignment.from_bytes(one.to_bytes()) == one
    config = toy.root / "nbgrader_config.py"
    text = config.read_text()
    config.write_text(f"{text}\nc.Grader.title = 'Another'\nc.Grader.families = {{}}\n")
    assert load_assignment(toy, "01-toy").digest == one.digest
    config.write_text(f"{text}\nc.Grader.environment = {{'A': '1'}}\n")
    assert load_assignment(toy, "01-toy").digest != one.digest


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is found in this process and by what it starts, outside of what kernels see."""
    package = tmp_path / "lib" / "courselib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from pathlib import Path\nhere = Path(__file__).parent.name\n")
    (package / "slow.py").write_text("")
    monkeypatch.syspath_prepend(str(package.parent))
    return package


def printed(settings: CourseSettings, source: str) -> str:
    with wait_until_ready(lab_zygote([["math"]], settings)) as zygote:
        kernel = Kernel(zygote.started, LIMITS, {})
        outputs = kernel.run(source)
        kernel.close()
    return "".join(output.get("text", "") for output in outputs)


def test_kernels_have_the_variables_and_read_the_packages_and_paths(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABKIT_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    data, cache = tmp_path / "data", tmp_path / "fetched"
    for folder in (data, cache):
        folder.mkdir()
        (folder / "file").write_text(folder.name)
    ask = (
        "import os\nfrom pathlib import Path\n"
        f"for path in {[str(library / 'slow.py'), str(data / 'file'), str(cache / 'file')]}:\n"
        "    print(Path(path).exists(), end=' ')\n"
        "print(os.environ.get('MINE'), os.environ['LABKIT_CACHE'])"
    )
    assert printed(NOTHING_SAID, ask) == f"False False False None {tmp_path}/.cache/labkit\n"
    settings = CourseSettings(
        readable=("courselib", "~/data"), environment={"MINE": "~/x", "LABKIT_CACHE": "~/fetched"}
    )
    assert printed(settings, ask) == f"True True True {tmp_path}/x {cache}\n"
    monkeypatch.setenv("LABKIT_CACHE", str(data))  # this machine's own choice
    assert printed(settings, ask) == f"True True False {tmp_path}/x {data}\n"


def test_what_is_warm_is_loaded_where_its_package_is_imported() -> None:
    warm = CourseSettings(warm={"math": ("colorsys",), "wave": ("this",), "*": ("stringprep",)})
    ask = "import sys; print([name in sys.modules for name in ('colorsys', 'this', 'stringprep')])"
    assert printed(warm, ask) == "[True, False, True]\n"


def test_banks_run_with_the_courses_variables_and_packages_and_without_its_cache(library: Path, tmp_path: Path) -> None:
    (tmp_path / "fetched").mkdir()
    course = CourseSettings(
        readable=("courselib",), environment={"MINE": "here", "LABKIT_CACHE": str(tmp_path / "fetched")}
    )
    paths = [str(library), str(tmp_path / "fetched")]
    source = f"str([os.environ['MINE'], *map(os.path.exists, {paths}), 'LABKIT_CACHE' in os.environ])"
    request = {
        "bank": "any",
        "item": "item",
        "variant": 0,
        "given": [{"source": "import os", "line": 1}],
        "asks": [{"kind": "value", "source": source, "path": "value"}],
        "probe": False,
        "figures": "/nowhere/figures.py",
    }
    [one] = evaluate([request], course=course)
    assert one.results.get("value") == "['here', True, False, False]", one.broken
