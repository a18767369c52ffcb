"""A registry with a login, on the host's loopback."""

import base64
import json
import secrets
import urllib.error
import urllib.request

from testbed import network
from testbed.pki import write_private
from testbed.processes import Processes
from testbed.settings import REGISTRY, REGISTRY_PORT, REGISTRY_USERNAME, Settings
from testbed.shell import run


def write_config(settings: Settings) -> None:
    """Keep the password of a registry that was there before: clones share it."""
    folder = settings.registry_password.parent
    (folder / "data").mkdir(parents=True, exist_ok=True)
    if not settings.registry_password.exists():
        write_private(settings.registry_password, secrets.token_urlsafe(18))
    password = settings.registry_password.read_text()
    # -i: a password on the command line could be read by everybody in the process list
    line = run("htpasswd", "-inB", REGISTRY_USERNAME, stdin=password)
    write_private(folder / "htpasswd", line)
    config = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
        },
        "http": {"addr": REGISTRY},
        "auth": {"htpasswd": {"realm": "testbed", "path": str(folder / "htpasswd")}},
    }
    (folder / "config.yml").write_text(json.dumps(config, indent=1))


def answers(settings: Settings) -> bool:
    """True when the registry lets our user in."""
    password = settings.registry_password.read_text()
    login = base64.b64encode(f"{REGISTRY_USERNAME}:{password}".encode()).decode()
    request = urllib.request.Request(
        f"http://{REGISTRY}/v2/", headers={"Authorization": f"Basic {login}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def start(processes: Processes) -> None:
    settings = processes.settings
    write_config(settings)
    network.refuse_taken(REGISTRY_PORT, "registry")
    config = settings.state / "registry/config.yml"
    processes.run("registry", "docker-registry", "serve", config, inside=False)
    processes.wait("registry", "registry", lambda: answers(settings))
