"""A hub for a course: who is a student and who a grader, what each sees, and `grader serve` beside it.

`HUB` is a folder with `etc/students` and `etc/graders`, the configuration folders of the two roles; it says where all
else is. A real hub has an authenticator of its own in place of the dummy one.
"""

import json
import os
from pathlib import Path

c = get_config()  # noqa: F821 - traitlets puts it there
HUB = Path(os.environ["HUB"])
said = json.loads((HUB / "hub.json").read_text())
public, bin_folder = f"http://127.0.0.1:{said['port']}", Path(said["bin"])

c.JupyterHub.bind_url = public
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{said['hub_port']}"
c.ConfigurableHTTPProxy.command = said["proxy"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{said['proxy_port']}"
c.JupyterHub.db_url = f"sqlite:///{HUB}/hub/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{HUB}/hub/cookie_secret"
c.ConfigurableHTTPProxy.pid_file = f"{HUB}/hub/proxy.pid"
c.JupyterHub.cleanup_servers = True

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = said["password"]
c.Authenticator.allowed_users = {*said["students"], *said["graders"]}
c.JupyterHub.spawner_class = "localprocess"
c.Spawner.cmd = [str(bin_folder / "jupyterhub-singleuser")]
c.Spawner.args = ["--LabApp.expose_app_in_browser=True"]  # tests ask the page what it can do
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = c.Spawner.start_timeout = 300
c.LocalProcessSpawner.popen_kwargs = {"umask": 0o007}  # what a grader writes into class/, the other graders may change


def by_role(spawner):
    """Give students the configuration of students, graders that of graders and the course's folder."""
    is_grader = spawner.user.name in said["graders"]
    role = "graders" if is_grader else "students"
    spawner.environment |= {"JUPYTER_CONFIG_PATH": str(HUB / "etc" / role)}
    if is_grader:
        spawner.notebook_dir = said["course"]
    else:
        spawner.environment |= {"GRADER_SERVICE": f"{public}/services/grader"}


c.Spawner.pre_spawn_hook = by_role

# The service runs as the account that the course belongs to. Every server of a student may ask it, as that student.
c.JupyterHub.services = [
    {
        "name": "grader",
        "url": f"http://127.0.0.1:{said['service_port']}",
        "command": ["sh", "-c", f"umask 007; exec {bin_folder}/grader serve"],
        "cwd": said["course"],
        "user": "course",
        "environment": {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
    },
    {"name": "tests", "api_token": said["admin"]},
]
asks = "access:services!service=grader"
c.JupyterHub.load_roles = [
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", asks]},
    {"name": "user", "scopes": ["self", asks]},
    {"name": "tests", "scopes": ["admin:users", "tokens", "admin:servers"], "services": ["tests"]},
]
