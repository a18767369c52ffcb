"""An API server in the words of tests: what it serves, and answers that it gives one by one."""

from __future__ import annotations

import json
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from aks_action.model.manifests import ObjectRef

PATH = "/api/v1/namespaces/prod/configmaps"
REF = ObjectRef(api_version="v1", kind="ConfigMap", name="settings", namespace="prod")
DOCUMENT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "prod"},
    "data": {"a": "1"},
}
SECRET = {**DOCUMENT, "kind": "Secret"}
CORE = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {"name": ""},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced"}
                        for plural, kind in (
                            ("configmaps", "ConfigMap"), ("secrets", "Secret"), ("pods", "Pod")
                        )
                    ],
                }
            ],
        }
    ],
}  # fmt: skip
APIS = {"kind": "APIGroupDiscoveryList", "items": []}


def kubeconfig(server: str, *, cluster: dict[str, Any] | None = None, **user: Any) -> str:
    return json.dumps(
        {
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
            "users": [{"name": "u", "user": user}],
        }
    )


def status(code: int, message: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "message": message, "reason": reason, **more}


def answers(server: HTTPServer, method: str, path: str, *scripted: Response) -> list[Request]:
    """Give these answers one after the other, the last one again and again."""
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return scripted[min(len(asked), len(scripted)) - 1]

    server.expect_request(path, method=method).respond_with_handler(answer)
    return asked


def response(body: dict[str, Any], **headers: str) -> Response:
    code = body["code"] if body.get("kind") == "Status" else 200
    return Response(json.dumps(body), code, {"Content-Type": "application/json", **headers})


OK = DOCUMENT | {"metadata": {**DOCUMENT["metadata"], "resourceVersion": "7"}}  # type: ignore[dict-item]
