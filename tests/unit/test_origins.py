"""Which origin may receive which credential, and that there is no way around that."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from aks_action.errors import InputError
from aks_action.model import origins
from aks_action.model.azure import CLOUDS
from aks_action.model.origins import Origin

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.COM/a?b#c", "https://example.com"),
        ("HTTPS://example.com:443", "https://example.com"),
        ("https://example.com.:8443/", "https://example.com:8443"),
        ("http://[::1]:5000/v2/", "http://[::1]:5000"),
        ("http://h:80?x", "http://h"),
    ],
)
def test_an_origin_is_scheme_host_and_port_however_they_are_written(url: str, origin: str) -> None:
    assert str(Origin.of(url)) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://good.example@evil.example/",
        "https://good.example\\@evil.example/",
        "https://evil.example\\.good.example/",
        "https://good.example:pw@evil.example/",
        "https://good.example:0/",
        "https://good.example:65536/",
        "https://good.example:４43/",
        "https://bücher.example/",
        "https://good.example%2eevil.example/",
        "https://good.example\t.evil.example/",
        "https://good.example /",
        "https://good.example\n/",
        " https://good.example/",
        "https://[fe80::1%25eth0]/",
        "http://127.0.0.1./",
    ],
)
def test_what_two_parsers_may_read_differently_is_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match="which"):
        Origin.of(url)


@example("https://[0]")
@example("https://[1.2.3.4]/")
@example("https://a.example:443@b.example/")
@example("https://a.example#@b.example/")
@given(st.text("abE.:/@[]\\%#?&;01-_~\t\n ü", max_size=30).map(lambda rest: f"https://{rest}"))
def test_what_has_an_origin_is_sent_to_the_host_of_that_origin(url: str) -> None:
    """The library that connects reads the address by rules of its own."""
    try:
        origin = Origin.of(url)
    except ValueError:
        return
    read = parse_url(url)
    assert (read.host or "").strip("[]").lower().removesuffix(".") == origin.host
    assert (read.port or 443) == origin.port
    assert read.auth is None


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", "this machine"),
        ("127.255.0.9", "this machine"),
        ("0.0.0.0", "this machine"),  # noqa: S104 - connects to itself
        ("0.1.2.3", "this machine"),
        ("::1", "this machine"),
        ("[::1]", "this machine"),
        ("::", "this machine"),
        ("::ffff:127.0.0.1", "this machine"),
        ("::127.0.0.1", "this machine"),
        ("::ffff:7f00:1", "this machine"),
        ("2002:7f00:1::", "this machine"),
        ("64:ff9b::7f00:1", "this machine"),
        ("localhost", "this machine"),
        ("LOCALHOST.", "this machine"),
        ("a.localhost", "this machine"),
        ("localhost.localdomain", "this machine"),
        ("ip6-loopback", "this machine"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd00:0ec2:0:0:0:0:0:0254", "metadata"),
        ("metadata.google.internal", "metadata"),
        ("224.0.0.1", "not the address"),
        ("255.255.255.255", "not the address"),
        ("2130706433", "a number"),
        ("0x7f000001", "a number"),
        ("0x7f.1", "a number"),
        ("0x", "a number"),
        ("127.1", "a number"),
        ("017700000001", "a number"),
        ("0177.0.0.1", "a number"),
        ("127.0.0.01", "a number"),
        ("1.2.3.4.5", "a number"),
    ],
)
def test_hosts_that_only_the_author_may_name(host: str, why: str) -> None:
    assert why in origins.why_not_host(host)


_NUMBER = st.one_of(
    st.integers(0, 0xFFFFFFFF).map(str),
    st.integers(0, 0xFFFFFFFF).map(hex),
    st.integers(0, 0xFFFFFFFF).map("0{:o}".format),
    st.sampled_from(["127", "169", "254", "0", "1", "0x7f", "0177", "08", "0X7F", "00", ""]),
)


@given(st.lists(_NUMBER, min_size=1, max_size=5).map(".".join))
def test_whatever_the_machine_reads_as_an_address_of_its_own_is_refused(host: str) -> None:
    """By `inet_aton`, which is what connects: decimal, octal, hexadecimal, with parts left out."""
    try:
        address = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return
    if origins.why_not_address(address):
        assert origins.why_not_host(host)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "192.168.1.1", "172.16.0.9", "fd12::1", "2606:4700::1111", "8.8.8.8", "a.b",
     "registry", "1password.com", "localhost.example", "metadata.example", "2001:db8::7f00:1"],
)  # fmt: skip
def test_private_and_public_hosts_may_be_named_by_an_answer(host: str) -> None:
    assert origins.why_not_host(host) == ""


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "no HTTPS address"),
        ("https://127.0.0.1:8443/", "this machine"),
        ("https://u:p@example.com/", "a password in it"),
    ],
)
def test_an_answer_leads_by_https_and_elsewhere_only(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        origins.check_named_by_answer(url)


HUB, GITLAB, OWN = (
    Origin.of(f"https://{host}")
    for host in ("registry-1.docker.io", "registry.gitlab.com", "registry.example.com:5050")
)
HERE = Origin.of("http://127.0.0.1:5000")


@pytest.mark.parametrize(
    ("registry", "server"),
    [
        (HUB, "https://auth.docker.io/token"),
        (GITLAB, "https://gitlab.com/jwt/auth"),
        (OWN, "https://registry.example.com:5050/token"),
        (OWN, "https://registry.example.com/jwt/auth"),
        (HERE, "http://127.0.0.1:5000/token"),
    ],
)
def test_a_password_goes_to_its_registry_and_the_known_token_server(
    registry: Origin, server: str
) -> None:
    assert Origin.of(server) in origins.of_password(registry)


@pytest.mark.parametrize(
    ("registry", "server"),
    [
        (HUB, "https://auth.docker.io:8443/token"),
        (HUB, "https://auth.docker.io.evil.example/token"),
        (HUB, "https://hub.docker.com/token"),
        (GITLAB, "https://auth.docker.io/token"),
        (OWN, "http://registry.example.com:5050/token"),
        (OWN, "https://registry.example.com:5051/token"),
        (OWN, "https://gitlab.example.com/jwt/auth"),
        (OWN, "https://sub.registry.example.com/token"),
        (HERE, "http://127.0.0.1:5001/token"),
        (HERE, "https://127.0.0.1/token"),
        (HERE, "http://localhost:5000/token"),
    ],
)
def test_a_password_goes_to_no_other_host_that_the_registry_names(
    registry: Origin, server: str
) -> None:
    assert Origin.of(server) not in origins.of_password(registry)


def test_a_token_server_that_the_author_names_gets_the_password() -> None:
    receivers = origins.of_password(OWN, "gitlab.example.com")
    assert Origin.of("https://gitlab.example.com/jwt/auth") in receivers
    assert Origin.of("http://gitlab.example.com/jwt/auth") not in receivers


def test_without_a_registry_no_password_goes_where_only_a_file_says() -> None:
    """One of the inputs has to name the host; two hosts are ambiguous in any case."""
    decide = origins.registry_of_password
    assert decide(["a.io"], registry="x.io", named=()) == "x.io"
    assert decide(["a.io"], registry="", named=["a.io"]) == "a.io"
    with pytest.raises(InputError, match=r"Only the compose file .* a\.io.*`registry`"):
        decide(["a.io"], registry="", named=["b.io"])
    with pytest.raises(InputError, match=r"go to a\.io and b\.io.*`registry`"):
        decide(["a.io", "b.io"], registry="", named=["a.io", "b.io"])


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:5000", "169.254.169.254", "[::1]:5"])
def test_a_file_alone_leads_no_request_to_this_machine(host: str) -> None:
    with pytest.raises(InputError, match="`registry`"):
        origins.check_registries_of_files([host], named=())
    origins.check_registries_of_files([host, "ghcr.io"], named=[host])


def test_tokens_of_the_job_go_to_the_runners_address_by_https() -> None:
    for url in ("https://pipelines.actions.githubusercontent.com/x?y=1", "http://127.0.0.1:8080/"):
        assert origins.of_runner(url) == {Origin.of(url)}
    for url in ("http://pipelines.example/", "http://[::ffff:127.0.0.1]/", "nonsense", ""):
        assert origins.of_runner(url) == frozenset()


def test_a_sign_in_goes_to_the_authority_by_each_of_its_names() -> None:
    public = origins.of_sign_in("https://login.microsoftonline.com")
    assert Origin.of("https://login.microsoft.com/t/oauth2/v2.0/token") in public
    assert Origin.of("https://login.microsoftonline.us/") not in public
    china = origins.of_sign_in(CLOUDS["azurechinacloud"].authority)
    assert Origin.of("https://login.partner.microsoftonline.cn/") in china
    assert origins.of_sign_in("https://adfs.local:444/adfs") == {
        Origin.of("https://adfs.local:444")
    }


@pytest.mark.parametrize("host", ["shop.azurecr.io", "Shop.AzureCR.io", "shop-a1b2.azurecr.io"])
def test_azures_registries_are_known(host: str) -> None:
    assert CLOUDS["azurecloud"].has_registry(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil-azurecr.io",
        "azurecr.io",
        ".azurecr.io",
        "shop.azurecr.io:5000",
        "shop.azurecr.io.evil.example",
        "evil.example/x.azurecr.io",
        "evil.example#.azurecr.io",
        "evil.example@shop.azurecr.io",
        "shop.azurecr.us",
    ],
)
def test_look_alikes_of_azures_registries_are_none(host: str) -> None:
    assert not CLOUDS["azurecloud"].has_registry(host)


@pytest.mark.parametrize(
    "server",
    [
        "http://cluster.example:8080",
        "HTTP://cluster.example",
        "http://[::ffff:127.0.0.1]:1",
        "http://127.0.0.1.evil.example",
    ],
)
def test_no_api_server_gets_credentials_in_plain_text(server: str) -> None:
    origins.check_api_server(server, has_credentials=False)
    with pytest.raises(InputError, match="plain text"):
        origins.check_api_server(server, has_credentials=True)


@pytest.mark.parametrize("server", ["http://localhost:8001", "https://cluster.example"])
def test_an_api_server_here_or_by_https_gets_credentials(server: str) -> None:
    origins.check_api_server(server, has_credentials=True)


def test_a_location_that_is_no_address_leads_nowhere() -> None:
    assert (
        origins.resolved("https://h.example/v2/", "uploads/1") == "https://h.example/v2/uploads/1"
    )
    for odd in ("http://[", "https://[::1", "//a]b/"):
        assert origins.resolved("https://h.example/v2/", odd) == ""


def test_an_address_is_shown_without_its_secrets() -> None:
    assert origins.display("https://me:pw@h.example:8443/a?sig=x#y") == "https://h.example:8443/a"
    assert origins.display("https://h.example?sig=x") == "https://h.example"
    assert origins.display("https://[bad") == "https://[bad"


# No other way out

_REACHING = (
    "aiohttp", "asyncio", "azure", "docker", "ftplib", "http.client", "httpx", "kubernetes", "msal",
    "requests", "smtplib", "socket", "ssl", "telnetlib", "urllib.request", "urllib3", "websocket",
)  # fmt: skip
_DOORS = {
    "clients/azure/credentials.py": {"azure"},
    "clients/engine.py": {"docker"},
    "clients/http.py": {"urllib3"},
    "clients/http_faults.py": {"urllib3"},
    "clients/http_pools.py": {"socket", "ssl", "urllib.request", "urllib3"},
    "clients/kube/kubeconfig_files.py": {"kubernetes"},
    "clients/kube/pools.py": {"kubernetes", "urllib3"},
    "clients/kube/streams.py": {"urllib3"},
    "clients/kube/tls.py": {"ssl"},
    "clients/kube/transport.py": {"urllib3"},
    "clients/kube/unreachable.py": {"ssl", "urllib3"},
    "clients/timed_connections.py": {"http.client", "socket", "urllib3"},
    "clients/tls_faults.py": {"ssl"},
    "jobs/locks.py": {"socket"},  # the name of this machine
}
_SENDING = {
    "clients/azure/github_oidc.py:assertion": "receivers",
    "clients/azure/manager.py:_send": "to",
    "clients/azure/registries.py:_ask": "origins.of_registry(host)",
    "clients/github.py:workflow_path": "origins.of_runner(api_url)",
    "clients/http.py:_follow": "to",
    "clients/registry/transport.py:ask_for_token": "receivers",
    "clients/registry/transport.py:base": "",
    "clients/registry/transport.py:send": "self._origins",
    "sources/downloads.py:get": "",
}
_SIGNING = {
    "clients/azure/github_oidc.py",
    "clients/azure/manager.py",
    "clients/github.py",
    "clients/http.py",
    "clients/kube/transport.py",
    "clients/registry/signed_requests.py",
    "clients/registry/signing_in.py",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    folder = ROOT / "aks_action"
    for path in sorted(folder.rglob("*.py")):
        yield str(path.relative_to(folder)), ast.parse(path.read_text())


def test_what_reaches_the_network_is_imported_by_the_doors_alone() -> None:
    found: dict[str, set[str]] = {}
    for name, tree in modules():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for library in _REACHING:
                if any(
                    imported == library or imported.startswith(f"{library}.") for imported in names
                ):
                    found.setdefault(name, set()).add(library)
    assert found == _DOORS


def test_every_request_says_who_may_have_its_credentials() -> None:
    """By a rule of `origins`; a new place that sends has to be added here, with its rule."""
    found: dict[str, str] = {}
    for name, tree in modules():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _sends(call, name):
                    rules = [ast.unparse(each.value) for each in call.keywords if each.arg == "to"]
                    found[f"{name}:{function.name}"] = "".join(rules)
    assert found == _SENDING


def _sends(call: ast.Call, module: str) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("send", "attempt"):
        return False
    receiver = ast.unparse(call.func.value).rpartition(".")[2].strip("_")
    return receiver == "http" or (receiver == "self" and module == "clients/http.py")


def test_the_header_that_signs_in_is_made_in_known_places() -> None:
    found = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.lower() == "authorization"
    }
    assert found == _SIGNING
