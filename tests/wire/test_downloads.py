"""What the server of a manifest may answer instead of the manifest."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Response

from aks_action.clients.clock import TimeLimit
from aks_action.errors import InputError
from aks_action.sources.downloads import Downloads, display
from tests.fakes.clock import FakeClock


@pytest.fixture
def downloads() -> Downloads:
    return Downloads(TimeLimit(FakeClock()), most_bytes=1024 * 1024)


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


def refused(downloads: Downloads, url: str) -> str:
    with pytest.raises(InputError) as caught:
        downloads.get(url)
    return str(caught.value)


def test_redirects_are_followed(server: HTTPServer, downloads: Downloads) -> None:
    """Release assets of GitHub are always redirects."""
    server.expect_request("/a").respond_with_data(status=302, headers={"Location": "/b?x=1"})
    server.expect_request("/b").respond_with_data("kind: A\n")
    assert downloads.get(server.url_for("/a")) == b"kind: A\n"


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("http://example.invalid/x?sig=secret", "redirects to http://example.invalid/x, which is"),
        ("file:///etc/passwd", "no HTTPS address"),
        ("https://me:secret@example.invalid/", "password in it"),
    ],
)
def test_a_redirect_off_https_is_refused(
    server: HTTPServer, downloads: Downloads, target: str, part: str
) -> None:
    server.expect_request("/a").respond_with_data(status=301, headers={"Location": target})
    sentence = refused(downloads, server.url_for("/a"))
    assert part in sentence
    assert "secret" not in sentence


def test_a_circle_of_redirects_ends(server: HTTPServer, downloads: Downloads) -> None:
    server.expect_request("/a").respond_with_data(status=302, headers={"Location": "/a"})
    assert "in a circle" in refused(downloads, server.url_for("/a"))


@pytest.mark.parametrize(
    "url",
    ["http://example.invalid/a", "https://me:pw@example.invalid/", "https://", "https://[x/a"],
)
def test_an_address_that_is_not_plain_https_is_refused(downloads: Downloads, url: str) -> None:
    assert "pw" not in refused(downloads, url)


def test_a_web_page_is_named_as_such(server: HTTPServer, downloads: Downloads) -> None:
    """The page of a file at GitHub instead of the raw file."""
    server.expect_request("/a").respond_with_data("<html>", content_type="text/html; charset=utf-8")
    assert "is a web page" in refused(downloads, server.url_for("/a?token=secret"))


@pytest.mark.parametrize("status", [401, 404, 410])
def test_a_refusal_is_told_at_once(server: HTTPServer, downloads: Downloads, status: int) -> None:
    server.expect_ordered_request("/a").respond_with_data(status=status)
    assert f"it answered {status}" in refused(downloads, server.url_for("/a"))


def test_a_busy_server_is_asked_again_when_it_says(server: HTTPServer) -> None:
    clock = FakeClock()
    server.expect_ordered_request("/a").respond_with_data(status=503, headers={"Retry-After": "7"})
    server.expect_ordered_request("/a").respond_with_data(status=500)
    server.expect_ordered_request("/a").respond_with_data("ok")
    assert Downloads(TimeLimit(clock)).get(server.url_for("/a")) == b"ok"
    assert clock.slept[0] == 7
    assert len(clock.slept) == 2


def test_a_server_that_stays_broken_is_given_up_within_the_patience(server: HTTPServer) -> None:
    clock = FakeClock()
    server.expect_request("/a").respond_with_data(status=500)
    assert "answered 500" in refused(Downloads(TimeLimit(clock), patience=20), server.url_for("/a"))
    assert sum(clock.slept) <= 20


def test_a_host_that_does_not_listen_is_an_error(downloads: Downloads) -> None:
    assert "nothing listens there" in refused(downloads, "http://127.0.0.1:1/a")


def test_a_file_that_is_too_large_is_not_read_to_its_end(
    server: HTTPServer, downloads: Downloads
) -> None:
    endless = Response(b"x" * 65536 for _ in range(20))
    server.expect_request("/a").respond_with_response(endless)
    assert "more than 1 MB" in refused(downloads, server.url_for("/a"))


def test_a_server_that_drips_is_given_up(server: HTTPServer) -> None:
    """Each piece comes in time, the whole does not."""
    server.expect_request("/a").respond_with_response(Response(b"x" * 65536 for _ in range(20)))
    slow = Downloads(TimeLimit(FakeClock(step=1.0)), patience=10)
    assert "within 10 s" in refused(slow, server.url_for("/a"))


def test_a_certificate_that_nobody_trusts_is_an_error(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with HTTPServer(host="localhost", ssl_context=context) as server:
        server.expect_request("/a").respond_with_data("ok")
        url = server.url_for("/a")
        assert "nobody that this machine trusts" in refused(Downloads(TimeLimit(FakeClock())), url)
        trusting = Downloads(TimeLimit(FakeClock()), ca_file=str(tmp_path / "ca.pem"))
        assert trusting.get(url) == b"ok"


def test_a_url_is_shown_without_its_secrets() -> None:
    assert display("https://me:pw@h.example:8443/a/b?sig=x#y") == "https://h.example:8443/a/b"


def test_a_host_that_does_not_listen_is_given_up_when_what_restarts_would_be_back() -> None:
    """Nobody waits a minute for an address that is wrong."""
    clock = FakeClock()
    assert "nothing listens" in refused(Downloads(TimeLimit(clock)), "http://127.0.0.1:1/a")
    assert 20 < sum(clock.slept) < 35


def test_an_address_that_cannot_be_read_is_shown_as_it_is() -> None:
    assert display("https://[bad") == "https://[bad"
