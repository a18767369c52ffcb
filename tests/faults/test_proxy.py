"""The proxy does what its faults say and nothing else, here before a server of scripted answers."""

import json
import ssl
import time
from collections.abc import Callable, Iterator

import pytest
import urllib3
from pytest_httpserver import HTTPServer
from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError
from werkzeug import Response

from tests.faults import acts
from tests.faults.proxy import LIST, WATCH, WRITE, Fault, Proxy, Upstream, proxy_before

THINGS = "/api/v1/namespaces/prod/things"
EVENTS = [b'{"number": %d}\n' % number for number in range(4)]

Ask = Callable[..., urllib3.BaseHTTPResponse]


@pytest.fixture(name="proxy")
def _proxy(httpserver: HTTPServer) -> Iterator[Proxy]:
    httpserver.expect_request(f"{THINGS}/a").respond_with_json({"name": "a"})
    httpserver.expect_request(THINGS, query_string="watch=1").respond_with_handler(
        lambda _: Response(iter(EVENTS))
    )
    httpserver.expect_request(THINGS).respond_with_json({"metadata": {}, "items": [1]})
    with proxy_before(Upstream(host=httpserver.host, port=httpserver.port)) as proxy:
        yield proxy


@pytest.fixture(name="ask")
def _ask(proxy: Proxy) -> Iterator[Ask]:
    tls = ssl.create_default_context(cadata=proxy.authority.cert_pem.bytes().decode())
    with urllib3.HTTPSConnectionPool(
        "127.0.0.1", proxy.port, ssl_context=tls, retries=False, timeout=1.0
    ) as pool:
        yield pool.request


def test_without_a_fault_the_servers_answers_come_as_they_are(proxy: Proxy, ask: Ask) -> None:
    """With their head, whole or as a stream; and what was asked is known afterwards."""
    answer = ask("GET", f"{THINGS}/a")
    assert (answer.json(), answer.headers["Content-Type"]) == ({"name": "a"}, "application/json")
    assert ask("HEAD", f"{THINGS}/a").headers["Content-Length"] == "19"
    assert ask("GET", f"{THINGS}?watch=1").data == b"".join(EVENTS)
    assert ask("PATCH", f"{THINGS}/a?x=1").status == 200
    assert [str(asked) for asked in proxy.requests] == [
        f"GET {THINGS}/a 200", f"HEAD {THINGS}/a 200", f"GET {THINGS} 200", f"PATCH {THINGS}/a 200",
    ]  # fmt: skip
    assert proxy.writes == [f"PATCH {THINGS}/a"]


@pytest.mark.parametrize(
    ("kind", "line", "is_one"),
    [
        (WRITE, f"PATCH {THINGS}/a?fieldManager=x", True),
        (WRITE, f"PATCH {THINGS}/a?fieldManager=x&dryRun=All", False),
        (WRITE, "PATCH /apis/coordination.k8s.io/v1/namespaces/prod/leases/x", False),
        (WRITE, "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", False),
        (WRITE, f"GET {THINGS}/a", False),
        (LIST, f"GET {THINGS}?limit=500", True),
        (LIST, f"GET {THINGS}/a", False),
        (WATCH, f"GET {THINGS}?watch=1&resourceVersion=3", True),
        (WATCH, f"GET {THINGS}?limit=500", False),
    ],
)
def test_requests_are_known_by_their_first_line(
    proxy: Proxy, kind: str, line: str, *, is_one: bool
) -> None:
    """Writes, lists and watches; a dry run and the lock are no writes."""
    proxy.arm(Fault(at=kind, act=acts.reset))
    assert (proxy.meet(line)[1] is not None) == is_one


def test_a_fault_meets_as_many_requests_as_it_says(proxy: Proxy, ask: Ask) -> None:
    """After some have passed; and until its time is over."""
    proxy.arm(Fault(at="GET", act=acts.answered(418), after=1, times=2))
    assert [ask("GET", f"{THINGS}/a").status for _ in range(4)] == [200, 418, 418, 200]
    proxy.arm(Fault(at="GET", act=acts.answered(418), seconds=0.2))
    assert ask("GET", f"{THINGS}/a").status == 418
    time.sleep(0.25)
    assert ask("GET", f"{THINGS}/a").status == 200


@pytest.mark.parametrize(
    ("act", "error", "reaches_the_server"),
    [
        (acts.reset, ProtocolError, False),
        (acts.lost, ProtocolError, True),
        (acts.half, ProtocolError, True),
        (acts.mute, ReadTimeoutError, False),
        (acts.silent, ReadTimeoutError, False),
        (acts.delayed(1.5), ReadTimeoutError, True),
    ],
)
def test_an_answer_that_does_not_come_is_told_from_a_request_that_did_not(
    proxy: Proxy, ask: Ask, act: acts.Act, error: type[Exception], *, reaches_the_server: bool
) -> None:
    """Whether the server has done it is what such a fault is about."""
    proxy.arm(Fault(at="PATCH", act=act))
    with pytest.raises(error):
        ask("PATCH", f"{THINGS}/a")
    time.sleep(0.7)
    assert (proxy.requests[0].status == 200) == reaches_the_server


def test_a_server_that_vanishes_refuses_connections(proxy: Proxy, ask: Ask) -> None:
    proxy.arm(Fault(at="GET", act=acts.vanish))
    with pytest.raises(ProtocolError):
        ask("GET", f"{THINGS}/a")
    with pytest.raises(NewConnectionError):
        ask("GET", f"{THINGS}/a")


def test_an_answer_that_drips_outlasts_the_time_between_two_bytes(proxy: Proxy, ask: Ask) -> None:
    proxy.arm(Fault(at="GET", act=acts.dripping(0.2)))
    answer = ask("GET", THINGS, preload_content=False)
    assert answer.read(5) == b" " * 5
    answer.close()


def test_a_list_that_never_ends_is_the_servers_own_again_and_again(proxy: Proxy, ask: Ask) -> None:
    proxy.arm(Fault(at=LIST, act=acts.endless))
    first, second = (ask("GET", f"{THINGS}?limit=1&continue={each}").json() for each in "ab")
    assert first["items"] == second["items"] == [1]
    assert first["metadata"]["continue"] != second["metadata"]["continue"]


@pytest.mark.parametrize(
    ("act", "numbers"),
    [
        (acts.doubled, [0, 0, 1, 1, 2, 2, 3, 3]),
        (acts.reordered, [1, 0, 3, 2]),
        (acts.cut_after(2), [0, 1]),
        (acts.silent_after(3), [0, 1, 2]),
    ],
)
def test_the_events_of_a_watch_are_changed_on_their_way(
    proxy: Proxy, ask: Ask, act: acts.Act, numbers: list[int]
) -> None:
    proxy.arm(Fault(at=WATCH, act=act))
    read = b""
    try:
        for piece in ask("GET", f"{THINGS}?watch=1", preload_content=False).stream():
            read += piece
    except (ProtocolError, ReadTimeoutError):
        assert act not in (acts.doubled, acts.reordered)
    lines = [line for line in read.splitlines(keepends=True) if line.endswith(b"\n")]
    assert [json.loads(line)["number"] for line in lines] == numbers


def test_who_uses_it_is_killed_after_a_write_and_no_later_one_comes_through(
    proxy: Proxy, ask: Ask
) -> None:
    killed = []
    proxy.kill = lambda: killed.append(len(proxy.writes))
    proxy.arm(Fault(at=WRITE, act=acts.Killing(2)))
    assert ask("PATCH", f"{THINGS}/a").status == 200
    for _ in range(2):
        with pytest.raises(ProtocolError):
            ask("PATCH", f"{THINGS}/a")
    assert (killed, len(proxy.writes)) == ([2], 2)
