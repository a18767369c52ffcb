"""The test bed itself: a pod from the registry, a Service and an HTTPRoute, all of them real."""

import json
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

ENVIRONMENT = Path(__file__).parents[2] / ".testbed/env"
KEYS = {
    "KUBECONFIG",
    "REGISTRY",
    "REGISTRY_USERNAME",
    "REGISTRY_PASSWORD",
    "NETNS",
    "GATEWAY_URL",
}

pytestmark = pytest.mark.skipif(not ENVIRONMENT.exists(), reason="`make testbed` was not run")


def run(*argv: str, given: str = "") -> str:
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv[:4]}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def bed() -> dict[str, str]:
    lines = ENVIRONMENT.read_text().splitlines()
    return {name: shlex.split(value)[0] for name, _, value in (x.partition("=") for x in lines)}


def kubectl(bed: dict[str, str], *arguments: str, given: str = "") -> str:
    return run(bed["KUBECTL"], "--kubeconfig", bed["KUBECONFIG"], *arguments, given=given)


def inside(bed: dict[str, str], url: str, host: str) -> str:
    """What a GET from inside the network namespace answers, or curl's complaint."""
    header = ("-H", f"Host: {host}") if host else ()
    enter = ("nsenter", f"--net=/run/netns/{bed['NETNS']}", "--")
    command = (*enter, "curl", "-sS", "--max-time", "5", *header, url)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


def eventually(bed: dict[str, str], url: str, host: str, answer: str) -> None:
    deadline = time.monotonic() + 30
    while (got := inside(bed, url, host)) != answer:
        assert time.monotonic() < deadline, f"{url} for {host} answers {got!r}, not {answer!r}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def namespace(bed: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A namespace with a Ready pod of an image that only the registry with its login has."""
    name = f"testbed-{uuid.uuid4().hex[:8]}"
    image = f"{bed['REGISTRY']}/{name}/server:1"
    # The login stays out of the developer's own ~/.docker/config.json.
    config = str(tmp_path_factory.mktemp("docker"))
    docker = ("docker", "--config", config, "--host", "unix:///var/run/docker.sock")
    run(*docker, "tag", bed["SERVER_IMAGE"], image)
    run(
        *docker, "login", bed["REGISTRY"], "-u", bed["REGISTRY_USERNAME"], "--password-stdin",
        given=bed["REGISTRY_PASSWORD"],
    )  # fmt: skip
    run(*docker, "push", "-q", image)
    kubectl(bed, "create", "namespace", name)
    try:
        kubectl(
            bed, "-n", name, "create", "secret", "docker-registry", "pull",
            f"--docker-server={bed['REGISTRY']}",
            f"--docker-username={bed['REGISTRY_USERNAME']}",
            f"--docker-password={bed['REGISTRY_PASSWORD']}",
        )  # fmt: skip
        kubectl(bed, "apply", "-f", "-", given=json.dumps(application(bed, name, image)))
        yield name
    finally:
        kubectl(bed, "delete", "namespace", name, "--wait=false")
        run(*docker, "rmi", image)


def application(bed: dict[str, str], namespace: str, image: str) -> dict[str, object]:
    labels = {"app": "server"}
    container = {
        "name": "server",
        "image": image,
        "env": [{"name": "VERSION", "value": "one"}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
    }
    meta = {"name": "server", "namespace": namespace}
    gateway_namespace, _, gateway = bed["GATEWAY"].partition("/")
    backend = {"name": "server", "port": 80}
    pod = {"containers": [container], "imagePullSecrets": [{"name": "pull"}]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": meta,
        "spec": {
            "parentRefs": [{"name": gateway, "namespace": gateway_namespace}],
            "hostnames": [f"{namespace}.route.test"],
            "rules": [{"backendRefs": [backend]}],
        },
    }
    http_path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": "server", "port": {"number": 80}}},
    }
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta,
        "spec": {
            "ingressClassName": "contour",
            "rules": [{"host": f"{namespace}.ingress.test", "http": {"paths": [http_path]}}],
        },
    }
    return {"apiVersion": "v1", "kind": "List", "items": [deployment, service, route, ingress]}


def test_the_environment_file_names_all_parts(bed: dict[str, str]) -> None:
    assert bed.keys() >= KEYS
    assert all(bed[key] for key in KEYS)


def test_the_api_server_is_ready(bed: dict[str, str]) -> None:
    assert kubectl(bed, "get", "--raw", "/readyz") == "ok"


def test_a_pod_of_an_image_behind_a_login_gets_ready(bed: dict[str, str], namespace: str) -> None:
    kubectl(bed, "-n", namespace, "rollout", "status", "deployment/server", "--timeout=60s")


def test_the_api_server_reaches_the_kubelet_for_a_log(bed: dict[str, str], namespace: str) -> None:
    kubectl(bed, "-n", namespace, "rollout", "status", "deployment/server", "--timeout=60s")
    assert "version one listens" in kubectl(bed, "-n", namespace, "logs", "deployment/server")


def test_a_cluster_ip_answers_inside_the_namespace(bed: dict[str, str], namespace: str) -> None:
    address = kubectl(
        bed, "-n", namespace, "get", "service", "server", "-o", "jsonpath={.spec.clusterIP}"
    )
    kubectl(bed, "-n", namespace, "rollout", "status", "deployment/server", "--timeout=60s")
    eventually(bed, f"http://{address}/", "", "one\n")


@pytest.mark.parametrize("kind", ["route", "ingress"])
def test_the_gateway_serves_an_http_route_and_an_ingress(
    bed: dict[str, str], namespace: str, kind: str
) -> None:
    eventually(bed, bed["GATEWAY_URL"], f"{namespace}.{kind}.test", "one\n")


def test_a_claim_is_bound_and_grows_if_its_class_lets_it(
    bed: dict[str, str], namespace: str
) -> None:
    """The one that waits for its first pod waits."""
    classes = ("expandable", "not-expandable", "on-first-use")
    claims = [claim(namespace, each) for each in classes]
    listed = {"apiVersion": "v1", "kind": "List", "items": claims}
    kubectl(bed, "apply", "-f", "-", given=json.dumps(listed))
    wait = ("-n", namespace, "wait", "--timeout=30s")
    for name in classes[:2]:
        kubectl(bed, *wait, "--for=jsonpath={.status.phase}=Bound", f"pvc/{name}")
    more = json.dumps({"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    patch = ("-n", namespace, "patch", "-p", more, "pvc")
    kubectl(bed, *patch, "expandable")
    kubectl(bed, *wait, "--for=jsonpath={.status.capacity.storage}=2Gi", "pvc/expandable")
    with pytest.raises(AssertionError, match="must support resize"):
        kubectl(bed, *patch, "not-expandable")
    phase = ("-n", namespace, "get", "pvc", "on-first-use", "-o", "jsonpath={.status.phase}")
    assert kubectl(bed, *phase) == "Pending"


def claim(namespace: str, storage_class: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": storage_class, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
