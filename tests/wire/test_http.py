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
from aks_action.model.origins import Origin
from tests.fakes.clock import FakeClock
from tests.standins.web import Response, Web, proxy_to, serving
from tests.wire.scripted import HEAD, Script, chunk, scripted_server, tls_alert

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


# Where requests go


HERE = "https://127.0.0.1:9/x"
CREDENTIALS = {"Authorization": "Bearer t0ken"}


def follower(authority: trustme.CA, folder: Path, clock: FakeClock) -> Http:
    """One that follows redirects."""
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    limit = TimeLimit(clock)
    return Http(limit=limit, error=Refused, ca_file=str(file), follow=True, patience=5.0)


def redirect(location: str) -> Script:
    def script(connection: socket.socket, _line: str) -> None:
        head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode())

    return script


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/x",
        "http://example.com/x",
        "https://127.0.0.1:{port}/x",
        "https://127.0.0.2/x",
        "https://localhost/x",
        "https://localhost./x",
        "https://LOCALHOST:{port}/x",
        "https://a.localhost/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::]/x",
        "https://0.0.0.0:{port}/x",
        "https://0/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://0177.0.0.1/x",
        "https://127.0.0.1.:{port}/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://168.63.129.16/",
        "https://[fd00:ec2::254]/",
        "https://metadata.google.internal/",
        "https://127.0.0.1@example.com/x",
        "https://example.com@127.0.0.1:{port}/x",
        "https://ex\u00e4mple.com/x",
        "file:///etc/passwd",
        "ftp://example.com/x",
        "//127.0.0.1:{port}/x",
    ],
)
def test_no_redirect_leads_off_https_or_to_this_machine_or_to_a_metadata_service(
    location: str, authority: trustme.CA, server: ssl.SSLContext, clock: FakeClock, tmp_path: Path
) -> None:
    """The second address is not even connected to, and the first is on this machine by name."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    following = Http(
        limit=TimeLimit(clock), error=Refused, ca_file=str(tmp_path / "ca.pem"), follow=True
    )
    with socket.create_server(("127.0.0.1", 0)) as second:
        second.setblocking(False)  # noqa: FBT003
        script = redirect(location.format(port=second.getsockname()[1]))
        with scripted_server(script, server) as host:
            error = refused(lambda: following.send("GET", f"https://{host}/"))
        with pytest.raises(BlockingIOError):
            second.accept()
    assert error.why is Why.FORBIDDEN
    assert clock.slept == []


def test_a_redirect_to_the_same_origin_is_followed(
    authority: trustme.CA, server: ssl.SSLContext, clock: FakeClock, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    following = Http(
        limit=TimeLimit(clock), error=Refused, ca_file=str(tmp_path / "ca.pem"), follow=True
    )

    def script(connection: socket.socket, line: str) -> None:
        (hello if "/there" in line else redirect("/there"))(connection, line)

    with scripted_server(script, server) as host:
        assert following.send("GET", f"https://{host}/").body == b"hello"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"])
def test_a_name_that_leads_to_this_machine_is_not_connected_to(
    http: Http, clock: FakeClock, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at once nor by DNS rebinding: the name is resolved once, and that is connected to."""
    asked: list[str] = []
    answers = {"rebinding.example": ["192.0.2.1", address], "planted.example": [address] * 2}
    connected: list[str] = []

    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host not in answers:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[host].pop(0), port))]

    def connect(_: socket.socket, to: tuple[str, int]) -> None:
        connected.append(to[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    for host in ("rebinding.example", "planted.example"):
        answer = http.attempt("GET", f"https://{host}/", named=False)
        assert isinstance(answer, NoAnswer)
    assert answer.why is Why.FORBIDDEN
    assert connected == ["192.0.2.1"]
    assert asked == ["rebinding.example", "planted.example"]
    assert clock.slept == []


def test_a_name_of_which_one_address_is_this_machine_is_refused_as_a_whole(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(_host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("192.0.2.1", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    error = refused(lambda: http.send("GET", "https://mixed.example/", named=False))
    assert "its name leads to 127.0.0.1, which is this machine itself" in str(error)


def test_a_connection_that_was_opened_by_name_is_not_used_for_what_an_answer_names(
    http: Http, server: ssl.SSLContext
) -> None:
    with scripted_server(hello, server) as host:
        port = host.rpartition(":")[2]
        http.send("GET", f"https://127.0.0.1:{port}/")
        assert isinstance(http.attempt("GET", f"https://127.0.0.1:{port}/", named=False), NoAnswer)


@pytest.mark.parametrize(
    ("url", "to"),
    [
        (HERE, ()),
        (HERE, ("https://127.0.0.1",)),
        (HERE, ("https://127.0.0.1:90",)),
        (HERE, ("http://127.0.0.1:9",)),
        (HERE, ("https://localhost:9",)),
        ("https://good.example.evil.example/", ("https://good.example",)),
        ("https://good.example@127.0.0.1:9/", ("https://good.example", "https://127.0.0.1:9")),
        ("http://good.example/", ("http://good.example",)),
    ],
)
@pytest.mark.parametrize("secret", ["header", "body"])
def test_credentials_go_to_the_origins_that_may_have_them_or_nowhere(
    http: Http, url: str, to: tuple[str, ...], secret: str
) -> None:
    """Scheme, host and port count; off this machine plain HTTP never does."""
    receivers = {Origin.of(origin) for origin in to}
    headers, body = (CREDENTIALS, None) if secret == "header" else ({}, b"token=t0ken")
    error = refused(lambda: http.send("POST", url, to=receivers, headers=headers, body=body))
    assert error.why is Why.FORBIDDEN
    assert "Nothing is sent" in str(error)
    assert "t0ken" not in str(error)


def test_a_redirect_to_another_host_sees_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    """Storage behind a registry gets the question, not the sign-in."""
    ca = trustme.CA()
    web = Web(
        sites={
            "one.example": lambda _: Response(
                status=307, headers={"location": "https://two.example/b"}
            ),
            "two.example": lambda _: Response(
                status=302, headers={"location": "https://one.example:8443/c"}
            ),
        }
    )
    with serving(web, ca, "one.example", "two.example") as port, proxy_to(port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        following = follower(ca, tmp_path, clock)
        origin = Origin.of("https://one.example")
        refused(
            lambda: following.send("GET", "https://one.example/a", to=[origin], headers=CREDENTIALS)
        )
    signed = [(each.host, "authorization" in each.headers) for each in web.requests]
    assert signed[:3] == [("one.example", True), ("two.example", False), ("one.example", False)]
    assert not any(is_signed for _, is_signed in signed[1:])
