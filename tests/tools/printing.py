"""`printing.py BROWSER --print-to-pdf=FILE … ADDRESS` prints a page by way of the browser's tools for developers.

The browser that npm brings was built without printing by command, for which it would wait for ever.
"""

from __future__ import annotations

import sys

from playwright.sync_api import sync_playwright

GOAL = "--print-to-pdf="


def main(browser: str, *words: str) -> None:
    """Print the page, without head and foot, on the paper that the page itself asks for."""
    (goal,) = [word.removeprefix(GOAL) for word in words if word.startswith(GOAL)]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = started.new_page()
        page.goto(words[-1])
        page.pdf(path=goal, prefer_css_page_size=True, print_background=True)
        started.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
