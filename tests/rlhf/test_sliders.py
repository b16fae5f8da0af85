"""Sliders say their value, and "off" where they do nothing; pictures turn dark with the theme."""

from __future__ import annotations

from typing import Any

from labkit.picture import Picture
from rlhf import plots

PNG = b"\x89PNG"


def made(**said: Any) -> tuple[list[Any], list[dict[str, Any]]]:
    """The sliders, and the settings that were drawn."""
    drawn: list[dict[str, Any]] = []

    def draw(**setting: Any) -> Picture:
        drawn.append(setting)
        return Picture(PNG, "a plot", 10)

    return list(plots.sliders(draw, **said).children), drawn


def test_a_slider_has_off_where_it_does_nothing() -> None:
    [k, p, shown], drawn = made(off={"k": 4096, "p": 1.0}, k=(1, 200, 1, 4096), p=(0.05, 1.0, 0.05, 0.9))
    assert [label for label, _ in k.options][-2:] == ["200", "off"]
    assert [label for label, _ in p.options][-2:] == ["0.95", "off"]
    assert (k.label, p.label) == ("off", "0.9")
    assert drawn == [{"k": 4096, "p": 0.9}]
    k.label = "7"
    p.label = "off"
    assert drawn[1:] == [{"k": 7, "p": 0.9}, {"k": 7, "p": 1.0}]
    assert all(isinstance(setting["k"], int) for setting in drawn)
    assert "a plot" in shown.value


def test_off_may_stand_in_the_middle_and_labels_are_whole() -> None:
    [temperature, penalty, _], drawn = made(
        off={"temperature": 1.0}, temperature=(0.1, 3.0, 0.1, 1.0), penalty=(0.5, 2.0, 0.1, 1.0)
    )
    labels = [label for label, _ in temperature.options]
    assert labels[:2] + labels[8:11] + labels[-1:] == ["0.1", "0.2", "0.9", "off", "1.1", "3"]
    assert drawn == [{"temperature": 1.0, "penalty": 1.0}]
    assert "off" not in [label for label, _ in penalty.options]
    assert temperature.style.description_width == penalty.style.description_width == "12ch"


def test_a_picture_follows_the_theme() -> None:
    shown = Picture(PNG, "a <plot>", 10)._repr_html_()
    assert 'class="labkit-picture"' in shown
    assert "a &lt;plot&gt;" in shown
    assert "[data-jp-theme-light=false]" in shown
    assert "invert(.93)" in shown
