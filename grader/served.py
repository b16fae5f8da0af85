"""A second wall, for JupyterLab with formgrader: nothing that a student handed in acts on the server's origin.

An extension of jupyter_server, which `make instructor` names. Whatever handler answers, files and converted notebooks
are sandboxed: they are of an origin of their own, and no script, form or plugin of theirs runs (nbgrader's own handler
of the files beside a submission sends no such header). A PDF is saved, not shown: a browser's viewer runs the scripts
in it, sandboxed or not. On formgrader's page of a submission only the page's scripts run. And formgrader takes no other
folder for its course: it would run the `nbgrader_config.py` there, which may be a student's, at one click on a link.
JupyterLab shows formgrader's own pages in a frame, which a JupyterHub forbids all pages: those alone, this server may
frame. See Content Security Policy Level 3, sections 6.1, 6.3 and 6.4.2.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import Application, HTTPError, OutputTransform, RequestHandler

SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
PAGE_POLICY = "object-src 'none'; frame-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
FILES = re.compile(r"(?:files|view|nbconvert)/|formgrader/submissions/(?!components/)[^/]+/.")
PAGE = re.compile(r"formgrader/submissions/[^/]+/?")
OWN = re.compile(r"formgrader(?:/(?!submissions/).*)?")
NO_FRAME, OWN_FRAME = "frame-ancestors 'none'", "frame-ancestors 'self'"
PDF = "application/pdf"
STUDENTS_PART = b'id="notebook"'  # where on such a page the notebook begins
SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
HANDLER = re.compile(rb'\sonclick="([^"]*)"')
LINK = re.compile(rb'\shref="(https?:[^"]*)"', re.IGNORECASE)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "grader.served"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Put the wall before all handlers of a server that runs."""
    guard(server.web_app, Path(server.root_dir))


def guard(app: Application, root: Path) -> None:
    """Let `app`, whose course is the folder `root`, answer as the module says."""
    app.transforms.insert(0, partial(StudentWork, app))  # type: ignore[arg-type]  # first: what follows may compress
    find = app.find_handler

    def find_handler(request: HTTPServerRequest, **options: Any) -> Any:
        wanted = [Path(_text(path)).resolve() for path in request.arguments.get("path", []) if path]
        if _path(app, request).rstrip("/") == "formgrader" and any(path != root.resolve() for path in wanted):
            return app.get_handler_delegate(request, OtherCourse)
        return find(request, **options)

    app.find_handler = find_handler  # type: ignore[method-assign]


class OtherCourse(RequestHandler):
    """Answers who asks formgrader for the course of another folder."""

    def prepare(self) -> None:
        """See tornado.web.RequestHandler."""
        raise HTTPError(403, reason="formgrader opens the course that JupyterLab was started in, no other folder")


class StudentWork(OutputTransform):
    """Says by the headers of a response what it may do."""

    def __init__(self, app: Application, request: HTTPServerRequest) -> None:
        self._app, self._request = app, request

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """See tornado.web.OutputTransform."""
        path = _path(self._app, self._request)
        if FILES.match(path):
            headers["Content-Security-Policy"] = SANDBOX
            headers["X-Content-Type-Options"] = "nosniff"
            if headers.get("Content-Type", "").lower().startswith(PDF) and "Content-Disposition" not in headers:
                headers["Content-Disposition"] = "attachment"
        elif PAGE.fullmatch(path):
            chunk = LINK.sub(self._elsewhere, chunk)
            headers["Content-Security-Policy"] = f"{PAGE_POLICY}; {self._scripts(chunk.partition(STUDENTS_PART)[0])}"
            if finishing:
                headers["Content-Length"] = str(len(chunk))
        elif OWN.fullmatch(path) and "Content-Security-Policy" in headers:
            headers["Content-Security-Policy"] = headers["Content-Security-Policy"].replace(NO_FRAME, OWN_FRAME)
        return status_code, headers, chunk

    def _elsewhere(self, link: re.Match[bytes]) -> bytes:
        """A link as it is, unless it leads to this very server: the page's own links name no host."""
        try:
            leads_here = _host(_text(link[1])) == _host(f"//{self._request.host}")
        except ValueError:
            leads_here = True
        return b"" if leads_here else link[0]

    def _scripts(self, head: bytes) -> str:
        """The page's own scripts by their hashes, formgrader's files, and MathJax from where nbconvert takes it."""
        host, base = self._request.host, self._app.settings.get("base_url", "/")
        static = "'self'" if host.startswith("[") else f"{host}{base}formgrader/static/"  # no policy names an IPv6 host
        mathjax = urlsplit(getattr(self._app.settings.get("nbgrader_exporter"), "mathjax_url", ""))
        outside = f"{mathjax.scheme}://{mathjax.netloc}" if mathjax.netloc else ""
        own, handlers = (" ".join(map(_hash, dict.fromkeys(kind.findall(head)))) for kind in (SCRIPT, HANDLER))
        return f"script-src {static} {outside} 'unsafe-eval' {own}; script-src-attr 'unsafe-hashes' {handlers}"


def _path(app: Application, request: HTTPServerRequest) -> str:
    """What was asked for, below the server's base address, spelt as the handlers' patterns see it."""
    return request.path.removeprefix(app.settings.get("base_url", "/")).lstrip("/")


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").rstrip(".")


def _hash(script: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode('ascii')}'"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
