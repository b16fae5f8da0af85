"""`import rlhf` is light, everything public is there when it is asked for, and older notebooks find it under labkit."""

import subprocess
import sys
from pathlib import Path

import pytest

import labkit
import rlhf

HEAVY = {"torch", "transformers", "numpy", "matplotlib", "pandas", "datasets"}

# Lines of the labs that were handed out while all of this was part of labkit.
OLD = """
import labkit
from labkit import checks, plots, plots_ppo, plots_dpo, plots_reward, toy
from labkit import plots_alignment as alignment
from labkit import load_policy, load_ratings, load_reviews, load_reward_model, score_texts, split_ratings, MODELS
from labkit.models import WEIGHTS
from labkit.pairs import rating_pairs
from labkit.quiet import quiet_transformers
import labkit.plots, labkit.reward, labkit.data, labkit.gguf, labkit.fetch
"""


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code] if code else [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def heavy_after(code: str) -> set[str]:
    return HEAVY & set(run(f"import sys\n{code}\nprint(' '.join(sys.modules))").split())


@pytest.mark.parametrize("module", ["rlhf", "rlhf.fetch", "rlhf.cache", "rlhf.looks", "rlhf.models", "rlhf.plots"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    assert heavy_after(f"import {module}") == set()


def test_every_public_name_is_listed_and_there() -> None:
    assert set(rlhf.__all__) <= set(dir(rlhf))
    for name in rlhf.__all__:
        assert getattr(rlhf, name) is not None
    assert not hasattr(rlhf, "load_polices")


def test_lines_of_older_notebooks_give_the_very_same_things() -> None:
    namespace: dict[str, object] = {}
    exec(OLD, namespace)
    for name in ("plots", "plots_ppo", "plots_dpo", "plots_reward", "toy", "load_policy", "MODELS", "score_texts"):
        assert namespace[name] is getattr(rlhf, name), name
    assert namespace["alignment"] is sys.modules["rlhf.plots_alignment"]
    assert namespace["quiet_transformers"] is sys.modules["rlhf.quiet"].quiet_transformers
    assert labkit.plots is sys.modules["labkit.plots"] is sys.modules["rlhf.plots"]
    assert sys.modules["rlhf.plots"].__spec__.name == "rlhf.plots"
    assert namespace["WEIGHTS"] == Path(rlhf.__file__).parent / "weights"


@pytest.mark.parametrize("first", ["labkit", "rlhf"])
def test_older_names_work_whichever_is_imported_first(first: str) -> None:
    code = f"import {first}.quiet, rlhf.quiet, labkit.quiet; print(rlhf.quiet is labkit.quiet)"
    assert run(f"import labkit\n{code}") == "True\n"


def test_older_names_load_no_more_than_the_new_ones() -> None:
    assert heavy_after("import labkit; labkit.load_policy; from labkit import plots; import labkit.models") == set()


def test_what_labkit_has_itself_is_its_own() -> None:
    assert run("import labkit.cache; print(labkit.cache.__name__)") == "labkit.cache\n"
    for line in ("import labkit.nowhere", "import labkit.quiz.toy", "from labkit import nowhere"):
        with pytest.raises(ImportError, match="labkit"):
            exec(line)


def test_the_older_command_fetches_too(tmp_path: Path) -> None:
    assert "--smol" in run("", "-m", "labkit.fetch", "--help")
    assert "--smol" in run("", "-m", "rlhf.fetch", "--help")


def test_without_a_courses_library_labkit_has_only_its_own_names() -> None:
    code = (
        "import importlib.metadata\nimportlib.metadata.entry_points = lambda **_: ()\nimport labkit\n"
        "print(hasattr(labkit, 'load_policy'), hasattr(labkit, 'checks'))\n"
        "try: import labkit.toy\nexcept ModuleNotFoundError as error: print(error)"
    )
    assert run(code) == "False True\nNo module named 'labkit.toy'\n"
