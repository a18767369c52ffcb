"""What the client of the API server makes of answers that no healthy server gives."""

import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Response

from aks_action.clients.clock import TimeLimit
from aks_action.clients.kube.api import KubeCluster
from aks_action.clients.kube.connection import connect
from aks_action.clients.kube.transport import Patience
from aks_action.errors import ApiError, ApplyError, AuthError, InputError, ManifestError
from aks_action.model.manifests import ObjectRef
from tests.fakes.clock import FakeClock
from tests.wire.kubernetes import (
    APIS,
    CORE,
    DOCUMENT,
    OK,
    PATH,
    REF,
    SECRET,
    answers,
    kubeconfig,
    response,
    status,
)  # fmt: skip
from tests.wire.scripted import HEAD, chunk, reset, scripted_server, tls_alert

# Tried again


def test_too_many_requests_wait_as_asked(
    server: HTTPServer, cluster: KubeCluster, clock: FakeClock
) -> None:
    """429: the pause is what Retry-After says, and every verb is tried again."""
    busy = response(status(429, "slow down", "TooManyRequests"), **{"Retry-After": "3"})
    asked = answers(server, "POST", PATH, busy, busy, response(OK))
    assert cluster.create(DOCUMENT) == OK
    assert (clock.slept, len(asked)) == ([3.0, 3.0], 3)


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_server_that_fails_for_a_moment_is_asked_again(
    server: HTTPServer, cluster: KubeCluster, code: int
) -> None:
    """5xx: an apply does no harm twice."""
    failing = response(status(code, "etcd is electing", "InternalError"))
    asked = answers(server, "PATCH", f"{PATH}/settings", failing, response(OK))
    assert cluster.apply(DOCUMENT) == OK
    assert len(asked) == 2


def test_an_internal_error_is_soon_final(server: HTTPServer, cluster: KubeCluster) -> None:
    """500 again and again, as of a broken webhook, is told after three attempts."""
    broken = response(status(500, "failed calling webhook", "InternalError"))
    asked = answers(server, "PATCH", f"{PATH}/settings", broken)
    with pytest.raises(ApiError, match=r"answered 500 to apply .*: failed calling webhook"):
        cluster.apply(DOCUMENT)
    assert len(asked) == 3


def test_a_create_of_a_generated_name_is_not_repeated(
    server: HTTPServer, cluster: KubeCluster
) -> None:
    """503 to a POST may hide an object that was made, and a second one would get another name."""
    unnamed = {**DOCUMENT, "metadata": {"generateName": "settings-", "namespace": "prod"}}
    asked = answers(server, "POST", PATH, response(status(503, "shutting down")))
    with pytest.raises(ApiError, match="answered 503"):
        cluster.create(unnamed)
    assert len(asked) == 1


def test_a_create_with_a_name_is_repeated(server: HTTPServer, cluster: KubeCluster) -> None:
    """Should the first have been done after all, the second one is told so by a 409."""
    failing, exists = status(503, "shutting down"), status(409, "exists", "AlreadyExists")
    asked = answers(server, "POST", PATH, response(failing), response(exists))
    with pytest.raises(ApiError, match="exists") as raised:
        cluster.create(DOCUMENT)
    assert (raised.value.status, len(asked)) == (409, 2)


def test_one_outage_has_one_patience(
    server: HTTPServer, cluster: KubeCluster, clock: FakeClock
) -> None:
    """A thousand requests to a server that is down do not each wait for thirty seconds."""
    down = response(status(503, "shutting down"))
    asked = answers(server, "GET", f"{PATH}/settings", down)
    cluster.types()
    begun = clock.now()
    for _ in range(10):
        with pytest.raises(ApiError):
            cluster.get(REF)
    assert 20 < clock.now() - begun <= 30
    assert len(asked) <= 30


# Final at once


_NOT_TYPED = (
    "failed to create typed patch object (prod/settings; /v1, Kind=ConfigMap): "
    ".datta: field not declared in schema"
)
_NOT_BASE64 = (
    "failed to convert new object (prod/settings; /v1, Kind=ConfigMap) to proper version: "
    "unable to convert unstructured object to /v1, Kind=ConfigMap: error decoding from json: "
    "illegal base64 data at input byte 2"
)


@pytest.mark.parametrize("message", [_NOT_TYPED, _NOT_BASE64])
def test_a_500_about_the_manifest_is_final(
    server: HTTPServer, cluster: KubeCluster, clock: FakeClock, message: str
) -> None:
    """The 500 of server-side apply for a wrong manifest is told at once, without its preamble."""
    asked = answers(server, "PATCH", f"{PATH}/settings", response(status(500, message)))
    with pytest.raises(ApiError) as caught:
        cluster.apply(DOCUMENT)
    assert caught.value.exit_code == ManifestError.exit_code
    assert str(caught.value).startswith("ConfigMap/prod/settings is not valid: ")
    assert "failed to" not in str(caught.value)
    assert (len(asked), clock.slept) == (1, [])


def test_credentials_that_are_refused(server: HTTPServer, cluster: KubeCluster) -> None:
    """401 is one sentence without the token."""
    answers(server, "GET", f"{PATH}/settings", response(status(401, "Unauthorized")))
    with pytest.raises(AuthError, match="does not accept the credentials") as caught:
        cluster.get(REF)
    assert "hush" not in str(caught.value)


def test_a_quota_is_not_a_missing_permission(server: HTTPServer, cluster: KubeCluster) -> None:
    """403 by a quota is a refused change, with what the server says."""
    message = 'configmaps "settings" is forbidden: exceeded quota: q, used: 1, limited: 1'
    answers(server, "PATCH", f"{PATH}/settings", response(status(403, message, "Forbidden")))
    with pytest.raises(ApiError, match="exceeded quota") as caught:
        cluster.apply(DOCUMENT)
    assert caught.value.exit_code == ApplyError.exit_code


def test_values_of_a_secret_are_not_told(server: HTTPServer, cluster: KubeCluster) -> None:
    """What the server quotes of a Secret is cut out."""
    message = (
        "failed to create typed patch object (prod/settings; /v1, Kind=Secret): .data.a: expected "
        'string, got &value.valueUnstructured{Value:map[string]interface {}{"y":"hush"}}'
    )
    path = PATH.replace("configmaps", "secrets")
    answers(server, "PATCH", f"{path}/settings", response(status(500, message)))
    with pytest.raises(ApiError, match=r"\.data\.a: expected string") as caught:
        cluster.apply(SECRET)
    assert "hush" not in f"{caught.value}{caught.value.message}"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (".data: expected map, got &{hush}", ".data: expected map, got another type"),
        (
            (
                "errors:\n  .data.a: expected string, got &value.valueUnstructured{Value:1}\n"
                '  .data.b: expected string, got &value.valueUnstructured{Value:"hush"}'
            ),
            ".data.a: expected string, got another type; .data.b: expected string, got another",
        ),
    ],
)
def test_no_value_of_a_wrong_type_is_told_of_a_secret(
    server: HTTPServer, cluster: KubeCluster, told: str, shown: str
) -> None:
    """Go prints what it got in more than one way, and several at once."""
    message = f"failed to create typed patch object (prod/settings; /v1, Kind=Secret): {told}"
    path = PATH.replace("configmaps", "secrets")
    answers(server, "PATCH", f"{path}/settings", response(status(500, message)))
    with pytest.raises(ApiError) as caught:
        cluster.apply({**SECRET, "data": {"a": [1], "b": ["hush"]}})
    everything = f"{caught.value}{caught.value.message}"
    assert shown in everything
    assert "hush" not in everything


def test_somebody_who_may_not_even_ask_what_is_served(
    httpserver: HTTPServer, clock: FakeClock
) -> None:
    """A path that is no resource is a missing permission as well."""
    message = 'forbidden: User "system:anonymous" cannot get path "/api"'
    httpserver.expect_request("/api").respond_with_json(status(403, message), status=403)
    with pytest.raises(ApiError, match="system:anonymous may not get /api") as caught:
        connect(kubeconfig(httpserver.url_for("")), limit=TimeLimit(clock)).types()
    assert (caught.value.exit_code, caught.value.title) == (AuthError.exit_code, AuthError.title)


def test_a_quoted_template_is_not_told(server: HTTPServer, cluster: KubeCluster) -> None:
    """An "Invalid value" that is an object, with its environment, is left out everywhere."""
    value = json.dumps({"env": [{"name": "PASSWORD", "value": "hush: 1"}]})
    told = f"Invalid value: {value}: field is immutable"
    cause = {"reason": "FieldValueInvalid", "message": told, "field": "spec.template"}
    message = f'Job "j" is invalid: spec.template: {told}'
    refused = status(422, message, "Invalid", details={"causes": [cause]})
    answers(server, "PATCH", f"{PATH}/settings", response(refused))
    with pytest.raises(ApiError, match=r"not valid: spec\.template: field is immutable") as caught:
        cluster.apply(DOCUMENT)
    everything = f"{caught.value}{caught.value.message}{caught.value.causes}"
    assert "hush" not in everything
    assert caught.value.causes[0].message == "field is immutable"


@pytest.mark.parametrize("code", [200, 404, 302])
def test_an_answer_that_is_not_of_kubernetes(
    server: HTTPServer, cluster: KubeCluster, code: int
) -> None:
    """HTML is told as a wrong address, without its text, and no redirect is followed."""
    page = Response("<html>hush</html>", code, {"Location": "/other"}, content_type="text/html")
    answers(server, "GET", f"{PATH}/settings", page)
    with pytest.raises(ApiError, match=rf"{code} \(text/html\).*not an answer of a Kube") as caught:
        cluster.get(REF)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a%2fb"])
def test_a_name_cannot_lead_elsewhere(server: HTTPServer, cluster: KubeCluster, name: str) -> None:
    """A name that would be another URL is refused before anything is sent."""
    cluster.types()
    sent = len(server.log)
    with pytest.raises(ManifestError, match="cannot be a name"):
        cluster.apply({**DOCUMENT, "metadata": {"name": name, "namespace": "prod"}})
    assert len(server.log) == sent


# No answer


def test_a_server_that_is_silent(clock: FakeClock) -> None:
    """An answer that does not come, or stops half way, ends after the time limit."""

    def script(connection: socket.socket, line: str) -> None:
        if "/apis" in line:
            connection.sendall(HEAD + b"10\r\nhalf")

    patience = Patience(read=0.2, retry=0)
    with scripted_server(script) as host:
        cluster = connect(kubeconfig(f"http://{host}"), limit=TimeLimit(clock), patience=patience)
        with pytest.raises(ApplyError, match="took too long to answer"):
            cluster.types()


def test_a_connection_that_breaks_is_made_again(clock: FakeClock) -> None:
    """A reset in the middle of an answer costs another request, not the run."""
    broken = threading.Event()

    def script(connection: socket.socket, line: str) -> None:
        body = json.dumps(APIS if "/apis" in line else CORE)
        if "/apis" in line and not broken.is_set():
            broken.set()
            connection.sendall(HEAD + b"10\r\nhalf")
            reset(connection)
        else:
            connection.sendall(HEAD + chunk(body) + chunk(""))

    with scripted_server(script) as host:
        cluster = connect(kubeconfig(f"http://{host}"), limit=TimeLimit(clock))
        assert ("v1", "ConfigMap") in cluster.types()
    assert broken.is_set()


def test_a_server_that_is_not_there(clock: FakeClock) -> None:
    """A refused connection names the host, when what restarts would be back."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    begun = clock.now()
    cluster = connect(kubeconfig(f"https://127.0.0.1:{port}"), limit=TimeLimit(clock))
    with pytest.raises(ApplyError, match=rf"https://127.0.0.1:{port} cannot be reached: conn"):
        cluster.types()
    assert 20 < clock.now() - begun <= 30


def test_a_host_that_nobody_knows(clock: FakeClock) -> None:
    """A name that DNS does not know is told so."""
    cluster = connect(kubeconfig("https://cluster.invalid"), limit=TimeLimit(clock))
    with pytest.raises(ApplyError, match="is not known to DNS"):
        cluster.types()


def test_a_proxy_of_the_kubeconfig_is_used(server: HTTPServer) -> None:
    """`proxy-url` carries the requests."""
    text = kubeconfig("http://api.invalid:8080", cluster={"proxy-url": server.url_for("")})
    assert ("v1", "ConfigMap") in connect(text).types()
    assert {request.host for request, _ in server.log} == {"api.invalid:8080"}


def test_a_server_on_this_machine_is_asked_without_the_proxy_of_the_environment(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would read the credentials of what is plain HTTP here."""
    with HTTPServer(host="127.0.0.1") as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url_for(""))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert ("v1", "ConfigMap") in connect(kubeconfig(server.url_for(""), token="hush")).types()
        assert not proxy.log


def test_a_server_below_a_path(server: HTTPServer) -> None:
    """A server URL with a path, as of a management gateway, is kept in front."""
    server.expect_request("/k8s/c-1/api").respond_with_json(CORE)
    server.expect_request("/k8s/c-1/apis").respond_with_json(APIS)
    assert ("v1", "Pod") in connect(kubeconfig(server.url_for("/k8s/c-1"))).types()


# Certificates


@pytest.fixture(name="authority", scope="module")
def _authority() -> trustme.CA:
    return trustme.CA()


def tls_server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> dict[str, Any]:
    return {"certificate-authority-data": coded(authority.cert_pem.bytes())}


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def serve_discovery(connection: socket.socket, line: str) -> None:
    body = json.dumps(APIS if "/apis" in line else CORE)
    connection.sendall(HEAD + chunk(body) + chunk(""))


YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("expired", "has expired"),
        ("another authority", "not signed by the kubeconfig's certificate authority"),
        ("another name", "is for another name"),
    ],
)
def test_a_certificate_that_is_not_trusted(
    authority: trustme.CA, clock: FakeClock, case: str, told: str
) -> None:
    """Each fault of the server's certificate is its own sentence, told at once."""
    names = ["elsewhere.test"] if case == "another name" else ["127.0.0.1"]
    until = YESTERDAY if case == "expired" else None
    signer = trustme.CA() if case == "another authority" else authority
    certificate = signer.issue_cert(*names, not_after=until)
    with scripted_server(serve_discovery, tls_server(certificate)) as host:
        text = kubeconfig(f"https://{host}", cluster=trusting(authority))
        with pytest.raises(ApplyError, match=told) as caught:
            connect(text, limit=TimeLimit(clock)).types()
    assert (caught.value.exit_code, caught.value.title) == (AuthError.exit_code, AuthError.title)
    assert clock.slept == []


DECODE_ERROR, HANDSHAKE_FAILURE, CERTIFICATE_REQUIRED = map(tls_alert, (50, 40, 116))


def test_a_handshake_that_breaks_is_tried_again(authority: trustme.CA, clock: FakeClock) -> None:
    """A load balancer that changes hands answers some handshakes with nonsense."""
    context = tls_server(authority.issue_cert("127.0.0.1"))
    with scripted_server(serve_discovery, context, instead=[DECODE_ERROR] * 2) as host:
        text = kubeconfig(f"https://{host}", cluster=trusting(authority))
        assert connect(text, limit=TimeLimit(clock)).types()
    assert 0 < sum(clock.slept) <= 5


@pytest.mark.parametrize("alert", [HANDSHAKE_FAILURE, CERTIFICATE_REQUIRED])
def test_a_handshake_that_can_never_succeed_is_told_at_once(
    authority: trustme.CA, clock: FakeClock, alert: bytes
) -> None:
    context = tls_server(authority.issue_cert("127.0.0.1"))
    with scripted_server(serve_discovery, context, instead=[alert]) as host:
        text = kubeconfig(f"https://{host}", cluster=trusting(authority))
        with pytest.raises(ApplyError, match="No TLS connection"):
            connect(text, limit=TimeLimit(clock)).types()
    assert clock.slept == []


def test_a_trusted_certificate_by_its_server_name(authority: trustme.CA) -> None:
    """`tls-server-name` is the name that the certificate must have."""
    certificate = authority.issue_cert("elsewhere.test")
    with scripted_server(serve_discovery, tls_server(certificate)) as host:
        trust = {**trusting(authority), "tls-server-name": "elsewhere.test"}
        assert connect(kubeconfig(f"https://{host}", cluster=trust)).types()


def test_verification_can_be_left_out(authority: trustme.CA) -> None:
    """With skip-tls-verify any certificate will do, and no warning is printed."""
    certificate = authority.issue_cert("elsewhere.test", not_after=YESTERDAY)
    with scripted_server(serve_discovery, tls_server(certificate)) as host:
        assert connect(kubeconfig(f"https://{host}"), skip_tls_verify=True).types()


def test_a_client_certificate_is_shown(authority: trustme.CA) -> None:
    """The server sees the certificate of the kubeconfig, which no file holds."""
    context = tls_server(authority.issue_cert("127.0.0.1"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    client = authority.issue_cert("someone@example.test")
    user = {
        "client-certificate-data": coded(client.cert_chain_pems[0].bytes()),
        "client-key-data": coded(client.private_key_pem.bytes()),
    }
    with scripted_server(serve_discovery, context) as host:
        text = kubeconfig(f"https://{host}", cluster=trusting(authority), **user)
        assert connect(text).types()


def test_an_expired_client_certificate_is_told_before_any_request(authority: trustme.CA) -> None:
    """The date is in the sentence; a server would only say 401."""
    client = authority.issue_cert("someone@example.test", not_after=YESTERDAY)
    user = {
        "client-certificate-data": coded(client.cert_chain_pems[0].bytes()),
        "client-key-data": coded(client.private_key_pem.bytes()),
    }
    with pytest.raises(AuthError, match=rf"expired on {YESTERDAY:%Y-%m-%d}"):
        connect(kubeconfig("https://127.0.0.1:1", cluster=trusting(authority), **user))


def test_a_client_key_of_another_certificate(authority: trustme.CA) -> None:
    """A pair that does not fit is an error of the kubeconfig."""
    one, other = (authority.issue_cert("someone@example.test") for _ in range(2))
    user = {
        "client-certificate-data": coded(one.cert_chain_pems[0].bytes()),
        "client-key-data": coded(other.private_key_pem.bytes()),
    }
    with pytest.raises(InputError, match="client certificate and key"):
        connect(kubeconfig("https://127.0.0.1:1", **user))


# Credential plugins


def plugin(folder: Path, script: str) -> dict[str, Any]:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return {"exec": {"command": str(path), "apiVersion": "client.authentication.k8s.io/v1"}}


def test_a_plugin_is_asked_again_when_its_token_is_refused(
    server: HTTPServer, tmp_path: Path
) -> None:
    """401 once: the plugin runs again and its new token is sent."""
    count = tmp_path / "count"
    token = '{"status": {"token": "token-\'$(wc -l < ' + str(count) + ")'\"}}"
    script = f"echo >> {count}; echo '{token}' | tr -d \"'\""
    user = plugin(tmp_path, script)
    server.expect_request(
        f"{PATH}/settings", headers={"Authorization": "Bearer token-2"}
    ).respond_with_json(OK)
    server.expect_request(f"{PATH}/settings").respond_with_json(status(401, "x"), status=401)
    cluster = connect(kubeconfig(server.url_for(""), **user))
    assert cluster.get(REF) == OK


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo not signed in >&2; exit 3", r"failed \(3\): not signed in"),
        ("echo nonsense", "did not print an ExecCredential"),
        ("echo '{\"status\": {}}'", "neither a token nor a certificate"),
    ],
)
def test_a_plugin_that_fails(tmp_path: Path, script: str, told: str) -> None:
    """What went wrong with a plugin is one sentence."""
    with pytest.raises(AuthError, match=told):
        connect(kubeconfig("https://127.0.0.1:1", **plugin(tmp_path, script)))


@pytest.mark.parametrize("env", ["x", ["x"], [{"name": "x"}], [{"value": "x"}]])
def test_a_plugin_whose_variables_are_not_names_and_values(env: Any) -> None:
    user = {"exec": {"command": "true", "env": env}}
    with pytest.raises(InputError, match="env of the command true"):
        connect(kubeconfig("https://127.0.0.1:1", **user))


@pytest.mark.parametrize("token", ["hush\nX-Evil: 1", "hush€", "hu sh"])
def test_a_token_that_no_header_can_hold(token: str) -> None:
    """It is told without being quoted, whoever gave it."""
    output = json.dumps({"status": {"token": token}})
    for user in ({"token": token}, {"exec": {"command": "echo", "args": [output]}}):
        with pytest.raises(AuthError, match=r"token .* cannot be sent") as caught:
            connect(kubeconfig("https://127.0.0.1:1", **user))
        assert "hu" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("INPUT_REGISTRY-PASSWORD", 0),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", 0),
        ("GITHUB_TOKEN", 0),
        ("AZURE_CLIENT_SECRET", 1),
    ],
)
def test_a_plugin_sees_of_the_job_how_to_sign_in_to_its_cloud_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    """The password of a registry and the runner's tokens are none of its business."""
    monkeypatch.setenv(name, "hush")
    script = "env | grep -c hush >&2; exit 3"
    with pytest.raises(AuthError, match=rf"failed \(3\): {count} It sees"):
        connect(kubeconfig("https://127.0.0.1:1", **plugin(tmp_path, script)))


def test_a_plugin_that_is_missing() -> None:
    """A command that is not here is named, with the way out."""
    user = {"exec": {"command": "kubelogin-of-nobody", "args": ["get-token"]}}
    with pytest.raises(AuthError, match="kubelogin-of-nobody, which cannot be run here"):
        connect(kubeconfig("https://127.0.0.1:1", **user))


# Watches


def watch(cluster: KubeCluster) -> Any:
    return cluster.watch(
        "v1", "ConfigMap", namespace="prod", resource_version="5", timeout_seconds=60
    )


def line(type_: str, document: dict[str, Any]) -> str:
    return json.dumps({"type": type_, "object": document}) + "\n"


def end(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("cut", [end, reset])
def test_a_watch_that_is_cut_off_ends(
    clock: FakeClock, cut: Callable[[socket.socket], None]
) -> None:
    """Whole lines are told, also those that came in pieces; a broken last one is dropped."""
    whole = line("MODIFIED", OK)
    told = threading.Event()

    def script(connection: socket.socket, request: str) -> None:
        if "watch=1" not in request:
            serve_discovery(connection, request)
            return
        connection.sendall(HEAD + chunk(whole[:9]) + chunk(whole[9:] + whole) + chunk(whole[:20]))
        told.wait(10)
        cut(connection)

    with scripted_server(script) as host:
        cluster = connect(kubeconfig(f"http://{host}"), limit=TimeLimit(clock))
        with watch(cluster) as events:
            seen = [next(events), next(events)]
            told.set()
            seen += events
    assert [(event.type, event.object) for event in seen] == [("MODIFIED", OK)] * 2


def test_an_outdated_watch_is_told_in_the_stream(server: HTTPServer, cluster: KubeCluster) -> None:
    """200 with an ERROR event of code 410 is an ApiError of status 410."""
    gone = status(410, "too old resource version: 5 (9)", "Expired")
    body = line("BOOKMARK", {"metadata": {"resourceVersion": "5"}}) + line("ERROR", gone)
    server.expect_request(PATH).respond_with_data(body, content_type="application/json")
    with watch(cluster) as events:
        assert next(events).type == "BOOKMARK"
        with pytest.raises(ApiError) as caught:
            next(events)
    assert caught.value.status == 410


def test_an_outdated_watch_is_told_by_the_answer(server: HTTPServer, cluster: KubeCluster) -> None:
    """The HTTP status 410 is the same error, and not tried again."""
    asked = answers(server, "GET", PATH, response(status(410, "too old", "Expired")))
    with pytest.raises(ApiError) as caught, watch(cluster):
        pass
    assert (caught.value.status, len(asked)) == (410, 1)


@pytest.mark.parametrize("secured", [False, True])
def test_leaving_a_watch_wakes_its_reader(authority: trustme.CA, *, secured: bool) -> None:
    """A thread that waits for a line ends when another thread leaves, with TLS and without."""

    def script(connection: socket.socket, request: str) -> None:
        if "watch=1" not in request:
            serve_discovery(connection, request)
            return
        connection.sendall(HEAD + chunk(line("ADDED", OK)))

    context = tls_server(authority.issue_cert("127.0.0.1")) if secured else None
    scheme = "https" if secured else "http"
    with scripted_server(script, context) as host:
        cluster = connect(kubeconfig(f"{scheme}://{host}", cluster=trusting(authority)))
        watching = watch(cluster)
        events = watching.__enter__()
        assert next(events).type == "ADDED"
        rest: list[Any] = []
        reader = threading.Thread(target=lambda: rest.extend(events))
        reader.start()
        watching.__exit__(None, None, None)
        reader.join(timeout=5)
    assert not reader.is_alive()
    assert rest == []


@pytest.mark.parametrize(("cut", "told"), [(None, ["9Z whole", "9Z rest"]), (reset, ["9Z whole"])])
def test_a_log_ends_with_its_last_line_only_at_its_proper_end(
    clock: FakeClock, cut: Callable[[socket.socket], None] | None, told: list[str]
) -> None:
    """A line that a broken connection cut short is left out; it is asked for again."""
    seen: list[str] = []

    def script(connection: socket.socket, request: str) -> None:
        if "/log?" not in request:
            serve_discovery(connection, request)
            return
        seen.append(request)
        connection.sendall(HEAD + chunk("9Z whole\n9Z ") + chunk("rest"))
        (cut or (lambda each: each.sendall(chunk(""))))(connection)

    pod = ObjectRef(api_version="v1", kind="Pod", name="a", namespace="prod")
    with scripted_server(script) as host:
        cluster = connect(kubeconfig(f"http://{host}"), limit=TimeLimit(clock))
        with cluster.follow_log(pod, container="c", since="2026-05-01T12:00:00.5Z") as lines:
            assert list(lines) == told
    assert "follow=true" in seen[0]
    assert "sinceTime=2026-05-01T12%3A00%3A00.5Z" in seen[0]


# Lists, logs, discovery


def nested(levels: int) -> Response:
    """A LIST of one object that somebody has nested; a value of JSON that Python cannot recurse."""
    item = '{"metadata":{"name":"a"},"data":' + '{"a":' * levels + "1" + "}" * levels + "}"
    return Response(f'{{"metadata":{{}},"items":[{item}]}}', content_type="application/json")


@pytest.mark.parametrize("levels", [200, 900, 50_000])
def test_one_object_that_is_nested_too_deeply_is_told(
    server: HTTPServer, cluster: KubeCluster, levels: int
) -> None:
    answers(server, "GET", PATH, nested(levels), nested(140))
    with pytest.raises(ApplyError, match="nested in more than 150 levels") as caught:
        cluster.list("v1", "ConfigMap", namespace="prod")
    assert "to list configmaps with what cannot be read" in str(caught.value)
    assert cluster.list("v1", "ConfigMap", namespace="prod").items


def test_pages_that_expire_are_read_again_at_once(server: HTTPServer, cluster: KubeCluster) -> None:
    """A continue token that is too old costs one whole LIST; nothing is there twice."""
    first = {"metadata": {"resourceVersion": "5", "continue": "t"}, "items": [DOCUMENT]}
    whole = {"metadata": {"resourceVersion": "9"}, "items": [DOCUMENT, DOCUMENT]}
    gone = response(status(410, "too old", "Expired"))
    asked = answers(server, "GET", PATH, response(first), gone, response(whole))
    listing = cluster.list("v1", "ConfigMap", namespace="prod")
    assert (len(listing.items), listing.resource_version) == (2, "9")
    assert [dict(each.args) for each in asked] == [
        {"limit": "500"},
        {"limit": "500", "continue": "t"},
        {},
    ]


def test_of_a_kind_that_has_just_gone_there_is_nothing(
    server: HTTPServer, cluster: KubeCluster
) -> None:
    """Its CustomResourceDefinition may be deleted between discovery and a LIST."""
    gone = Response("404 page not found\n", 404, content_type="text/plain; charset=utf-8")
    answers(server, "GET", PATH, gone)
    assert cluster.list("v1", "ConfigMap", namespace="prod").items == ()


POD = ObjectRef(api_version="v1", kind="Pod", name="web", namespace="prod")
POD_LOG = "/api/v1/namespaces/prod/pods/web/log"
REMOVED = "unable to retrieve container logs for containerd://38a95f1039b6"


def test_a_container_that_has_not_started_has_no_log(
    server: HTTPServer, cluster: KubeCluster
) -> None:
    """400 to a log request is an empty log."""
    asked = answers(server, "GET", POD_LOG, response(status(400, "is waiting to start")))
    assert cluster.logs(POD, container="c", tail_lines=3) == ""
    assert (asked[0].args["container"], asked[0].args["tailLines"]) == ("c", "3")


def test_a_container_that_was_removed_has_no_log(server: HTTPServer, cluster: KubeCluster) -> None:
    """The kubelet says so in an answer that looks like a log."""
    answers(server, "GET", POD_LOG, *(Response(text) for text in (REMOVED, f"{REMOVED}\nmore\n")))
    assert cluster.logs(POD, container="c", previous=True) == ""
    assert cluster.logs(POD, container="c") == f"{REMOVED}\nmore\n"


def test_nothing_is_followed_in_a_container_that_was_removed(
    server: HTTPServer, cluster: KubeCluster
) -> None:
    """Its lines would begin with their times."""
    answers(server, "GET", POD_LOG, Response(REMOVED), Response(f"9Z {REMOVED}\n"))
    for told in ([], [f"9Z {REMOVED}"]):
        with cluster.follow_log(POD, container="c") as lines:
            assert list(lines) == told


def test_a_server_without_aggregated_discovery(httpserver: HTTPServer) -> None:
    """An older server is asked group by group; an extension that is down is left out."""
    pods = {"name": "pods", "kind": "Pod", "namespaced": True}
    log = {"name": "pods/log", "kind": "Pod", "namespaced": True}
    apps = {"name": "deployments", "kind": "Deployment", "namespaced": True}
    groups = [
        {"versions": [{"groupVersion": "apps/v1"}]},
        {"versions": [{"groupVersion": "down.test/v1"}]},
    ]
    for path, body in {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": groups},
        "/api/v1": {"kind": "APIResourceList", "resources": [pods, log]},
        "/apis/apps/v1": {"kind": "APIResourceList", "resources": [apps]},
    }.items():
        httpserver.expect_request(path).respond_with_json(body)
    httpserver.expect_request("/apis/down.test/v1").respond_with_data("unavailable", status=503)
    types = connect(kubeconfig(httpserver.url_for("")), limit=TimeLimit(FakeClock())).types()
    assert set(types) == {("v1", "Pod"), ("apps/v1", "Deployment")}
    assert types["v1", "Pod"].plural == "pods"
