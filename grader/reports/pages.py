"""HTML pages that need nothing but themselves: the templates, the style, and how numbers are written."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.quizzes.markup import to_code

MINUTE, HOUR, DAY = 60, 3600, 86400


def page(template: str, **values: Any) -> str:
    """A filled-in template of `grader/reports/templates`; everything is escaped that is not marked as safe."""
    css = resources.files("grader.reports").joinpath("templates", "style.css").read_text(encoding="utf-8")
    return _environment().get_template(template).render(css=css, share=share, **values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("grader.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"points": points, "duration": duration, "python": lambda code: to_code(code, "python")}
    made.filters["ticks"] = ticks
    return made


def points(value: float) -> str:
    """Points with at most two decimals: 7, 7.5, 7.25."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def ticks(text: str) -> Markup:
    """Escaped text with what stands between back ticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def share(part: float, whole: float) -> int:
    """A share in whole per cent, from 0 to 100."""
    return round(100 * min(max(part / whole, 0.0), 1.0)) if whole else 0


def duration(seconds: float) -> str:
    """A time in words, in its largest unit: 40 minutes, 5 hours, 2 days."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= unit:
            count = round(seconds / unit)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{round(seconds)} seconds"
