"""The labs' plots: one style, colours that colour-blind readers can tell apart, and a description in words for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from labkit.picture import STYLE, Picture
from labkit.picture import picture as _picture

if TYPE_CHECKING:
    import torch

# Okabe and Ito's palette without its yellow, which is too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#767676"


def next_tokens(panels: Mapping[str, torch.Tensor], tokenizer: Any, *, top: int = 12) -> Picture:
    """Bars of next-token probabilities, one panel for each distribution, the same tokens in all of them.

    Args:
        panels: title -> probabilities, float `[vocab]`.
        tokenizer: names the tokens.
        top: how many tokens of the first panel are shown; the others share the last bar.

    Raises:
        ValueError: a distribution is not one-dimensional.
    """
    for title, probs in panels.items():
        if probs.ndim != 1:
            raise ValueError(f"panel {title!r}: expected probabilities [vocab], found shape {list(probs.shape)}")
    first = next(iter(panels.values()))
    shown = first.topk(min(top, len(first))).indices
    names = [*(token_name(tokenizer, i) for i in shown.tolist()), "all others"]
    bars = {t: [*p[shown].tolist(), float(p.index_fill(0, shown, 0.0).sum())] for t, p in panels.items()}
    with _figure(3.0 * len(panels) + 1.1, 0.24 * len(names) + 0.9, columns=len(panels)) as (figure, axes):
        for axis, colour, (title, values) in zip(axes, _cycle(COLOURS), bars.items(), strict=False):
            places = range(len(names))
            axis.barh(places, values, color=[*[colour] * (len(names) - 1), GREY], height=0.72)
            for place, value in enumerate(values):
                label = f"{value:.2f}" if value >= 0.005 else ("0" if value < 1e-9 else "<0.01")
                axis.text(value, place, f" {label}", va="center", fontsize=8, color="#333333")
            axis.set(title=title, xlabel="probability", yticks=[], xlim=(0, 1.18 * max(map(max, bars.values()))))
            axis.grid(visible=False, axis="y")
        axes[0].set_yticks(range(len(names)), names)
        axes[0].invert_yaxis()
        said = "; ".join(
            f"{title}: " + ", ".join(f"{n} {v:.2f}" for n, v in list(zip(names, values, strict=True))[:3])
            for title, values in bars.items()
        )
        return _picture(figure, f"Next-token probabilities. {said}.")


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    x_label: str,
    y_label: str,
    levels: Mapping[str, float] | None = None,
    log_x: bool = False,
) -> Picture:
    """Lines over one axis; `levels` are dashed horizontal lines to compare with, label -> height."""
    with _figure(5.6, 3.3) as (figure, axes):
        _draw_lines(axes[0], x, lines, levels or {})
        axes[0].set(xlabel=x_label, ylabel=y_label, ylim=(0, 1.1 * _highest(lines, levels or {})))
        if log_x:
            _log_axis(axes[0], "x")
        if len(lines) > 1:
            axes[0].legend()
        return _picture(figure, f"{y_label} against {x_label}. {_said(x, lines)}")


def small_multiples(
    panels: Mapping[str, tuple[Sequence[float], Mapping[str, Sequence[float]]]],
    *,
    y_label: str,
    levels: Mapping[str, float] | None = None,
    levels_are: str = "",
) -> Picture:
    """One panel for each parameter with the same lines and the same y axis, side by side.

    Args:
        panels: name of the parameter -> (its values, line label -> heights). Values are spaced evenly.
        y_label: what the heights are, with its unit.
        levels: dashed lines to compare with, line label -> height, in the colour of that line.
        levels_are: what the dashed lines show, for the legend.
    """
    with _figure(2.5 * len(panels) + 0.8, 3.2, columns=len(panels)) as (figure, axes):
        for axis, (name, (values, lines)) in zip(axes, panels.items(), strict=True):
            places = list(range(len(values)))
            _draw_lines(axis, places, lines, levels or {}, named_levels=False)
            axis.set(xlabel=name, xticks=places, xticklabels=[f"{v:g}" for v in values], ylim=(-0.03, 1.03))
        axes[0].set_ylabel(y_label)
        if levels_are:
            axes[0].plot([], [], color=GREY, linestyle="--", label=levels_are)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        said = " ".join(f"{name}: {_said(values, lines)}" for name, (values, lines) in panels.items())
        wanted = " ".join(f"{levels_are} {name}: {height:.2f}." for name, height in (levels or {}).items())
        return _picture(figure, f"{y_label} against each parameter. {said} {wanted}")


def along_text(
    tokens: Sequence[str], lines: Mapping[str, Sequence[float]], *, y_label: str, log_y: bool = False
) -> Picture:
    """One point for each place in a text, the tokens written below their places.

    Args:
        tokens: the text's tokens; empty strings leave a place unnamed.
        lines: label -> one height for each token.
        y_label: what the heights are, with its unit.
        log_y: whether the y axis is logarithmic; heights are then positive.
    """
    places = list(range(len(tokens)))
    with _figure(max(5.6 if len(lines) == 1 else 7.6, 0.27 * len(tokens)), 3.3) as (figure, axes):
        axis = axes[0]
        for (label, heights), colour, marker in zip(lines.items(), _cycle(COLOURS), _cycle(MARKERS), strict=False):
            axis.plot(places, heights, color=colour, marker=marker, label=label, linewidth=1.0)
        axis.set(ylabel=y_label, xlabel="place in the text (tokens)", xlim=(-0.7, len(tokens) - 0.3))
        if log_y:
            _log_axis(axis, "y")
        if any(tokens):
            axis.set_xticks(places, tokens, rotation=90, fontsize=8)
            axis.set_xlabel("token that comes next")
            axis.grid(visible=False, axis="x")
        if len(lines) > 1:
            figure.legend(loc="outside upper center", ncols=len(lines))
        said = "; ".join(f"{n}: lowest {min(y):.3g}, highest {max(y):.3g}" for n, y in lines.items())
        return _picture(figure, f"{y_label} along a text. {said}.")


def sliders(
    draw: Callable[..., Picture],
    *,
    off: Mapping[str, float] | None = None,
    **ranges: tuple[float, float, float, float],
) -> Any:
    """A box of sliders over a picture that follows them; each says its value, and where it does nothing, "off".

    Args:
        draw: called with one keyword argument for each slider, whenever one moves.
        off: name -> the value at which that slider does nothing; one beyond its range is a step of its own at the end.
        ranges: name -> (lowest, highest, step, start); a step of type int gives values of type int.
    """
    import ipywidgets

    controls = {}
    for name, (low, high, step, start) in ranges.items():
        values = _steps(low, high, step, (off or {}).get(name))
        labels = ["off" if value == (off or {}).get(name) else f"{value:g}" for value in values]
        controls[name] = ipywidgets.SelectionSlider(
            options=list(zip(labels, values, strict=True)),
            value=values[nearest(start, values)],
            description=name,
            style={"description_width": f"{max(map(len, ranges)) + 1}ch"},
            layout={"width": "28em", "max_width": "100%"},
            continuous_update=False,
        )
    shown = ipywidgets.HTML()

    def redraw(_change: object = None) -> None:
        shown.value = draw(**{name: control.value for name, control in controls.items()})._repr_html_()

    for control in controls.values():
        control.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([*controls.values(), shown])


def nearest(value: float, values: Sequence[float]) -> int:
    """The place of the one of `values` that is nearest."""
    return min(range(len(values)), key=lambda place: abs(values[place] - value))


def _steps(low: float, high: float, step: float, off: float | None) -> list[float]:
    """The values of a slider, in order; `off` is one of them, or comes before the first or after the last."""
    values = [low + place * step for place in range(round((high - low) / step) + 1)]
    if not isinstance(step, int):
        values = [round(value, 10) for value in values]
    if off is not None and off not in values:
        values.append(off)
    return sorted(values)


def token_name(tokenizer: Any, token: int) -> str:
    """How a token is written in a plot: a leading space shows as ␣, a newline as ⏎."""
    text = str(tokenizer.decode([token])).replace("\n", "⏎").replace("$", r"\$")
    return "␣" + text[1:] if text.startswith(" ") else text


def _draw_lines(
    axis: Any,
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    levels: Mapping[str, float],
    *,
    named_levels: bool = True,
) -> None:
    """Draw lines with markers; a level that has a line's label takes its colour, others are grey and named."""
    colour_of = dict(zip(lines, _cycle(COLOURS), strict=False))
    for (label, heights), marker in zip(lines.items(), _cycle(MARKERS), strict=False):
        axis.plot(x, heights, color=colour_of[label], marker=marker, label=label)
    for label, height in levels.items():
        axis.axhline(height, color=colour_of.get(label, GREY), linestyle="--", linewidth=1.2)
        if named_levels:
            colour = colour_of.get(label, "#555555")
            axis.text(x[0], height, label, va="bottom", ha="left", fontsize=9, color=colour)


def _highest(lines: Mapping[str, Sequence[float]], levels: Mapping[str, float]) -> float:
    return max([*(max(heights) for heights in lines.values()), *levels.values()])


def _log_axis(axis: Any, which: str) -> None:
    """A logarithmic axis that is labelled 1, 2, 5, 10 … instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set(**{f"{which}scale": "log"})
    scale = axis.xaxis if which == "x" else axis.yaxis
    scale.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    scale.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    scale.set_minor_formatter(NullFormatter())


def _said(x: Sequence[float], lines: Mapping[str, Sequence[float]]) -> str:
    """Where each line starts and ends, in words."""
    return " ".join(f"{n} goes from {y[0]:.2f} at {x[0]:g} to {y[-1]:.2f} at {x[-1]:g}." for n, y in lines.items())


def _cycle(items: Sequence[str]) -> Iterator[str]:
    while True:
        yield from items


@contextmanager
def _figure(width: float, height: float, *, columns: int = 1, sharey: bool = True) -> Iterator[tuple[Any, list[Any]]]:
    """A figure of `columns` panels side by side (inches), in the kit's style, apart from pyplot's global state."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, list(figure.subplots(1, columns, sharey=sharey, squeeze=False)[0])
