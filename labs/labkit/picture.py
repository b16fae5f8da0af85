"""Finished plots: a PNG with its description in words, one style, and how a figure becomes one."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from typing import Any

STYLE = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "figure.facecolor": "white",
}
PIXELS_PER_INCH = 90

# In a dark theme the same picture is shown with its lightness turned round and its hues kept: white ground becomes the
# theme's, ink becomes light. The selectors are JupyterLab's and Notebook's, VS Code's, Colab's and the static site's.
DARK = (
    "<style>:is([data-jp-theme-light=false], .vscode-dark, html[theme=dark], [data-theme=dark]) img.labkit-picture"
    "{filter: invert(.93) hue-rotate(180deg)}</style>"
)


@dataclass(frozen=True)
class Picture:
    """A finished plot: a PNG, its description for those who do not see it, and its width on the page in pixels."""

    png: bytes
    alt: str
    width: int

    def _repr_html_(self) -> str:
        """How Jupyter shows it: an image with alternative text."""
        data = base64.b64encode(self.png).decode()
        alt = html.escape(self.alt, quote=True)
        size = f'width="{self.width}" style="max-width:100%"'
        return f'{DARK}<img class="labkit-picture" src="data:image/png;base64,{data}" alt="{alt}" {size}>'

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def picture(figure: Any, alt: str) -> Picture:
    """A figure of matplotlib as a `Picture`, drawn at twice its size for screens with many pixels."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=2 * PIXELS_PER_INCH, metadata={"Software": None})
    return Picture(buffer.getvalue(), alt, round(figure.get_figwidth() * PIXELS_PER_INCH))
