"""What any server but a cluster may do to a request, and what is made of it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from aks_action.clients.clock import TimeLimit
from aks_action.clients.http import Http
from aks_action.clients.http_faults import NoAnswer, Why
from aks_action.errors import ActionError
from tests.fakes.clock import FakeClock
from tests.wire.scripted import HEAD, chunk, scripted_server, tls_alert

DECODE_ERROR, HANDSHAKE_FAILURE = map(tls_alert, (50, 40))


class Refused(ActionError):  # noqa: N818 - reads as what happened
    """Keeps what was told."""

    def __init__(self, answer: NoAnswer) -> None:
        super().__init__(answer.sentence)
        self.why = answer.why


def hello(connection: socket.socket, _line: str) -> None:
    connection.sendall(HEAD + chunk("hello") + chunk(""))


@pytest.fixture(name="authority", scope="module")
def _authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(name="server")
def _server(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="http")
def _http(authority: trustme.CA, clock: FakeClock, tmp_path: Path) -> Http:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return Http(limit=TimeLimit(clock), error=Refused, ca_file=str(file))


def refused(call: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def test_a_handshake_that_breaks_is_tried_again(
    http: Http, clock: FakeClock, server: ssl.SSLContext
) -> None:
    """A load balancer that changes hands answers some handshakes with nonsense."""
    with scripted_server(hello, server, instead=[DECODE_ERROR] * 2) as host:
        assert http.send("GET", f"https://{host}/").body == b"hello"
    assert clock.slept == [0.2, 0.5]


def test_a_host_whose_handshakes_all_break_is_given_up_soon(
    http: Http, clock: FakeClock, server: ssl.SSLContext
) -> None:
    with scripted_server(hello, server, instead=[DECODE_ERROR] * 9) as host:
        error = refused(lambda: http.send("GET", f"https://{host}/"))
    assert host in str(error)
    assert 0 < sum(clock.slept) < 5


def test_a_handshake_without_a_cipher_in_common_is_told_at_once(
    http: Http, clock: FakeClock, server: ssl.SSLContext
) -> None:
    with scripted_server(hello, server, instead=[HANDSHAKE_FAILURE]) as host:
        error = refused(lambda: http.send("GET", f"https://{host}/"))
    assert "does not speak HTTPS" in str(error)
    assert clock.slept == []


def test_plain_text_where_https_is_asked_for_is_told_at_once(http: Http, clock: FakeClock) -> None:
    with scripted_server(hello, instead=[b"HTTP/1.1 400 Bad Request\r\n\r\n"]) as host:
        error = refused(lambda: http.send("GET", f"https://{host}/"))
    assert error.why is Why.UNREACHED
    assert clock.slept == []


def test_a_certificate_of_a_stranger_is_not_tried_again(
    clock: FakeClock, server: ssl.SSLContext
) -> None:
    http = Http(limit=TimeLimit(clock), error=Refused)
    with scripted_server(hello, server) as host:
        assert refused(lambda: http.send("GET", f"https://{host}/")).why is Why.UNTRUSTED
    assert clock.slept == []
