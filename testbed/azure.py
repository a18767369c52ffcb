"""Azure in the test bed: the stand-ins of `tests/standins`, and a cluster that trusts them.

Its API server takes the tokens of their Entra, and its node pulls from their container registry.
It is no part of what `up` compares: a test bed that runs already gets it, or a newer one, at once.
"""

import hashlib
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testbed import api, network, packages
from testbed.pki import write_private
from testbed.processes import Processes, recorded
from testbed.settings import API_URL, CHECKOUT, LOOPBACK, RUN, Settings

PORT = 8443
PROXY_PORT = 3128
REGISTRY_PORT = 5001
PROXY = f"http://{LOOPBACK}:{PROXY_PORT}"
TENANT = "11111111-1111-4111-8111-111111111111"
CLIENT = "33333333-3333-4333-8333-333333333333"
SECRET = "s3cr3t~of.the-service_principal"
OBJECT = "55555555-5555-4555-8555-555555555555"
"""The user's name, in the cluster, of the one who signs in with CLIENT and SECRET."""

AKS = "6dae42f8-4368-4678-94ff-3960e28e3630"
STANDINS = CHECKOUT / "tests/standins"
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def folder(settings: Settings) -> Path:
    return settings.state / "azure"


def start(processes: Processes) -> None:
    """Return when the stand-ins answer and the cluster takes their tokens."""
    settings = processes.settings
    packages.install()  # jq may be missing where an older checkout made the test bed
    start_standins(processes)
    start_registry(processes)
    for name, port in (("azure", PORT), ("azure-proxy", PROXY_PORT)):
        if f"door-{name}-serve" not in recorded():
            network.door(processes, name, port, into=True)
    place = folder(settings)
    bundle = place / "certificates.pem"
    bundle.write_bytes(SYSTEM_CERTIFICATES.read_bytes() + (place / "ca.pem").read_bytes())
    config = place / "authentication.json"
    config.write_text(json.dumps(authentication((place / "ca.pem").read_text()), indent=1))
    amend(processes, "kube-apiserver", f"--authentication-config={config}")
    # As behind a company's proxy that opens TLS.
    amend(processes, "containerd", HTTPS_PROXY=PROXY, SSL_CERT_FILE=str(bundle))
    processes.wait("kube-apiserver", "sign-in by Entra", lambda: takes_tokens(settings))


def start_standins(processes: Processes) -> None:
    settings = processes.settings
    place = folder(settings)
    place.mkdir(mode=0o700, exist_ok=True)
    given = {
        "server": API_URL,
        "pki": str(settings.pki),
        "port": PORT,
        "proxy": PROXY_PORT,
        "object_id": OBJECT,
        "registry": f"http://{LOOPBACK}:{REGISTRY_PORT}",
    }
    write_private(place / "azure.json", json.dumps(given, indent=1))
    if "azure" not in recorded():
        for port in (PORT, PROXY_PORT, REGISTRY_PORT):
            network.refuse_taken(port, "stand-ins of Azure")
    processes.run(
        "azure", "env", f"PYTHONPATH={CHECKOUT}", "PYTHONDONTWRITEBYTECODE=1",
        settings.tool("python"), "-m", "tests.standins", place, digest(),
        inside=False,
    )  # fmt: skip
    processes.wait("azure", "stand-ins of Azure", lambda: token(settings) != "")


def digest() -> str:
    """Another version of the stand-ins is another process to the keeper."""
    found = hashlib.sha256()
    for path in sorted(STANDINS.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def start_registry(processes: Processes) -> None:
    """A real registry behind the door of the stand-in, whose tokens it takes."""
    place = folder(processes.settings)
    config = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(place / "images")}},
        "http": {"addr": f"{LOOPBACK}:{REGISTRY_PORT}"},
        "auth": {
            "token": {
                "realm": "https://shop.azurecr.io/oauth2/token",
                "service": "shop.azurecr.io",
                "issuer": "Azure Container Registry",
                "rootcertbundle": str(place / "registry.pem"),
            }
        },
    }
    file = place / "registry.yml"
    file.write_text(json.dumps(config, indent=1))
    processes.run("azure-registry", "docker-registry", "serve", file, inside=False)


def authentication(certificates: str) -> dict[str, Any]:
    """https://kubernetes.io/docs/reference/access-authn-authz/authentication/"""
    issuer = {
        "url": f"https://sts.windows.net/{TENANT}/",
        "discoveryURL": f"https://{LOOPBACK}:{PORT}/{TENANT}/.well-known/openid-configuration",
        "audiences": [AKS],
        "certificateAuthority": certificates,
    }
    names = {"username": {"claim": "oid", "prefix": ""}}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1beta1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{"issuer": issuer, "claimMappings": names}],
    }


def amend(processes: Processes, name: str, *flags: str, **environment: str) -> None:
    """Have a part that runs run with more flags and variables; nothing if it does."""
    spec = json.loads((RUN / "services" / f"{name}.json").read_text())
    wanted = {
        **spec,
        "argv": [*spec["argv"], *(each for each in flags if each not in spec["argv"])],
        "env": {**spec["env"], **environment},
    }
    if wanted != spec:
        processes.want(name, wanted)


def token(settings: Settings, audience: str = AKS) -> str:
    """A token of the stand-in's Entra; empty when it does not answer."""
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scope": f"{audience}/.default",
    }
    url = f"https://{LOOPBACK}:{PORT}/{TENANT}/oauth2/v2.0/token"
    got = sent(folder(settings) / "ca.pem", url, urllib.parse.urlencode(form).encode())
    return str(json.loads(got)["access_token"]) if got else ""


def takes_tokens(settings: Settings) -> bool:
    """Whether the API server knows who comes with a token of Entra."""
    if api.get(settings, "/readyz") != "ok":
        return False
    url = f"{API_URL}/apis/authentication.k8s.io/v1/selfsubjectreviews"
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    headers = (("Authorization", f"Bearer {token(settings)}"), ("Content-Type", "application/json"))
    return OBJECT in sent(settings.pki / "ca.crt", url, json.dumps(review).encode(), headers)


def sent(authority: Path, url: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> str:
    """What a POST is answered; empty for no answer, or a refusal."""
    try:
        context = ssl.create_default_context(cafile=str(authority))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(urllib.request.Request(url, body, dict(headers)), timeout=5) as answer:
            return str(answer.read().decode())
    except (OSError, urllib.error.URLError, ssl.SSLError):
        return ""


def faults(processes: Processes) -> list[str]:
    """What a test bed of an older checkout may lack; `up` adds it."""
    works = "azure" in recorded() and takes_tokens(processes.settings)
    return [] if works else ["the stand-ins of Azure do not answer, or the cluster knows them not"]
