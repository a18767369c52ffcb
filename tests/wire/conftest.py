"""A client of the API server, before a server that each test makes answer as it likes."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from aks_action.clients.clock import TimeLimit
from aks_action.clients.kube.api import KubeCluster
from aks_action.clients.kube.connection import connect
from tests.fakes.clock import FakeClock
from tests.wire.kubernetes import APIS, CORE, kubeconfig


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="server")
def _server(httpserver: HTTPServer) -> HTTPServer:
    httpserver.expect_request("/api").respond_with_json(CORE)
    httpserver.expect_request("/apis").respond_with_json(APIS)
    return httpserver


@pytest.fixture(name="cluster")
def _cluster(server: HTTPServer, clock: FakeClock) -> KubeCluster:
    return connect(kubeconfig(server.url_for(""), token="hush"), limit=TimeLimit(clock))
