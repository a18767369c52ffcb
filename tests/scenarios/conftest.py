"""A step, its namespace and its images, on the test bed."""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from aks_action.clients.kube.connection import connect
from aks_action.clients.ports import Cluster
from demo.bed import Bed, NoBed, find
from tests.faults.proxy import Proxy, api_server, proxy_before
from tests.scenarios.shop import SOAK
from tests.scenarios.support import Step, a_namespace


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long is left to `make soak`; of the rest, what may take longest begins first."""
    items.sort(key=_time_limit, reverse=True)  # so that in the end nobody works alone
    if SOAK:
        return
    long = [each for each in items if each.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [each for each in items if each not in long]


def _time_limit(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


@pytest.fixture(scope="session", name="bed")
def _bed() -> Bed:
    try:
        bed = find(os.environ)
    except NoBed as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))
    if not bed.server:
        pytest.skip("the scenarios need the test bed's small server")
    return bed


@pytest.fixture(scope="session", name="images")
def _images(bed: Bed) -> str:
    """The input `images`: the manifests call what they run `server` and `busybox`."""
    server = bed.publish(bed.server, "scenarios/server:1")
    busybox = bed.publish(bed.busybox, "scenarios/busybox:1")
    return f"server={server}\nbusybox={busybox}"


@pytest.fixture(scope="session", name="cluster")
def _cluster(bed: Bed) -> Cluster:
    return connect(bed.kubeconfig)


@pytest.fixture(name="namespace")
def _namespace(request: pytest.FixtureRequest, bed: Bed, cluster: Cluster) -> Iterator[str]:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).removeprefix("test-")
    name = f"s-{words[:40].strip('-')}-{secrets.token_hex(3)}"
    with a_namespace(bed, cluster, name):
        yield name


@pytest.fixture(name="proxy")
def _proxy(bed: Bed) -> Iterator[Proxy]:
    """Before the API server: an action can be killed at it after any write."""
    with proxy_before(api_server(bed.kubeconfig)) as proxy:
        yield proxy


@pytest.fixture(name="step")
def _step(bed: Bed, images: str, namespace: str, tmp_path: Path) -> Step:
    inputs = {
        "namespace": namespace,
        "manifests": "k8s",
        "images": images,
        "timeout": "60s",
    }
    return Step(bed, tmp_path, inputs)
