"""What the student's JupyterLab shows and leaves out: its configuration, made anew for each start in a folder apart.

Nothing is written into the environment or the user's settings: an instructor's JupyterLab in the same environment, and
the same student's other JupyterLabs, stay as they are.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labkit.exercises import notebook_of, title_of

EXTENSIONS = Path(__file__).parent / "labextensions"
CARDS = "labkitRoom"  # the key of the page's configuration that room.js reads
NBGRADER = "@jupyter/nbgrader:"
FOR_INSTRUCTORS = ("create-assignment", "formgrader", "course-list", "menu")
NEVER = (
    *(NBGRADER + name for name in FOR_INSTRUCTORS),
    "@jupyterlab/apputils-extension:announcements",  # the "Jupyter news" box, which also asks the network
    "@jupyterlab/extensionmanager-extension:plugin",
    "jupyterlab-jupytext:plugin",  # in an environment that has the grader too
)
SERVER_EXTENSIONS = "nbgrader.server_extensions."
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}


@dataclass(frozen=True)
class Room:
    """A folder of labs, `start` the notebook to open first, and whether assignments can be fetched and submitted."""

    folder: Path
    labs: tuple[Path, ...]
    exchange: bool

    @classmethod
    def of(cls, folder: Path) -> Room:
        """The room of a folder: its labs are the folders that have a notebook of their own name."""
        folders = sorted(path for path in folder.iterdir() if path.is_dir())
        notebooks = tuple(notebook for one in folders if (notebook := notebook_of(one)).is_file())
        return cls(folder, notebooks, has_exchange(folder))

    @property
    def start(self) -> Path | None:
        """The first notebook, the start page."""
        return self.labs[0] if self.labs else None


def furnish(room: Room, config: Path) -> list[str]:
    """Write JupyterLab's configuration of a room into `config`, make it count, and give the options to start with."""
    absent = [*NEVER, *([] if room.exchange else [NBGRADER + "assignment-list"])]
    served = {"formgrader": False, "course_list": False, "assignment_list": room.exchange, "validate_assignment": True}
    extensions = {SERVER_EXTENSIONS + name: wanted for name, wanted in served.items()}
    extensions["jupyterlab_jupytext"] = False
    page = {"disabledExtensions": dict.fromkeys(absent, True), CARDS: json.dumps(_cards(room))}
    _write(config / "labconfig" / "page_config.json", page)
    _write(config / "labconfig" / "default_setting_overrides.json", SETTINGS)
    _write(config / "jupyter_server_config.json", {"ServerApp": {"jpserver_extensions": extensions}})
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([str(config), *([others] if others else [])])
    options = [f"--ServerApp.root_dir={room.folder.resolve()}", f"--LabApp.extra_labextensions_path={EXTENSIONS}"]
    if room.start is not None:
        options.append(f"--LabApp.default_url=/lab/tree/{quote(_seen(room, room.start))}")
    return options


def has_exchange(folder: Path) -> bool:
    """Whether nbgrader, as it is configured for `folder`, has an exchange here: its folder exists, or it needs none."""
    try:
        from nbgrader.apps import NbGrader
        from nbgrader.exchange import ExchangeFactory

        app = NbGrader()
        with contextlib.chdir(folder):  # nbgrader's server extensions look in the folder that JupyterLab runs in
            app.load_config_file()
        listing = ExchangeFactory(config=app.config).List(config=app.config)
    except Exception:  # noqa: BLE001 - nbgrader is absent, or cannot be configured here: then there is none
        return False
    return listing.root is None or Path(listing.root).is_dir() if hasattr(listing, "root") else True


def _cards(room: Room) -> dict[str, Any]:
    """What room.js makes cards of: a lab's path as JupyterLab sees it, and its title."""
    cards = []
    for notebook in room.labs:
        title = title_of(notebook) or notebook.stem
        cards.append({"path": _seen(room, notebook), "label": title})
    return {"labs": cards, "assignments": room.exchange}


def _seen(room: Room, notebook: Path) -> str:
    return notebook.relative_to(room.folder).as_posix()


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
