"""Where the test bed lives and which addresses it uses: one per machine, for all checkouts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

# Unix sockets live here because their paths may have at most 107 characters.
RUN = Path("/run/aks-action-testbed")

NETNS = "aks-action-testbed"
CGROUP = "aks-action-testbed"
LOOPBACK = "127.0.0.1"

# The benchmark ranges of RFC 2544 belong to nobody, so a stray packet reaches nobody.
SERVICE_RANGE = "198.18.0.0/16"
SERVICE_API = "198.18.0.1"
POD_RANGE = "198.19.0.0/22"
NODE_ADDRESS = "198.19.255.1"
NODE_NAME = "node-1"
MAX_PODS = 500

REGISTRY_PORT = 5000
API_PORT = 6443
GATEWAY_PORT = 8080
REGISTRY = f"{LOOPBACK}:{REGISTRY_PORT}"
API_URL = f"https://{LOOPBACK}:{API_PORT}"
GATEWAY_URL = f"http://{LOOPBACK}:{GATEWAY_PORT}"
REGISTRY_USERNAME = "testbed"

DOCKER_SOCKET = Path("/var/run/docker.sock")
LOCK = Path("/run/aks-action-testbed.lock")


def recorded_state() -> Path | None:
    """The state folder of the test bed that was started on this machine."""
    try:
        state = Path((RUN / "state").read_text())
    except OSError:
        return None
    return state if state.is_dir() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The folders of one test bed; everything but `cache` goes away with `down`."""

    state: Path
    tools: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Follow AKS_ACTION_TESTBED, else what is up already, else XDG_STATE_HOME or its default.

        What is up already is found by every checkout and user of the machine.
        """
        home = Path(environment.get("HOME", "/root"))
        base = Path(environment.get("XDG_STATE_HOME") or home / ".local/state")
        chosen = environment.get("AKS_ACTION_TESTBED")
        state = Path(chosen) if chosen else recorded_state() or base / "aks-action-testbed"
        return cls(state=state.absolute(), tools=CHECKOUT / ".venv/bin")

    @property
    def cache(self) -> Path:
        return self.state / "cache"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def registry_password(self) -> Path:
        return self.state / "registry/password"

    @property
    def fingerprint(self) -> Path:
        """What the running test bed was built from; written last, when all of it is up."""
        return self.state / "fingerprint"

    def tool(self, name: str) -> Path:
        """A program of the project's .venv, else the one on PATH."""
        local = self.tools / name
        if local.exists():
            return local
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            if (found := Path(folder) / name).exists():
                return found
        return local
