"""`import labkit` is light, and everything public is there when it is asked for."""

import subprocess
import sys

import labkit

HEAVY = {"torch", "transformers", "numpy", "matplotlib", "pandas", "datasets", "importlib.metadata", "rlhf"}


def heavy_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stdout.split())


def test_import_labkit_loads_nothing_heavy() -> None:
    assert heavy_after("import labkit; dir(labkit)") == set()


def test_names_that_need_nothing_heavy_load_nothing_heavy() -> None:
    names = ", ".join(labkit.__all__)
    assert heavy_after(f"from labkit import {names}") == set()


def test_every_public_name_is_listed_and_there() -> None:
    assert set(labkit.__all__) <= set(dir(labkit))
    for name in labkit.__all__:
        assert getattr(labkit, name) is not None


def test_hand_in_stays_a_function_whatever_is_imported_first() -> None:
    code = "import labkit.handin, labkit; assert callable(labkit.hand_in)"
    assert heavy_after(code) == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(labkit, "load_polices")
