"""A container registry of Azure: Entra's tokens at the door, a real registry behind it.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md (/oauth2/exchange, /oauth2/token)
https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl

import jwt
import urllib3
from cryptography.hazmat.primitives import serialization

from tests.contract.registries import _free_port, _wait_until_open
from tests.standins.entra import Entra
from tests.standins.jwts import Issuer
from tests.standins.keys import Keys
from tests.standins.web import Request, Response, answer

TOKEN_USER = "00000000-0000-0000-0000-000000000000"
AUDIENCES = ("https://management.azure.com", "https://containerregistry.azure.net")
ISSUER = "Azure Container Registry"
_ACTIONS = {"AcrPull": {"pull"}, "AcrPush": {"pull", "push"}}
_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


class AzureRegistry:
    """`host` is a name below azurecr.io; `backend` the URL of a real registry that trusts us.

    anonymous: whether everybody may pull (`az acr update --anonymous-pull-enabled`).
    """

    def __init__(self, host: str, entra: Entra, keys: Keys) -> None:
        self.host = host
        self.entra = entra
        self.issuer = Issuer(ISSUER, keys.registry)
        self.certificate = keys.certificate
        self.backend = ""
        self.anonymous = False
        self.roles: dict[str, set[str]] = {}
        self.audiences = AUDIENCES
        self.issued: list[str] = []
        self._pool = urllib3.PoolManager()

    def grant(self, object_id: str, *roles: str) -> None:
        self.roles.setdefault(object_id, set()).update(roles)

    def __call__(self, request: Request) -> Response:
        match request.method, request.path:
            case "POST", "/oauth2/exchange":
                return self._exchange(request.form)
            case "GET" | "POST", "/oauth2/token":
                return self._token(request)
            case _:
                return self._forwarded(request)

    def _exchange(self, form: dict[str, str]) -> Response:
        if form.get("grant_type") != "access_token" or form.get("service") != self.host:
            return refusal("the request is not understood", 400)
        if form.get("tenant", self.entra.tenant_id) != self.entra.tenant_id:
            return refusal("AAD tenant mismatch")
        for audience in self.audiences:
            try:
                claims = self.entra.issuer.read(form.get("access_token", ""), audience)
            except jwt.InvalidTokenError:
                continue
            if not self.roles.get(claims["oid"]):
                return refusal("authentication required, visit https://aka.ms/acr/authorization")
            token = self.issuer.sign(
                10_800, aud=self.host, sub=claims["oid"], grant_type="refresh_token"
            )
            self.issued.append(token)
            return answer({"refresh_token": token})
        return refusal("authentication required, visit https://aka.ms/acr/authorization")

    def _token(self, request: Request) -> Response:
        if request.method == "POST":
            login, fields = request.form.get("refresh_token", ""), list(request.form.items())
        else:
            code = request.headers.get("authorization", "").removeprefix("Basic ")
            user, _, login = base64.b64decode(code).decode().partition(":")
            fields = parse_qsl(request.target.partition("?")[2])
            if self.anonymous and not code:
                access = [_granted(value, {"pull"}) for name, value in fields if name == "scope"]
                return answer({"access_token": self.signed("anonymous", access)})
            if user != TOKEN_USER:
                return refusal("authentication required")
        if ("service", self.host) not in fields:
            return refusal("the service is missing", 400)
        try:
            claims = self.issuer.read(login, self.host)
        except jwt.InvalidTokenError:
            return refusal("authentication required")
        may = set().union(*(_ACTIONS[role] for role in self.roles.get(claims["sub"], ())))
        access = [_granted(value, may) for name, value in fields if name == "scope"]
        if any(not each["actions"] for each in access):
            return refusal("authentication required")
        return answer({"access_token": self.signed(claims["sub"], access)})

    def signed(self, subject: str, access: list[dict[str, object]]) -> str:
        """What distribution checks: issuer, audience, life, and the certificate in `x5c`."""
        now = int(time.time())
        claims = {
            "iss": self.issuer.url, "sub": subject, "aud": self.host,
            "iat": now, "nbf": now - 5, "exp": now + 300,
            "jti": secrets.token_hex(8), "access": access,
        }  # fmt: skip
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        token = jwt.encode(
            claims,
            self.issuer.key,
            algorithm="RS256",
            headers={"x5c": [base64.b64encode(der).decode()]},
        )
        self.issued.append(token)
        return token

    def _forwarded(self, request: Request) -> Response:
        headers = {k: v for k, v in request.headers.items() if k not in _HOP}
        got = self._pool.request(
            request.method,
            self.backend + request.target,
            body=request.body,
            headers={**headers, "host": self.host, "x-forwarded-proto": "https"},
            redirect=False,
            retries=False,
            decode_content=False,
        )
        kept = {k: v for k, v in got.headers.items() if k.lower() not in _HOP}
        if request.method == "HEAD":
            kept["content-length"] = got.headers.get("content-length", "0")
        return Response(status=got.status, headers=kept, body=got.data)


@contextmanager
def running_behind(registry: AzureRegistry, folder: Path) -> Iterator[str]:
    """Debian's docker-registry with token authentication by `registry`; yields its address."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    assert program, "docker-registry is missing: apt-get install docker-registry"
    pem = registry.certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "acr.pem").write_bytes(pem)
    port = _free_port()
    (folder / "registry.yml").write_text(
        "version: 0.1\n"
        "log: {level: error}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder}/images'}}, "
        "delete: {enabled: true}}\n"
        f"auth: {{token: {{realm: 'https://{registry.host}/oauth2/token', "
        f"service: '{registry.host}', issuer: '{registry.issuer.url}', "
        f"rootcertbundle: '{folder}/acr.pem'}}}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(folder / "registry.yml")], stdout=log, stderr=log
        )
    try:
        _wait_until_open(port, process, folder / "registry.log")
        registry.backend = f"http://127.0.0.1:{port}"
        yield registry.backend
    finally:
        process.terminate()
        process.wait(timeout=10)


def refusal(message: str, status: int = 401) -> Response:
    return answer({"errors": [{"code": "UNAUTHORIZED", "message": message}]}, status)


def _granted(scope: str, may: set[str]) -> dict[str, object]:
    kind, name, actions = scope.split(":")
    return {"type": kind, "name": name, "actions": sorted(set(actions.split(",")) & may)}
