"""The Docker engine: the one that answers on the default socket, else one of our own."""

import http.client
import socket

from testbed.processes import Processes
from testbed.settings import DOCKER_SOCKET, RUN
from testbed.shell import run, say, succeeds


class UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(DOCKER_SOCKET))


def answers() -> bool:
    connection = UnixConnection("localhost")
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def start(processes: Processes) -> None:
    if answers():
        say("using the Docker engine that runs already")
        return
    state = processes.settings.state
    processes.run(
        "dockerd", "dockerd",
        "--host", f"unix://{DOCKER_SOCKET}",
        "--data-root", state / "docker",
        "--exec-root", RUN / "docker",
        "--pidfile", RUN / "docker.pid",
        inside=False,
    )  # fmt: skip
    processes.wait("dockerd", "Docker engine", answers)


def is_ours(processes: Processes) -> bool:
    return (processes.settings.state / "docker").exists()


def remove_traces() -> None:
    """What an engine of ours leaves in the kernel when it ends: its bridge and its rules."""
    if answers():
        return
    if succeeds("ip", "link", "show", "docker0"):
        run("ip", "link", "delete", "docker0")
    if "DOCKER" not in (rules := run("iptables-save")):
        return
    kept = [line for line in rules.splitlines() if not belongs_to_docker(line)]
    kept = [line.replace(":FORWARD DROP", ":FORWARD ACCEPT") for line in kept]
    run("iptables-restore", stdin="\n".join(kept) + "\n")


def belongs_to_docker(rule: str) -> bool:
    return "docker" in rule.lower() or "172.17.0.0/16" in rule
