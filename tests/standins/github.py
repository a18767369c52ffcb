"""GitHub's OpenID provider for jobs.

https://docs.github.com/actions/reference/security/oidc , `api-version=2.0` of the request URL.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from tests.standins.jwts import Issuer
from tests.standins.web import Request, Response, answer

HOST = "run.actions.githubusercontent.com"
PATH = "/1/idtoken/2/3"
ISSUER = "https://token.actions.githubusercontent.com"
SUBJECT = "repo:your-org/shop:ref:refs/heads/main"


class GitHub:
    """Answers a job's request for an assertion about itself, which lives `lifetime` seconds."""

    def __init__(self) -> None:
        self.issuer = Issuer(ISSUER)
        self.subject = SUBJECT
        self.lifetime = 300.0
        self.request_token = secrets.token_urlsafe(24)
        self.issued: list[str] = []

    @property
    def env(self) -> Mapping[str, str]:
        """What the runner sets for a job with `id-token: write`."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://{HOST}{PATH}?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token,
        }

    def __call__(self, request: Request) -> Response:
        if (request.method, request.path) != ("GET", PATH):
            return answer({"message": "Not Found"}, 404)
        if request.query.get("api-version") != "2.0":
            return answer({"message": "The api-version is missing"}, 400)
        if request.bearer != self.request_token:
            return answer({"message": "Bad token"}, 401)
        assertion = self.issuer.sign(
            self.lifetime,
            aud=request.query.get("audience", "https://github.com/your-org"),
            sub=self.subject,
            repository="your-org/shop",
            jti=secrets.token_hex(8),
        )
        self.issued.append(assertion)
        return answer({"value": assertion})
