"""Contour and Envoy: serve Ingress, HTTPRoute and GRPCRoute, and truly split traffic."""

import json
from pathlib import Path

from testbed import api
from testbed.processes import INSIDE, Processes
from testbed.settings import LOOPBACK, Settings
from testbed.shell import run, succeeds

NAMESPACE = "gateway-system"
NAME = "public"
PATH = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/gateways/{NAME}"
# Kinds of the experimental channel, which is not installed.
ABSENT = ("tlsroutes", "tcproutes", "backendtlspolicies")
OBJECTS = Path(__file__).parent / "manifests/gateway.yaml"


def start(processes: Processes, programs: Path, envoy: Path) -> None:
    """Return when the Gateway is programmed and Envoy has it."""
    settings = processes.settings
    install_objects(settings, programs)
    start_contour(processes, programs / "contour")
    processes.wait("contour", "Contour", lambda: succeeds(*CONTOUR_READY))
    bootstrap = settings.state / "envoy.json"
    run(
        programs / "contour", "bootstrap", bootstrap,
        f"--xds-address={LOOPBACK}", "--xds-port=8001", "--xds-resource-version=v3",
        f"--admin-address={settings.state}/envoy-admin.sock",
    )  # fmt: skip
    processes.run(
        "envoy", envoy, "-c", bootstrap,
        "--service-cluster", NAMESPACE, "--service-node", "envoy",
        "--disable-hot-restart", "--concurrency", "1", "--log-level", "warn",
        inside=True,
    )  # fmt: skip
    processes.wait("envoy", "Envoy", lambda: succeeds(*ENVOY_READY))
    processes.wait(
        "contour", "programmed Gateway", lambda: api.has_condition(settings, PATH, "Programmed")
    )


CURL = (*INSIDE, "curl", "-fsS", "--max-time", "2")
CONTOUR_READY = (*CURL, f"http://{LOOPBACK}:8000/healthz")
ENVOY_READY = (*CURL, f"http://{LOOPBACK}:8002/ready")


def install_objects(settings: Settings, programs: Path) -> None:
    kubectl = (settings.tool("kubectl"), "--kubeconfig", settings.kubeconfig)
    definitions = ("-f", programs / "gateway-api", "-f", programs / "contour-crds")
    run(*kubectl, "apply", "--server-side", *definitions)
    run(
        *kubectl, "wait", "--for=condition=Established", "--timeout=60s", *definitions
    )  # fmt: skip
    run(*kubectl, "apply", "--server-side", "-f", OBJECTS)


def start_contour(processes: Processes, contour: Path) -> None:
    settings = processes.settings
    config = settings.state / "contour.json"
    reference = {"namespace": NAMESPACE, "name": NAME}
    config.write_text(json.dumps({"gateway": {"gatewayRef": reference}}))
    processes.run(
        "contour", contour, "serve",
        "--insecure",  # its channel to Envoy is loopback inside the namespace
        f"--xds-address={LOOPBACK}", "--xds-port=8001",
        # The same address for both, or their one port is bound twice.
        f"--http-address={LOOPBACK}", f"--health-address={LOOPBACK}",
        f"--stats-address={LOOPBACK}",
        f"--envoy-service-http-address={LOOPBACK}", f"--envoy-service-https-address={LOOPBACK}",
        f"--ingress-status-address={LOOPBACK}",
        "--disable-leader-election",
        f"--kubeconfig={settings.kubeconfig}", f"--config-path={config}",
        *(f"--disable-feature={kind}" for kind in ABSENT),
        inside=True,
    )  # fmt: skip
