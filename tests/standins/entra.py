"""Entra ID: OpenID metadata and the token endpoint, v2.0.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
Errors: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.standins.jwts import Issuer
from tests.standins.web import Request, Response, answer

HOST = "login.microsoftonline.com"
AUDIENCE = "api://AzureADTokenExchange"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(kw_only=True)
class App:
    """An app registration with its service principal.

    trusted: subject → who issues assertions about it (federated credentials).
    """

    client_id: str
    object_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret: str = ""
    secret_expired: bool = False
    trusted: dict[str, Issuer] = field(default_factory=dict)


class Entra:
    """One tenant with its apps; access tokens live `lifetime` seconds."""

    def __init__(self, tenant_id: str, key: RSAPrivateKey | None = None) -> None:
        self.tenant_id = tenant_id
        self.issuer = Issuer(f"https://sts.windows.net/{tenant_id}/", key)
        self.apps: dict[str, App] = {}
        self.lifetime = 3599.0
        self.issued: list[str] = []

    def add(self, app: App) -> App:
        self.apps[app.client_id] = app
        return app

    def token_for(self, object_id: str, audience: str, client_id: str = "") -> str:
        """An access token, version 1.0 as ARM and AKS get them."""
        token = self.issuer.sign(
            self.lifetime,
            aud=audience,
            sub=object_id,
            oid=object_id,
            tid=self.tenant_id,
            appid=client_id,
            ver="1.0",
            uti=uuid.uuid4().hex,
        )
        self.issued.append(token)
        return token

    def __call__(self, request: Request) -> Response:
        tenant, _, rest = request.path.removeprefix("/").partition("/")
        if tenant != self.tenant_id:
            return refusal(90002, f"Tenant '{tenant}' not found. Check to make sure you have the "
                           "correct tenant ID.", status=400, error="invalid_request")  # fmt: skip
        match request.method, rest:
            case "GET", "v2.0/.well-known/openid-configuration":
                return answer(self._metadata(request))
            case "GET", ".well-known/openid-configuration":
                return answer({**self._metadata(request), "issuer": self.issuer.url})
            case "GET", "discovery/v2.0/keys":
                return answer(self.issuer.keys())
            case "POST", "oauth2/v2.0/token":
                return self._token(request.form)
            case _:
                return answer({"error": "not_found"}, 404)

    def _metadata(self, request: Request) -> dict[str, Any]:
        base = f"https://{request.headers['host']}/{self.tenant_id}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _token(self, form: Mapping[str, str]) -> Response:
        if form.get("grant_type") != "client_credentials":
            return refusal(70003, "The app requested an unsupported grant type.", status=400)
        scope = form.get("scope", "").split()[0]
        if not scope.endswith("/.default"):
            return refusal(1002012, f"The provided value for scope {scope} is not valid.")
        app = self.apps.get(form.get("client_id", ""))
        if app is None:
            return refusal(
                700016,
                f"Application with identifier '{form.get('client_id')}' was not found in the "
                "directory 'Shop'.",
                status=400,
                error="unauthorized_client",
            )
        if "client_assertion" in form:
            refused = self._assertion(app, form)
        else:
            refused = self._secret(app, form)
        if refused:
            return refused
        token = self.token_for(app.object_id, scope.removesuffix("/.default"), app.client_id)
        life = int(self.lifetime)
        return answer(
            {
                "token_type": "Bearer",
                "expires_in": life,
                "ext_expires_in": life,
                "access_token": token,
            }
        )

    def _secret(self, app: App, form: Mapping[str, str]) -> Response | None:
        if app.secret_expired:
            return refusal(
                7000222, f"The provided client secret keys for app '{app.client_id}' are expired."
            )
        if not app.secret or form.get("client_secret") != app.secret:
            return refusal(
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is "
                f"the client secret value, not the client secret ID, for app '{app.client_id}'.",
            )
        return None

    def _assertion(  # noqa: PLR0911 - one for each check of Entra
        self, app: App, form: Mapping[str, str]
    ) -> Response | None:
        """As Entra checks: issuer, subject, audience, signature, life."""
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            return refusal(50027, "The client_assertion_type is not supported.")
        assertion = form["client_assertion"]
        seen = jwt.decode(assertion, options={"verify_signature": False})
        subject = seen.get("sub", "")
        if subject not in app.trusted:
            return refusal(
                700213,
                "No matching federated identity record found for presented assertion subject "
                f"'{subject}'. Please check your federated identity credential Subject, Audience "
                "and Issuer against the presented assertion.",
            )
        trusted = app.trusted[subject]
        try:
            trusted.read(assertion, AUDIENCE)
        except jwt.InvalidIssuerError:
            return refusal(700211, "No matching federated identity record found for presented "
                           f"assertion issuer '{seen.get('iss')}'.")  # fmt: skip
        except jwt.InvalidAudienceError:
            return refusal(700212, "No matching federated identity record found for presented "
                           f"assertion audience '{seen.get('aud')}'.")  # fmt: skip
        except jwt.ExpiredSignatureError:
            return refusal(
                700024, "Client assertion is not within its valid time range. Current time: now."
            )
        except jwt.InvalidTokenError:
            return refusal(700027, "Client assertion failed signature validation.")
        return None


def refusal(code: int, text: str, *, status: int = 401, error: str = "invalid_client") -> Response:
    """An error answer of the token endpoint."""
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    return answer(
        {
            "error": error,
            "error_description": f"AADSTS{code}: {text} Trace ID: {trace} Correlation ID: "
            f"{correlation} Timestamp: 2026-11-23 05:00:00Z",
            "error_codes": [code],
            "timestamp": "2026-11-23 05:00:00Z",
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://{HOST}/error?code={code}",
        },
        status,
    )
