"""The whole site: pages, quizzes, search and styles into one folder, where no answer may stand in them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import nbformat
from jinja2 import Environment

from grader.build.leaks import Leak, leaks_under
from grader.course.paths import Course
from grader.course.settings import load_settings
from grader.files import write_whole
from grader.formats.model.registry import export_bank
from grader.quizzes.prove import proved_bank
from grader.site.page import Page, lab_page
from grader.site.solved import solved

TEMPLATES = files("grader.site") / "templates"
MARK = ".grader-site"  # a folder that has this file was made here, and may be replaced


def write_site(
    course: Course, labs: Sequence[str], goal: Path, tell: Callable[[str], None] = lambda _: None
) -> tuple[list[str], list[Leak]]:
    """Write the site of some labs to `goal`, which is replaced as a whole; the pages' names, and what leaked.

    Where an answer is found in a page, nothing is written to `goal`.

    Raises:
        LookupError: `goal` has files and was not made here; a lab was not built; a solution did not run through.
    """
    if goal.exists() and any(goal.iterdir()) and not (goal / MARK).is_file():
        raise LookupError(f"{goal} has files that are not of a site: name another folder with --out.")
    with tempfile.TemporaryDirectory(prefix="grader-site-") as temporary:
        folder = Path(temporary) / "site"
        pages = []
        for lab in labs:
            tell(f"site: {lab}")
            pages.append(_page(course, lab, folder))
        _write_pages(folder, load_settings(course.root).title or "Labs", pages)
        leaks = leaks_under(course, folder)
        if not leaks:
            _replace(folder, goal)
    return [page.file for page in pages], leaks


def _page(course: Course, lab: str, folder: Path) -> Page:
    released = course.labs / lab / f"{lab}.ipynb"
    if not released.is_file():
        raise LookupError(f"{released} is not there: run `grader build {lab}` first.")
    return lab_page(lab, nbformat.read(released, as_version=4), solved(course, lab), _quiz(course, lab, folder))


def _quiz(course: Course, lab: str, folder: Path) -> str | None:
    """The page of a lab's practice quiz, sealed as quizzes are; None for an exam or where there is none."""
    path = course.bank_of(lab)
    if path is None:
        return None
    bank = proved_bank(path)
    if bank.mode == "exam":
        return None
    name = f"quizzes/{path.stem}.html"
    write_whole(folder / name, export_bank(bank, "html").data)
    return name


def _write_pages(folder: Path, title: str, pages: Sequence[Page]) -> None:
    template = Environment(autoescape=True).from_string((TEMPLATES / "page.html.j2").read_text("utf-8"))
    listed = [{"file": page.file, "title": page.title} for page in pages]
    for page in pages:
        write_whole(folder / page.file, template.render(site=title, pages=listed, page=page).encode())
    write_whole(folder / "index.html", template.render(site=title, pages=listed, page=None).encode())
    sections = [asdict(section) for page in pages for section in page.sections]
    index = json.dumps(sections, ensure_ascii=False, separators=(",", ":"))
    write_whole(folder / "search.js", f"window.SECTIONS = {index};\n".encode())
    for name in ("site.css", "site.js"):
        write_whole(folder / name, (TEMPLATES / name).read_bytes())
    write_whole(folder / MARK, b"")


def _replace(made: Path, goal: Path) -> None:
    if goal.exists():
        shutil.rmtree(goal)
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, goal)
