"""The metadata service of a virtual machine (IMDS), for managed identities.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
(api-version 2018-02-01)
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.standins.entra import App, Entra
from tests.standins.web import Request, Response, answer

HOST = "169.254.169.254"
_PATH = "/metadata/identity/oauth2/token"


@dataclass
class Metadata:
    """A machine: `system` is its own identity, `assigned` are those of users, by client id."""

    entra: Entra
    system: App | None = None
    assigned: tuple[App, ...] = ()

    def __call__(self, request: Request) -> Response:
        if (request.method, request.path) != ("GET", _PATH):
            return answer({"error": "not_found"}, 404)
        if request.headers.get("metadata") != "true":
            return answer({"error": "bad_request_102"}, 400)
        if request.query.get("api-version") != "2018-02-01":
            return answer({"error": "bad_request"}, 400)
        wanted = request.query.get("client_id", "")
        app = next((each for each in self.assigned if each.client_id == wanted), None)
        app = app or (None if wanted else self.system)
        if app is None:
            return answer(
                {"error": "invalid_request", "error_description": "Identity not found"}, 400
            )
        resource = request.query["resource"]
        token = self.entra.token_for(app.object_id, resource.rstrip("/"), app.client_id)
        life = int(self.entra.lifetime)
        return answer(
            {
                "access_token": token,
                "client_id": app.client_id,
                "expires_in": str(life),
                "expires_on": str(int(time.time()) + life),
                "ext_expires_in": str(life),
                "not_before": str(int(time.time())),
                "resource": resource,
                "token_type": "Bearer",
            }
        )
