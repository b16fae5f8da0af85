"""The second wall says what each response may do, by any address, and lets no student's link lead into the server."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from grader.served import guard

PAGE = """<html><head><script>var own = 1;</script><script src="/formgrader/static/a.js"></script></head>
<span onclick="toggle(true);"></span><div id="notebook"><script>student()</script><p onclick="student()">
<a href="https://a.example/x">1</a> <a href="http://Hub.example:8000/lab">2</a> <a HREF="https://hub.example./x">3</a>
<a href="http://user@hub.example/">4</a> <a href="http://[bad/">5</a> <a href="#x">6</a></div></html>"""


class Echo(RequestHandler):
    """Answers everything, with headers that say nothing, or as a hub says it."""

    def get(self) -> None:
        self.set_header("Content-Security-Policy", self.settings["policy"])
        self.write(PAGE)

    head = get


def answer(
    path: str,
    root: Path,
    base: str = "/",
    host: str = "hub.example",
    compress: bool = False,
    policy: str = "frame-ancestors 'self'",
) -> HTTPResponse:
    """What a guarded server says to a browser that knows it as `host`."""

    async def ask() -> HTTPResponse:
        app = Application([(r".*", Echo)], base_url=base, compress_response=compress, policy=policy)
        guard(app, root)
        socket, port = bind_unused_port()
        server = HTTPServer(app)
        server.add_socket(socket)
        try:
            address, headers = f"http://127.0.0.1:{port}{path}", {"Host": host}
            return await AsyncHTTPClient().fetch(address, headers=headers, raise_error=False)
        finally:
            server.stop()
            await server.close_all_connections()

    return asyncio.run(ask())


@pytest.mark.parametrize("base", ["/", "/user/ada/"])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *[(path, "sandbox") for path in ("files/a.html", "files/labs/%2e%2e/class/x.svg", "nbconvert/html/a.ipynb")],
        *[
            (path, "sandbox")
            for path in ("view/a.html", "formgrader/submissions/1/x.html", "formgrader/submissions/1//x")
        ],
        *[
            (path, "sandbox")
            for path in ("formgrader/submissions/1/..%2fx.html", "formgrader/submissions/1/a/b.svg?v=1")
        ],
        *[
            (path, "object-src")
            for path in ("formgrader/submissions/1/", "formgrader/submissions/1", "formgrader/submissions/1/?index=2")
        ],
        *[
            (path, "frame-ancestors")
            for path in ("lab", "formgrader/gradebook", "formgrader/submissions/components/a.js", "x/files/a")
        ],
    ],
)
def test_each_address_has_its_policy(tmp_path: Path, base: str, path: str, kind: str) -> None:
    said = answer(base + path, tmp_path, base).headers
    assert said["Content-Security-Policy"].startswith(kind)
    assert (said.get("X-Content-Type-Options") == "nosniff") == (kind == "sandbox")


def test_on_a_hub_the_server_frames_formgrader_and_nothing_else(tmp_path: Path) -> None:
    """JupyterLab shows formgrader in a frame; JupyterHub forbids all frames."""
    policies = {}
    own = ("formgrader", "formgrader/", "formgrader/gradebook/x", "formgrader/manage_submissions/x")
    others = (
        "lab",
        "formgraders",
        "x/formgrader/",
        "api/contents/formgrader",
        "formgrader/submissions/components/a.js",
    )
    for path in (*own, *others):
        said = answer(f"/user/gil/{path}", tmp_path, "/user/gil/", policy="frame-ancestors 'none'; report-uri /x")
        policies[path] = said.headers["Content-Security-Policy"]
    assert {policies[path] for path in own} == {"frame-ancestors 'self'; report-uri /x"}
    assert {policies[path] for path in others} == {"frame-ancestors 'none'; report-uri /x"}


@pytest.mark.parametrize("compress", [False, True])
def test_scripts_of_the_page_run_and_links_into_the_server_are_gone(tmp_path: Path, compress: bool) -> None:
    reply = answer("/formgrader/submissions/1/", tmp_path, compress=compress)
    body, policy = reply.body.decode(), reply.headers["Content-Security-Policy"]
    assert re.findall(r'href="([^"]*)"', body, re.IGNORECASE) == ["https://a.example/x", "#x"]
    assert "script-src hub.example/formgrader/static/ " in policy
    assert policy.count("'sha256-") == 2  # the head's script and the button's handler, nothing of the notebook's
    assert "'unsafe-inline'" not in policy


def test_formgrader_takes_no_other_course(tmp_path: Path) -> None:
    inside = tmp_path / "class" / "submitted" / "mallory"
    inside.mkdir(parents=True)
    (tmp_path / "link").symlink_to(inside)
    refused = [f"/formgrader?path={path}" for path in (inside, tmp_path / "link", tmp_path.parent, "/tmp/", "%2e")]
    refused += [f"/formgrader/?path={tmp_path}&path={inside}", f"/formgrader?p%61th={inside}"]
    for path in refused:
        assert answer(path, tmp_path).code == 403, path
    for path in (
        "/formgrader",
        "/formgrader/?path=",
        f"/formgrader?path={tmp_path}",
        f"/formgrader/api/x?path={inside}",
    ):
        assert answer(path, tmp_path).code == 200, path
