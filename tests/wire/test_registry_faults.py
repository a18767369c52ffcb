"""What a registry may answer instead of what was asked for."""

from __future__ import annotations

import datetime as dt
import json
import re
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from aks_action.cancelling import cancellable
from aks_action.clients.clock import TimeLimit
from aks_action.clients.image_ports import Credentials
from aks_action.clients.registry import RegistryClient
from aks_action.errors import ActionError, AuthError, Cancelled, RegistryError
from aks_action.model.images.manifests import ImageManifest
from aks_action.model.images.plan import ImagePlan, ImagePush
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import ImageSettings
from aks_action.runtime.images.releasing import release
from tests.fakes.clock import FakeClock
from tests.fakes.images import image

WEB = image("web")
ME = Credentials(username="me", password="hunter2")
BUSY = Response(status=429, headers={"Retry-After": "7"})


def good(manifest: ImageManifest = WEB) -> Response:
    """A manifest as a registry serves it."""
    return Response(
        manifest.body,
        content_type=manifest.media_type,
        headers={"Docker-Content-Digest": manifest.digest},
    )


class Site:
    """A local server that plays a registry, and a client of it with a clock of its own."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.host = f"{server.host}:{server.port}"
        self.clock = FakeClock()
        self.told: list[str] = []

    def client(self, credentials: Credentials = ME, **options: Any) -> RegistryClient:
        return RegistryClient(
            self.host, credentials, limit=TimeLimit(self.clock), tell=self.told.append, **options
        )

    def ref(self, text: str = "app:v1") -> ImageReference:
        return ImageReference.parse(f"{self.host}/{text}")

    def welcome(self, status: int = 200, **headers: str) -> None:
        answer = {name.replace("_", "-"): value for name, value in headers.items()}
        self.server.expect_request("/v2/").respond_with_data(
            "{}", status=status, headers=answer, content_type="application/json"
        )

    def manifests(self, handler: Callable[[Request], Response], name: str = "app") -> None:
        self.server.expect_request(f"/v2/{name}/manifests/v1").respond_with_handler(handler)

    def answers(self, *responses: Response) -> None:
        """One after another for the manifest; the last one stays."""
        left = list(responses)
        self.manifests(lambda _: left.pop(0) if len(left) > 1 else left[0])

    def requests(self, path: str) -> list[Request]:
        return [request for request, _ in self.server.log if request.path == path]


@pytest.fixture
def site(httpserver: HTTPServer) -> Site:
    return Site(httpserver)


def failure(kind: type[ActionError], call: Callable[[], object]) -> str:
    """The one sentence of a call that fails, which never tells the password."""
    with pytest.raises(kind) as error:
        call()
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_429_is_waited_out_as_the_registry_asks(site: Site) -> None:
    """Retry-After goes before the schedule, and the log says why nothing happens."""
    site.welcome()
    site.answers(BUSY, BUSY, good())
    assert site.client().manifest(site.ref()) == WEB
    assert site.clock.slept == [7.0, 7.0]
    assert site.told[0] == f"{site.host} answered 429: it is asked too often. Trying again in 7 s."


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_is_tried_again(site: Site, status: int) -> None:
    """By the schedule, also on first contact and on writes."""
    busy = [Response(status=status)]
    site.server.expect_request("/v2/").respond_with_handler(
        lambda _: busy.pop() if busy else Response("{}", content_type="application/json")
    )
    site.answers(Response(status=status), Response(status=201))
    site.client().put(site.ref(), WEB)
    assert site.clock.slept == [0.2]


def test_a_registry_that_stays_down_is_given_up_at_the_deadline(site: Site) -> None:
    """One minute of the client's clock, and one sentence."""
    site.welcome()
    site.answers(Response(status=503))
    sentence = failure(RegistryError, lambda: site.client().digest(site.ref()))
    assert sentence == f"{site.host} answered 503: it is not well."
    assert 40 < sum(site.clock.slept) <= 60


def test_a_wish_beyond_the_deadline_is_not_waited_for(site: Site) -> None:
    """An hour of waiting is told at once."""
    site.welcome()
    site.answers(Response(status=429, headers={"Retry-After": "3600"}))
    failure(RegistryError, lambda: site.client().digest(site.ref()))
    assert site.clock.slept == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Response("<html>Sign in</html>", content_type="text/html"), "it is a web page"),
        (Response("{", content_type="application/json"), "it is not JSON"),
        (Response("", content_type=WEB.media_type), "it is not JSON"),
        (Response('{"schemaVersion": 1}', content_type=WEB.media_type), "schemaVersion is not 2"),
        (Response(b"x" * 9_000_000, content_type=WEB.media_type), "more than 8 MB"),
        (Response("no", status=418), "answered 418"),
    ],
)
def test_what_is_no_manifest_is_refused(site: Site, answer: Response, says: str) -> None:
    """HTML of a portal, cut answers and old formats: host and image are in the sentence."""
    site.welcome()
    site.answers(answer)
    sentence = failure(RegistryError, lambda: site.client().manifest(site.ref()))
    assert says in sentence
    assert site.host in sentence


@pytest.mark.parametrize(("status", "kind"), [(200, "text/html"), (404, "text/html"), (404, "")])
def test_a_web_site_is_no_registry(site: Site, status: int, kind: str) -> None:
    """Known before anything is signed in to."""
    site.server.expect_request("/v2/").respond_with_data("x", status=status, content_type=kind)
    sentence = failure(RegistryError, lambda: site.client().digest(site.ref()))
    assert "where a registry answers (/v2/): check `registry`" in sentence


def test_bytes_of_another_digest_are_refused(site: Site) -> None:
    """Neither by tag with a wrong header, nor by digest."""
    site.welcome()
    other = image("other")
    damaged = Response(
        other.body, content_type=WEB.media_type, headers={"Docker-Content-Digest": WEB.digest}
    )
    site.answers(damaged)
    assert WEB.digest in failure(RegistryError, lambda: site.client().manifest(site.ref()))
    path = f"/v2/app/manifests/{WEB.digest}"
    site.server.expect_request(path).respond_with_data(other.body, content_type=WEB.media_type)
    pinned = site.ref("app").with_digest(WEB.digest)
    assert other.digest in failure(RegistryError, lambda: site.client().manifest(pinned))


def test_a_registry_that_stores_other_bytes_is_an_error(site: Site) -> None:
    """The digest that it answers a write with is compared."""
    site.welcome()
    site.answers(Response(status=201, headers={"Docker-Content-Digest": image("x").digest}))
    assert "instead of" in failure(RegistryError, lambda: site.client().put(site.ref(), WEB))


def test_a_head_without_the_digest_is_asked_in_full(site: Site) -> None:
    """The header is optional; the bytes say it too."""
    site.welcome()
    site.answers(Response(WEB.body, content_type=WEB.media_type))
    assert site.client().digest(site.ref()) == WEB.digest


def test_a_wrong_password_is_asked_once(site: Site) -> None:
    """Asking again would lock an account."""
    site.welcome(401, WWW_Authenticate='Basic realm="x"')
    site.answers(Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
    sentence = failure(AuthError, lambda: site.client().digest(site.ref()))
    assert f'{site.host} does not accept the password of user "me" for {site.ref()}' in sentence
    assert len(site.requests("/v2/app/manifests/v1")) == 1


def test_a_missing_right_names_the_user_and_the_image(site: Site) -> None:
    """403, with the registry's own words and without a password that it may echo."""
    site.welcome()
    said = {"errors": [{"code": "DENIED", "message": "no push\nfor hunter2"}]}
    site.answers(Response(json.dumps(said), status=403))
    sentence = failure(AuthError, lambda: site.client().put(site.ref(), WEB))
    assert sentence == (
        f'{site.host} does not let user "me" write {site.ref()} (DENIED no push for ***).'
    )


class TokenServer:
    """Gives tokens for a password and remembers what was asked."""

    def __init__(self, site: Site, **body: object) -> None:
        self.site = site
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.body = body or {"token": "t0ken", "expires_in": 300}
        self.status = 200
        site.server.expect_request("/token").respond_with_handler(self)
        site.welcome(
            401, WWW_Authenticate=f'Bearer realm="http://{site.host}/token",service="x.io"'
        )

    def __call__(self, request: Request) -> Response:
        user = request.authorization.username if request.authorization else ""
        self.asked.append((user or "", tuple(request.args.getlist("scope"))))
        return Response(json.dumps(self.body), status=self.status)


def token_wanted(request: Request) -> Response:
    if request.headers.get("Authorization") != "Bearer t0ken":
        return Response(status=401)
    return good()


def test_a_token_is_asked_for_once_for_all_who_need_it(site: Site) -> None:
    """Eight threads, one token: with the password to the token server, without it elsewhere."""
    tokens = TokenServer(site)
    site.manifests(token_wanted)
    client = site.client()
    threads = [threading.Thread(target=client.digest, args=(site.ref(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.asked == [("me", ("repository:app:pull,push",))]
    assert len(site.requests("/v2/app/manifests/v1")) == 8
    assert client.manifest(site.ref()) == WEB


def test_a_mount_asks_for_both_repositories(site: Site) -> None:
    """Writing here, reading there, in one token."""
    tokens = TokenServer(site)
    site.server.expect_request("/v2/app/blobs/uploads/").respond_with_data("", status=201)
    site.client().mount(WEB.blobs[0], source=site.ref("staging/app:v1"), target=site.ref())
    assert tokens.asked == [
        ("me", ("repository:app:pull,push", "repository:staging/app:pull")),
    ]


def test_a_mount_that_becomes_an_upload_is_given_up(site: Site) -> None:
    """The opened upload is closed again, and nothing is uploaded."""
    site.welcome()
    location = {"Location": "/v2/app/blobs/uploads/1"}
    site.server.expect_request("/v2/app/blobs/uploads/").respond_with_data(
        "", status=202, headers=location
    )
    site.server.expect_request("/v2/app/blobs/uploads/1", method="DELETE").respond_with_data("")
    sentence = failure(
        RegistryError,
        lambda: site.client().mount(WEB.blobs[0], source=site.ref("b:1"), target=site.ref()),
    )
    assert "does not give" in sentence
    assert len(site.requests("/v2/app/blobs/uploads/1")) == 1


def test_an_expired_token_is_renewed(site: Site) -> None:
    """By its time, and when the registry refuses it before that."""
    tokens = TokenServer(site, access_token="t0ken", expires_in=60)
    site.manifests(token_wanted)
    client = site.client()
    client.digest(site.ref())
    site.clock.advance(61)
    client.digest(site.ref())
    assert len(tokens.asked) == 2


def test_a_token_server_that_refuses_is_a_wrong_password(site: Site) -> None:
    """The sentence is the same as without tokens."""
    TokenServer(site).status = 401
    sentence = failure(AuthError, lambda: site.client().digest(site.ref()))
    assert 'does not accept the password of user "me" for app' in sentence


def test_who_may_only_read_still_reads(site: Site) -> None:
    """Some token servers refuse the right to push altogether: reading is asked for then."""
    asked: list[str] = []

    def give(request: Request) -> Response:
        asked.append(request.args["scope"])
        if "push" in asked[-1]:
            return Response(status=403)
        return Response(json.dumps({"token": "t0ken"}))

    site.server.expect_request("/token").respond_with_handler(give)
    site.welcome(401, WWW_Authenticate=f'Bearer realm="http://{site.host}/token"')
    site.manifests(token_wanted)
    assert site.client(Credentials()).digest(site.ref()) == WEB.digest
    assert asked == ["repository:app:pull,push", "repository:app:pull"]


@pytest.mark.parametrize(
    "body", ["<html>", "[]", "{}", '{"token": 5}', '{"token": "a\\nb"}', '{"token": ""}']
)
def test_a_token_server_that_talks_nonsense(site: Site, body: str) -> None:
    """No token is one sentence."""
    site.server.expect_request("/token").respond_with_data(body)
    site.welcome(401, WWW_Authenticate=f'Bearer realm="http://{site.host}/token"')
    sentence = failure(RegistryError, lambda: site.client().digest(site.ref()))
    assert sentence == f"The token server of {site.host} answered 200 without a token."


@pytest.mark.parametrize(
    ("realm", "told"),
    [
        ("http://auth.example.com/token", "no HTTPS address"),
        ("https://127.0.0.1:{other}/token", "this machine itself"),
        ("http://127.0.0.1:{other}/token", "no HTTPS address"),
        ("https://2130706433:{other}/token", "no host but a number"),
        ("https://169.254.169.254/token", "link-local"),
        ("https://{host}@auth.example.com/token", "user name"),
        ("https://auth.example.com/token", "another host than the registry's"),
        ("https://auth.docker.io/token", "another host than the registry's"),
        ("https://auth.example.com:8443/token", "registry-token-server: auth.example.com:8443"),
    ],
)
def test_a_token_server_elsewhere_does_not_get_the_password(
    site: Site, realm: str, told: str
) -> None:
    """Its address is an answer of the registry; nothing is sent there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)  # noqa: FBT003
        where = realm.format(host=site.host, other=other.getsockname()[1])
        site.welcome(401, WWW_Authenticate=f'Bearer realm="{where}"')
        assert told in failure(ActionError, lambda: site.client().digest(site.ref()))
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_token_server_that_the_author_names_is_asked(site: Site, tmp_path: Path) -> None:
    """Also on this machine, and by HTTPS alone."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with HTTPServer(host="127.0.0.1", ssl_context=context) as tokens:
        tokens.expect_request("/token").respond_with_json({"token": "t0ken"})
        site.welcome(401, WWW_Authenticate=f'Bearer realm="{tokens.url_for("/token")}"')
        site.manifests(token_wanted)
        named = f"127.0.0.1:{tokens.port}"
        client = site.client(token_server=named, ca_file=str(tmp_path / "ca.pem"))
        assert client.digest(site.ref()) == WEB.digest
        ((request, _),) = tokens.log
    assert request.authorization is not None
    assert request.authorization.password == "hunter2"


def test_a_registry_that_only_a_file_names_is_not_looked_for_on_this_machine(site: Site) -> None:
    client = site.client(Credentials(), named=False)
    assert "this machine itself" in failure(RegistryError, lambda: client.digest(site.ref()))
    assert not site.server.log


def test_a_redirect_to_another_port_of_this_machine_is_not_followed(site: Site) -> None:
    site.welcome(401, WWW_Authenticate='Basic realm="x"')
    with HTTPServer(host="localhost") as storage:
        site.answers(Response(status=307, headers={"Location": storage.url_for("/blob")}))
        sentence = failure(RegistryError, lambda: site.client().manifest(site.ref()))
        assert not storage.log
    assert "no HTTPS address" in sentence


def test_redirects_that_are_not_followed(site: Site) -> None:
    """Of a write, off this machine in plain text, and in a circle."""
    site.welcome()
    site.answers(Response(status=307, headers={"Location": "http://example.com/x"}))
    assert "cannot be followed" in failure(
        RegistryError, lambda: site.client().put(site.ref(), WEB)
    )
    assert "no HTTPS" in failure(RegistryError, lambda: site.client().manifest(site.ref()))
    site.server.clear()
    site.welcome()
    site.answers(Response(status=302, headers={"Location": "/v2/app/manifests/v1"}))
    assert "in a circle" in failure(RegistryError, lambda: site.client().manifest(site.ref()))


def answer_raw(*answers: bytes) -> int:
    """A server that answers each connection with these bytes and hangs up; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with closing(listener):
            for answer in answers:
                connection, _ = listener.accept()
                with closing(connection):
                    connection.settimeout(10)
                    connection.recv(65536)
                    connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def plain(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = (b"HTTP/1.1 " + status, b"Connection: close", *headers)
    return b"\r\n".join((*lines, b"Content-Length: %d" % len(body), b"", body))


def test_a_connection_that_breaks_off_is_tried_again() -> None:
    """Hung up without an answer, then in the middle of one, then fine."""
    hello = plain(b"{}", b"Content-Type: application/json")
    whole = plain(WEB.body, b"Content-Type: " + WEB.media_type.encode())
    port = answer_raw(hello, hello, b"", whole[:-20], whole)
    clock = FakeClock()
    client = RegistryClient(f"127.0.0.1:{port}", ME, limit=TimeLimit(clock))
    assert client.manifest(ImageReference.parse(f"127.0.0.1:{port}/app:v1")) == WEB
    assert clock.slept == [0.2, 0.5]


def test_nobody_there_is_told_when_what_restarts_would_be_back() -> None:
    """A wrong port may be a hiccup, but no long one."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    clock = FakeClock()
    client = RegistryClient(f"127.0.0.1:{port}", ME, limit=TimeLimit(clock))
    reference = ImageReference.parse(f"127.0.0.1:{port}/app:v1")
    sentence = failure(RegistryError, lambda: client.digest(reference))
    assert sentence == f"127.0.0.1:{port} cannot be reached: nothing listens there."
    assert 20 < sum(clock.slept) < 35


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def secure(certificate: trustme.LeafCert) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with HTTPServer(host="localhost", ssl_context=context) as server:
        site = Site(server)
        site.welcome()
        site.answers(good())
        yield site


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_https_is_found_on_this_machine_too(authority: trustme.CA, trusted: str) -> None:
    """A loopback registry is asked which of the two it speaks."""
    with secure(authority.issue_cert("localhost")) as site:
        assert site.client(ca_file=trusted).manifest(site.ref()) == WEB


def test_an_expired_certificate_is_one_sentence(authority: trustme.CA, trusted: str) -> None:
    """And nothing is sent, least of all in plain text."""
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    with secure(authority.issue_cert("localhost", not_after=past)) as site:
        client = site.client(ca_file=trusted)
        sentence = failure(AuthError, lambda: client.digest(site.ref()))
        assert sentence == (
            f"The certificate of {site.host} is refused: it has expired. Nothing was sent."
        )
        assert site.server.log == []


def test_certificates_of_strangers_and_of_other_names(authority: trustme.CA, trusted: str) -> None:
    """Unknown authority, wrong name: two reasons."""
    with secure(authority.issue_cert("localhost")) as site:
        sentence = failure(AuthError, lambda: site.client().digest(site.ref()))
        assert "nobody that this machine trusts has signed it" in sentence
    with secure(authority.issue_cert("other.example.com")) as site:
        client = site.client(ca_file=trusted)
        sentence = failure(AuthError, lambda: client.digest(site.ref()))
        assert "it is not for this name" in sentence


class Shop:
    """Two images whose tags move; the write of `api` goes wrong."""

    def __init__(self, site: Site, spoil: Callable[[], Response]) -> None:
        self.tags = {"web": image("old"), "api": image("old")}
        self.site = site
        self.spoil = spoil
        site.welcome()
        site.server.expect_request(re.compile("/v2/.+/manifests/.+")).respond_with_handler(self)

    def __call__(self, request: Request) -> Response:
        _, _, name, _, reference = request.path.split("/")
        if request.method != "PUT":
            return good(image(name) if reference == "latest" else self.tags[name])
        answer = Response(status=201)
        if name == "api" and request.data == image("api").body:
            answer = self.spoil()
        if answer.status_code == 201:
            self.tags[name] = ImageManifest.read(request.data, request.content_type or "")
        return answer

    def release(self) -> None:
        images = tuple(
            ImagePush(local="x", target=self.site.ref(f"{name}:stable"), services=(name,))
            for name in self.tags
        )
        release(
            ImagePlan(images=images),
            ImageSettings(registry=self.site.host, tag="stable"),
            open_registry=lambda _host, credentials: self.site.client(credentials),
            tell=self.site.told.append,
        )

    def digests(self) -> set[str]:
        return {manifest.digest for manifest in self.tags.values()}


def test_a_release_that_fails_half_way_is_taken_back(site: Site) -> None:
    """The second write is refused: the tag that moved has its old bytes again."""
    locked = '{"errors": [{"code": "LOCKED"}]}'
    shop = Shop(site, lambda: Response(locked, status=400))
    with pytest.raises(RegistryError, match="api:stable and answered 400: LOCKED"):
        shop.release()
    assert shop.digests() == {image("old").digest}


def test_a_release_that_is_cancelled_half_way_is_taken_back(site: Site) -> None:
    """A signal in the middle of a write: also the write that was under way is undone."""

    def interrupt() -> Response:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        return Response(status=201)

    shop = Shop(site, interrupt)
    with cancellable(), pytest.raises(Cancelled):
        shop.release()
    assert shop.digests() == {image("old").digest}
    assert f"{site.ref('api:stable')} is back at {image('old').digest}." in site.told
