"""How `grader serve` is a service of a JupyterHub: who asks, by the hub's word; where it listens; how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tornado.web import RequestHandler

from grader.course.paths import Course
from grader.live.serve import Identify, SaidError, Service, application, server

LOG = logging.getLogger(__name__)
TOKEN = re.compile(r"[\w.-]{1,200}", re.ASCII)
AS_SERVICE = (
    "the hub starts it: name it in c.JupyterHub.services of jupyterhub_config.py, with `name`, `url` and `command`; "
    "see grader/README.md, On a JupyterHub"
)


@dataclass(frozen=True)
class Place:
    """Where the hub wants a service: the prefix of its addresses, and where it listens."""

    prefix: str
    address: str
    port: int

    @staticmethod
    def of(environment: Mapping[str, str]) -> Place:
        """What the hub told. Raises LookupError: this process is no service of a hub."""
        prefix, url = (environment.get(f"JUPYTERHUB_SERVICE_{name}", "") for name in ("PREFIX", "URL"))
        parts = urlsplit(url)
        if not prefix.startswith("/") or not parts.hostname or not parts.port:
            raise LookupError(f"JUPYTERHUB_SERVICE_PREFIX and JUPYTERHUB_SERVICE_URL are not both set: {AS_SERVICE}.")
        return Place(f"{prefix.rstrip('/')}/", parts.hostname, parts.port)


def by_the_hub() -> Identify:
    """Who asks, by the hub's word: it knows whose a token is, and what it is for.

    Raises:
        LookupError: jupyterhub is not installed here.
    """
    try:
        from jupyterhub.services.auth import HubAuth
    except ImportError:
        raise LookupError("jupyterhub is not installed here: pip install 'nbgrader-parallel[hub]'.") from None
    hub = HubAuth()

    async def identify(handler: RequestHandler) -> str:
        kind, _, token = handler.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in ("token", "bearer") or not TOKEN.fullmatch(token):
            raise SaidError(401, "A token of the hub was expected: `Authorization: token …`.")
        model: dict[str, Any] | None = await hub.user_for_token(token, sync=False)
        if model is None:
            raise SaidError(403, "The hub does not know this token.")
        if model.get("kind", "user") != "user" or not hub.check_scopes(hub.access_scopes, model):
            raise SaidError(403, "This token is not for this service.")
        return str(model["name"])

    return identify


def serve(course: Course) -> None:
    """Serve until the hub ends it; what was asked by then is done.

    Raises:
        LookupError: this is no service of a hub, or the course says something of exams that is not so.
        OSError: it cannot listen there, or write into the class's folder.
    """
    place, identify = Place.of(os.environ), by_the_hub()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    service = Service(course, identify)
    try:
        asyncio.run(_until_told(service, place))
    finally:
        service.close()


async def _until_told(service: Service, place: Place) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    listening = server(application(service, place.prefix))
    listening.listen(place.port, place.address)
    LOG.info("serving %s: exams %s", place.prefix, ", ".join(service.exams.names) or "none")
    await ended.wait()
    listening.stop()
    await service.finished()
