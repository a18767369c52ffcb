"""What the suites on both worlds share: the world, its cluster, and a namespace of one's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aks_action.clients.ports import Cluster
from tests.contract.clusters import FakeWorld, RealWorld, World


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return FakeWorld()
    found: World = request.getfixturevalue("real_world")
    return found


@pytest.fixture
def real_world(tmp_path: Path) -> World:
    kubeconfig = os.environ.get("KUBECONFIG", "")
    if not kubeconfig and not os.environ.get("CI"):
        pytest.skip("no test bed: run `make testbed`, or name a cluster with KUBECONFIG")
    return RealWorld(kubeconfig, tmp_path)


@pytest.fixture
def cluster(world: World) -> Cluster:
    return world.cluster


@pytest.fixture
def namespace(world: World) -> Iterator[str]:
    with world.namespace() as name:
        yield name
