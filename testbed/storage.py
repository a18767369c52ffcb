"""StorageClasses, and the process that makes and grows their volumes.

It is no part of what `up` compares: a test bed that runs already gets it, or a newer one, at once.
"""

import hashlib
import json
import sys
from pathlib import Path

from testbed import api, provisioner
from testbed.processes import Processes, recorded
from testbed.settings import API_URL, NODE_NAME, Settings
from testbed.shell import run, succeeds

SERVICE = "provisioner"
OBJECTS = Path(__file__).parent / "manifests/storage.yaml"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def start(processes: Processes) -> None:
    """Return when the classes are there and the provisioner runs; keeps one that does already.

    The program's name holds its digest, so that another one is another process to the keeper.
    """
    settings = processes.settings
    source = Path(provisioner.__file__).read_bytes()
    program = settings.state / f"provisioner-{hashlib.sha256(source).hexdigest()[:12]}.py"
    if not program.exists():
        program.write_bytes(source)
    config = settings.state / "provisioner.json"
    given = {
        "url": API_URL,
        "pki": str(settings.pki),
        "volumes": str(settings.state / "volumes"),
        "node": NODE_NAME,
    }
    config.write_text(json.dumps(given, indent=1))
    install_classes(settings)
    python = Path(sys.executable).resolve()  # a checkout with its .venv may go
    processes.run(SERVICE, python, "-I", program, config, inside=True)
    processes.wait(SERVICE, "provisioner of volumes", lambda: runs(processes))


def install_classes(settings: Settings) -> None:
    kubectl = (settings.tool("kubectl"), "--kubeconfig", settings.kubeconfig)
    if not succeeds(*kubectl, "apply", "--server-side", "-f", OBJECTS):
        # What a class does cannot be changed, and no claim minds that it is made anew.
        run(*kubectl, "delete", "--ignore-not-found", "-f", OBJECTS)
        run(*kubectl, "apply", "--server-side", "-f", OBJECTS)


def runs(processes: Processes) -> bool:
    return SERVICE in recorded() and SERVICE not in processes.lost()


def faults(processes: Processes) -> list[str]:
    """What a test bed of an older checkout may lack; `up` adds it."""
    found = [] if runs(processes) else ["the provisioner of volumes does not run"]
    listed = api.get(processes.settings, CLASSES) or {}
    if not listed.get("items"):
        found.append("there are no StorageClasses")
    return found
