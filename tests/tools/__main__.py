"""`python -m tests.tools` fetches what tests need besides Python, and tells where each tool is, a line a tool."""

from __future__ import annotations

from collections.abc import Callable

from tests.tools import chromium, node, postgres
from tests.tools.found import MissingError, WrongSettingError

TOOLS: dict[str, Callable[[], object]] = {
    "Node": lambda: node.node(fetch=True),
    "packages of npm": node.fetch_packages,
    "Chromium": lambda: chromium.chromium(fetch=True),
    "PostgreSQL": lambda: postgres.initdb(fetch=True),
}


def main() -> None:
    """Fetch and tell. What cannot be had is told too, and is no error: its tests skip."""
    for name, fetch in TOOLS.items():
        try:
            print(f"{name}: {fetch()}")
        except MissingError as missing:
            print(f"{name}: not here, so its tests skip. {missing}")


if __name__ == "__main__":
    try:
        main()
    except WrongSettingError as wrong:
        raise SystemExit(str(wrong)) from None
