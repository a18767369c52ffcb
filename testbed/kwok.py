"""Fake nodes, for more pods than one machine can run: they turn Ready without a container."""

import json

from testbed import binaries
from testbed.processes import Processes
from testbed.settings import Settings
from testbed.shell import TestbedError, run

FAKE = "kwok.x-k8s.io/node"


def start(settings: Settings, nodes: int) -> None:
    """Add fake nodes to a running test bed. Pods reach them by toleration and selector `FAKE`."""
    processes = Processes(settings=settings)
    if not processes.keeper_pid():
        raise TestbedError("the test bed is not up; `make testbed` starts it")
    programs = binaries.folder_of(settings, binaries.CLUSTER)
    stages = sorted((programs / "kwok-stages").glob("*.yaml"))
    processes.run(
        "kwok", programs / "kwok", f"--kubeconfig={settings.kubeconfig}",
        "--manage-all-nodes=false", f"--manage-nodes-with-annotation-selector={FAKE}=fake",
        "--node-ip=198.19.255.2", "--node-lease-duration-seconds=40",
        *(f"--config={stage}" for stage in stages),
        inside=True,
    )  # fmt: skip
    listed = {"apiVersion": "v1", "kind": "List", "items": [fake(n) for n in range(nodes)]}
    kubectl = (settings.tool("kubectl"), "--kubeconfig", settings.kubeconfig)
    run(*kubectl, "apply", "--server-side", "-f", "-", stdin=json.dumps(listed))
    run(*kubectl, "wait", "--for=condition=Ready", "node", "-l", f"{FAKE}=fake", "--timeout=60s")


def stop(settings: Settings) -> None:
    """Take the fake nodes away again, with what was on them."""
    kubectl = (settings.tool("kubectl"), "--kubeconfig", settings.kubeconfig)
    run(*kubectl, "delete", "node", "-l", f"{FAKE}=fake")
    Processes(settings=settings).end("kwok")


def fake(number: int) -> dict[str, object]:
    capacity = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"fake-{number}",
            "annotations": {FAKE: "fake"},
            "labels": {FAKE: "fake", "kubernetes.io/os": "linux", "type": "kwok"},
        },
        "spec": {"taints": [{"key": FAKE, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"capacity": capacity, "allocatable": capacity},
    }
