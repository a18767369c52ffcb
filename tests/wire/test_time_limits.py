"""Every answer ends: whatever a server does, a request is over within the step's time limit."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from aks_action.clients import clock as clocks
from aks_action.clients.clock import CLOSING_SECONDS, SystemClock, TimeLimit, within
from aks_action.clients.http import Http
from aks_action.clients.kube import transport
from aks_action.clients.kube.api import KubeCluster
from aks_action.clients.kube.connection import connect
from aks_action.clients.kube.transport import Patience
from aks_action.errors import ActionError, ApplyError, AuthError
from aks_action.model.manifests import ObjectRef
from tests.fakes.clock import FakeClock
from tests.wire.kubernetes import (
    APIS,
    CORE,
    DOCUMENT,
    OK,
    PATH,
    REF,
    answers,
    kubeconfig,
    response,
    status,
)  # fmt: skip
from tests.wire.scripted import (
    ENDLESS,
    HEAD,
    Script,
    chunk,
    drips_its_body,
    says_nothing,
    scripted_server,
)  # fmt: skip

SOON = 3.0
"""Seconds in which what has a second to end has ended, on a machine that is busy."""


def known(script: Script) -> Script:
    """A server that serves discovery, and is odd about everything else."""

    def answer(connection: socket.socket, line: str) -> None:
        target = line.split()[1]
        if target in ("/api", "/apis"):
            body = json.dumps(CORE if target == "/api" else APIS)
            connection.sendall(HEAD + chunk(body) + chunk(""))
        else:
            script(connection, line)

    return answer


@contextmanager
def cluster_of(script: Script, *, seconds: float) -> Iterator[KubeCluster]:
    with scripted_server(script) as host:
        yield connect(kubeconfig(f"http://{host}"), limit=TimeLimit(SystemClock(), seconds))


def ends_soon(call: Callable[[], object]) -> ActionError:
    begun = time.monotonic()
    with pytest.raises(ActionError) as caught:
        call()
    assert time.monotonic() - begun < SOON
    return caught.value


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "_SHORTEST_REQUEST", 0.3)


def get(cluster: KubeCluster) -> object:
    return cluster.get(REF)


@pytest.mark.parametrize(
    ("script", "call"),
    [
        *((script, get) for script in ENDLESS),
        (drips_its_body, lambda cluster: cluster.list("v1", "ConfigMap", namespace="prod")),
        (drips_its_body, lambda cluster: cluster.apply(DOCUMENT)),
        (drips_its_body, lambda cluster: cluster.delete(REF)),
    ],
)
def test_a_request_to_a_server_that_never_ends_its_answer_ends_with_the_step(
    script: Script, call: Callable[[KubeCluster], object]
) -> None:
    with cluster_of(known(script), seconds=60) as cluster:
        cluster.types()
        cluster._transport._limit.until = time.monotonic() + 0.5  # type: ignore[attr-defined]
        ends_soon(lambda: call(cluster))


@pytest.mark.parametrize("script", ENDLESS)
def test_asking_what_is_served_ends_with_the_step(script: Script) -> None:
    with cluster_of(script, seconds=0.5) as cluster:
        ends_soon(cluster.types)


@pytest.mark.parametrize("script", [drips_its_body, says_nothing])
def test_a_watch_and_a_log_end_with_the_step(script: Script) -> None:
    pod = ObjectRef(api_version="v1", kind="Pod", name="a", namespace="prod")

    def watch(cluster: KubeCluster) -> None:
        with cluster.watch(
            "v1", "Pod", namespace="prod", resource_version="1", timeout_seconds=60
        ) as events:
            list(events)

    def log(cluster: KubeCluster) -> None:
        with cluster.follow_log(pod, container="app") as lines:
            list(lines)

    for read in (watch, log):
        with cluster_of(known(script), seconds=60) as cluster:
            cluster.types()
            cluster._transport._limit.until = time.monotonic() + 0.5  # type: ignore[attr-defined]
            begun = time.monotonic()
            with suppress(ActionError):
                read(cluster)
            assert time.monotonic() - begun < SOON


def test_a_handshake_that_never_ends_is_given_up_with_the_step() -> None:
    with scripted_server(says_nothing) as host:
        limit = TimeLimit(SystemClock(), 0.5)
        ends_soon(connect(kubeconfig(f"https://{host}"), limit=limit).types)


def test_nothing_is_asked_any_more_when_the_step_is_over(server: HTTPServer) -> None:
    """What closes the step has a few seconds in all, however much there is to close."""
    clock = FakeClock()
    limit = TimeLimit(clock, 60)
    cluster = connect(kubeconfig(server.url_for("")), limit=limit)
    answers(server, "GET", f"{PATH}/settings", response(OK))
    clock.advance(60 + CLOSING_SECONDS / 2)
    assert cluster.get(REF) == OK
    clock.advance(CLOSING_SECONDS)
    asked = len(server.log)
    with pytest.raises(ApplyError, match=r"was not asked to get .*the time limit of this step"):
        cluster.get(REF)
    assert len(server.log) == asked


def test_a_server_may_take_as_long_for_a_write_as_an_api_server_does() -> None:
    """34 s with its webhooks (`requestTimeoutUpperBound`), and some more on the way."""
    assert Patience().read > 34 + 2


def test_time_for_others_is_not_counted() -> None:
    clock = FakeClock()
    limit = TimeLimit(clock, 60)
    with limit.besides(300):
        clock.advance(200)
        assert limit.left() == 160
    assert limit.left() == 60


@pytest.mark.parametrize("script", ENDLESS)
def test_any_other_server_that_never_ends_its_answer_is_left_with_the_step(script: Script) -> None:
    """Of a registry, of Azure, of GitHub, or where manifests lie."""
    with scripted_server(script) as host:
        http = Http(limit=TimeLimit(SystemClock(), 0.5), error=lambda no: ActionError(no.sentence))
        ends_soon(lambda: http.send("GET", f"http://{host}/"))


@pytest.mark.parametrize("script", ENDLESS)
def test_any_other_server_that_never_ends_its_answer_is_left_with_the_patience_of_the_request(
    script: Script,
) -> None:
    """Also in a step that has much time."""
    with scripted_server(script) as host:
        http = Http(
            limit=TimeLimit(SystemClock()),
            error=lambda no: ActionError(no.sentence),
            patience=0.5,
        )
        ends_soon(lambda: http.send("GET", f"http://{host}/"))


def test_a_library_is_left_behind_when_its_time_is_over() -> None:
    over = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.1, over.wait)
    over.set()
    assert within(SOON, lambda: 7) == 7


# Too much


def pages(server: HTTPServer, answer: Callable[[int, int], dict[str, Any]]) -> list[int]:
    """Pages by their number and their size; the sizes that were asked for."""
    sizes: list[int] = []

    def page(request: Request) -> Response:
        sizes.append(int(request.args.get("limit", 0)))
        return response(answer(len(sizes), sizes[-1]))

    server.expect_request(PATH, method="GET").respond_with_handler(page)
    return sizes


def item(number: int, text: str = "") -> dict[str, Any]:
    return {"metadata": {"name": f"item-{number}", "namespace": "prod"}, "data": {"a": text}}


@pytest.mark.parametrize("names", [[1, 1], [1, 2, 1], [1, 2, 3, None]])
def test_pages_that_have_no_end_are_told(
    server: HTTPServer, cluster: KubeCluster, names: list[int | None]
) -> None:
    """The same objects again, or none at all, and always a further page."""

    def page(number: int, _size: int) -> dict[str, Any]:
        name = names[min(number, len(names)) - 1]
        items = [] if name is None else [item(name)]
        return {"items": items, "metadata": {"continue": f"page-{number}"}}

    sizes = pages(server, page)
    with pytest.raises(ApplyError, match="configmaps in pages that have no end"):
        cluster.list("v1", "ConfigMap", namespace="prod")
    assert len(sizes) <= len(names)


def test_pages_that_are_too_long_are_asked_for_in_shorter_ones(
    server: HTTPServer, cluster: KubeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 large Secrets may be more than anybody wants to have at once."""
    monkeypatch.setattr(transport, "MOST_BYTES", 20_000)

    def page(number: int, size: int) -> dict[str, Any]:
        more = {"continue": "more"} if number < 5 else {}
        return {
            "items": [item(100 * number + n, "x" * 1000) for n in range(size)],
            "metadata": more,
        }

    sizes = pages(server, page)
    assert len(cluster.list("v1", "ConfigMap", namespace="prod").items) == 15
    assert sizes == [500, 50, 5, 5, 5]


def test_an_object_that_is_larger_than_any_is_refused(
    server: HTTPServer, cluster: KubeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 1024 * 1024)
    answers(server, "GET", f"{PATH}/settings", response(item(1, "x" * 2_000_000)))
    with pytest.raises(ApplyError, match="more than 1 MB in one answer"):
        cluster.get(REF)


# The first request


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_server_that_starts_is_waited_for_from_the_first_request_on(
    httpserver: HTTPServer, clock: FakeClock, code: int
) -> None:
    """As an API server that is upgraded answers for its first seconds."""
    until = clock.now() + 10

    def serve(body: dict[str, Any]) -> Callable[[Request], Response]:
        down = status(code, "starting", "ServiceUnavailable")
        return lambda _: response(body if clock.now() > until or code == 500 else down)

    httpserver.expect_request("/api").respond_with_handler(serve(CORE))
    httpserver.expect_request("/apis").respond_with_handler(serve(APIS))
    cluster = connect(kubeconfig(httpserver.url_for("")), limit=TimeLimit(clock, 60))
    assert ("v1", "ConfigMap") in cluster.types()


def test_a_server_that_is_gone_is_told_with_the_time_since_when(clock: FakeClock) -> None:
    with scripted_server(known(says_nothing)) as host:
        cluster = connect(kubeconfig(f"http://{host}"), limit=TimeLimit(clock))
        cluster.types()
    with pytest.raises(ApplyError) as caught:
        cluster.get(REF)
    told = f"The API server at http://{host} cannot be reached since "
    assert told in str(caught.value)
    assert str(caught.value).endswith(" UTC.")


@pytest.mark.parametrize(("times", "ends"), [(1, True), (5, True), (99, False)])
def test_a_401_of_a_server_that_knew_us_before_is_tried_again_for_a_while(
    server: HTTPServer, cluster: KubeCluster, clock: FakeClock, times: int, *, ends: bool
) -> None:
    """An API server that has just started may not know yet who is who."""
    cluster.types()
    unknown = response(status(401, "Unauthorized"))
    asked = answers(server, "GET", f"{PATH}/settings", *[unknown] * times, response(OK))
    if ends:
        assert cluster.get(REF) == OK
    else:
        begun = clock.now()
        with pytest.raises(AuthError, match="does not accept the credentials"):
            cluster.get(REF)
        assert clock.now() - begun < 15
        assert len(asked) < 12


def test_a_401_of_a_server_that_never_knew_us_is_tried_once_more(
    httpserver: HTTPServer, clock: FakeClock
) -> None:
    unknown = response(status(401, "Unauthorized"))
    asked = answers(httpserver, "GET", "/api", unknown)
    answers(httpserver, "GET", "/apis", unknown)
    with pytest.raises(AuthError):
        connect(kubeconfig(httpserver.url_for(""), token="hush"), limit=TimeLimit(clock)).types()
    assert len(asked) == 2


def test_a_401_to_a_watch_is_tried_again(server: HTTPServer, cluster: KubeCluster) -> None:
    cluster.types()
    event = json.dumps({"type": "ADDED", "object": OK}) + "\n"
    answers(server, "GET", PATH, response(status(401, "Unauthorized")), Response(event))
    with cluster.watch(
        "v1", "ConfigMap", namespace="prod", resource_version="1", timeout_seconds=60
    ) as events:
        assert [each.object for each in events] == [OK]


def test_a_wish_that_is_longer_than_the_step_is_told_with_its_end(
    server: HTTPServer, cluster: KubeCluster, clock: FakeClock
) -> None:
    busy = response(status(429, "slow down", "TooManyRequests"), **{"Retry-After": "3600"})
    answers(server, "GET", f"{PATH}/settings", busy)
    with pytest.raises(ActionError) as caught:
        cluster.get(REF)
    assert clock.slept == []
    assert "left alone for 1 h, until " in caught.value.problems[-1].message
