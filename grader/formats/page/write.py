"""A practice page: one file, offline, with the player of the notebooks, sealed as their quizzes are."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from importlib.resources import files

from grader.formats.model.registry import Losses, exporter
from grader.quizzes.rendered import RenderedBank, keyed
from grader.quizzes.seal import seal_bank
from labkit.quiz.pages import HOW, WORDS
from labkit.quiz.plain import to_text

PLAYER = files("labkit.quiz")
PAGE = files("grader.formats.page")
SCRIPTS = (
    *[PLAYER / name for name in ("question.js", "player.js")],
    *[PAGE / name for name in ("sealed.js", "answers.js", "draw.js", "practice.js")],
)
STYLES = (PLAYER / "player.css", PAGE / "page.css")
COST = {"n": 1024, "r": 8, "p": 1}  # in a browser's JavaScript this takes as long as the kit's 4096 in Python
EXAM = "This is an exam. This page has no key in it: nothing is scored or recorded here."
UNSCORED = "Nothing was scored or recorded: this page has no key in it."
INSECURE = (
    "This page cannot check answers here: the browser offers its cryptography only to pages from a file, from "
    "localhost or over HTTPS. Save the page and open the file, or serve it over HTTPS."
)
NO_SCRIPT = "This page needs JavaScript: it shows the questions and checks the answers. Nothing leaves your computer."
TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<header class="bar"><div>
<h1>Practice</h1>
<button type="button" id="dark" aria-pressed="false">Dark</button>
</div></header>
<main id="quiz"><noscript><p class="stopped">{no_script}</p></noscript></main>
<script type="application/json" id="words">{words}</script>
<script type="application/json" id="bank">{bank}</script>
<script type="module">{script}</script>
</body>
</html>
"""


@exporter("html", title="HTML practice page", suffix=".html", in_words=("entries", "right sides", "menus"))
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """One page with everything in it. An exam's page has no key, so it can be answered but tells nothing.

    Ids, orders and the salt come from a secret. Here it is a digest of the whole bank, keys and feedback included: the
    same bank gives the same page, and whoever can work the secret out has the bank already.
    """
    for item in bank.items:
        if bank.mode == "exam":
            losses.add(item.id, "feedback", "an exam's page has no key in it: it shows no verdict and no feedback")
        if item.review is not None:
            losses.add(item.id, "review", "the page says where to read again, but cannot link there")
    secret = content_secret(bank)
    sealed, keys = seal_bank(keyed(bank, secret), secret, COST, compressed=False)
    labels = (part.label for item in keys.items for variant in item.variants for part in variant.parts)
    options = (
        option.html
        for item in keys.items
        for variant in item.variants
        for part in variant.parts
        for option in part.options
    )
    words = {
        "hash": keys.hash,
        "how": {" ".join(key): said for key, said in HOW.items()},
        "marks": WORDS,
        "exam": EXAM,
        "unscored": UNSCORED,
        "insecure": INSECURE,
        "texts": _texts([*labels, *options]),
    }
    script = "\n" + "\n".join(path.read_text("utf-8") for path in SCRIPTS)
    page = TEMPLATE.format(
        policy=_policy(script),
        title=html.escape(bank.title),
        style="\n".join(path.read_text("utf-8") for path in STYLES),
        no_script=html.escape(NO_SCRIPT),
        words=_in_script(words),
        bank=_in_script(json.loads(sealed)),
        script=script,
    )
    return page.encode()


def content_secret(bank: RenderedBank) -> bytes:
    """32 bytes that the whole bank decides."""
    return hashlib.sha256(b"a practice page\0" + repr(bank).encode()).digest()


def _texts(fragments: Iterable[str]) -> dict[str, str]:
    """Fragments of HTML that are more than text, and how they read: for menus and screen readers."""
    texts = {fragment: to_text(fragment) for fragment in fragments}
    return {fragment: text for fragment, text in sorted(texts.items()) if fragment != text}


def _in_script(value: object) -> str:
    """JSON that cannot end the script element around it (HTML, 4.12.1.3)."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _policy(script: str) -> str:
    """Only the script of this page runs, and nothing is fetched, whatever a bank's text might hold."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
