"""Which tests are quick, and which files take longest: the one place that says so, for `make check` and `make test`."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent

# `make check` runs what stands below these, and neither builds a course nor starts a kernel, browser or server.
UNIT = {
    "build",
    "checks",
    "exchange",
    "formats",
    "grader",
    "labkit",
    "quizzes",
    "rlhf",
    "test_house.py",
    "test_isolation.py",
}
WHOLE = {
    "bank",
    "browser",
    "kernel",
    "postgres",
    "quiz_course",
    "quiz_template",
    "sample",
    "serve",
    "toy",
    "toy_template",
}
# Nor does it run files that start other programs, prove banks of the course, or have hypothesis make whole banks.
NO_UNIT = {
    "exchange/test_hostile_downloads.py",
    "formats/test_beside.py",
    "formats/test_gift.py",
    "formats/test_h5p.py",
    "formats/test_ilias.py",
    "formats/test_import_command.py",
    "formats/test_import_gift.py",
    "formats/test_import_hostile.py",
    "formats/test_import_roundtrip.py",
    "formats/test_moodle.py",
    "formats/test_moodle_elements.py",
    "formats/test_olx_played.py",
    "formats/test_pictured.py",
    "formats/test_pictures_shown.py",
    "formats/test_qti.py",
    "formats/test_qti12.py",
    "formats/test_qti_player.py",
    "formats/test_rewritten.py",
    "formats/test_tables.py",
    "formats/test_targets.py",
    "grader/test_doctor.py",
    "quizzes/test_assessment.py",
    "quizzes/test_banks.py",
    "quizzes/test_binding.py",
    "quizzes/test_player_agrees.py",
    "quizzes/test_preview.py",
    "quizzes/test_readme.py",
    "quizzes/test_received.py",
    "quizzes/test_stranger.py",
    "rlhf/test_evaluation.py",
    "rlhf/test_import.py",
    "rlhf/test_kept.py",
    "rlhf/test_live.py",
    "rlhf/test_models.py",
    "rlhf/test_today.py",
}
# Longest first: two processes that work through whole files begin with these, and end together.
LONGEST = [
    "labs/test_03_ppo.py",
    "course/test_odd.py",
    "labs/test_02_reward_model.py",
    "labs/test_08_evaluation.py",
    "labs/test_07_grpo.py",
    "test_as_user.py",
    "attacks/test_fuzz.py",
    "labs/test_05_dpo.py",
    "test_guides.py",
    "attacks/test_attacks.py",
    "labs/test_demo_class.py",
    "grading/test_roads.py",
    "kernels/test_like_stock.py",
    "browser/test_course.py",
    "labs/test_01_decoding.py",
    "formats/test_import_roundtrip.py",
    "labs/test_04_partition_function.py",
    "test_apart.py",
    "test_make_lab.py",
]


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark unit tests, and those in which hypothesis draws; put the longest files first."""
    places = {name: place for place, name in enumerate(LONGEST)}
    names = {item: item.path.relative_to(TESTS).as_posix() for item in items}
    for item, name in names.items():
        assert isinstance(item, pytest.Function)
        if name.partition("/")[0] in UNIT and name not in NO_UNIT and not WHOLE & set(item.fixturenames):
            item.add_marker("unit")
        if getattr(item.function, "is_hypothesis_test", False) or "given" in item.function.__code__.co_names:
            item.add_marker("draws")
    items.sort(key=lambda item: places.get(names[item], len(places)))
