"""Answers of servers that are JSON in name only: a sentence, and never a crash."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.clients.azure import github_oidc, registries
from aks_action.clients.azure.manager import ResourceManager, Subject
from aks_action.clients.http import Answer
from aks_action.clients.kube.errors import Asked, from_answer
from aks_action.errors import ActionError, AuthError
from aks_action.model.images.manifests import ImageManifest
from aks_action.model.manifests import ObjectRef

ENV = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner.example/token?v=1",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
}
REF = ObjectRef(api_version="v1", kind="Secret", name="a", namespace="b")
ODD = [
    b"[" * 100_000,
    b'{"value":' * 50_000,
    b"9" * 100_000,
    b'{"value": NaN}',
    b'{"value": ["a"], "refresh_token": {}}',
    b"[" + b"0," * 100_000 + b"0]",
    b'"\\ud800"',
    b"null",
    b"\xff\xfe",
    b"",
]


def _identity(http: Any) -> None:
    github_oidc.assertion(ENV, http, lambda _: None)


def _login(http: Any) -> None:
    registries.exchange("shop.azurecr.io", "tenant", "token", http)


def _resource(http: Any) -> None:
    cloud = SimpleNamespace(manager="https://management.example", manager_scope="scope")
    settings: Any = SimpleNamespace(cloud=cloud)
    entra: Any = SimpleNamespace(token=lambda _: SimpleNamespace(value="t", renew_at=1e12))
    clock: Any = None
    manager = ResourceManager(settings, entra, http, clock)
    found = manager.get("/x", Subject(name="AKS shop", role="Reader"), api_version="1")
    raise AuthError(f"it has {len(found)} parts")


def _refusal(http: Any) -> None:
    asked = Asked(verb="get", ref=REF, resource="secrets", host="https://cluster.example")
    answer = http.send("GET", "")
    raise from_answer(403, answer.body, "application/json", asked)


@pytest.mark.parametrize("ask", [_identity, _login, _resource, _refusal])
@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_an_odd_answer_is_told_in_a_sentence(ask: Callable[[Any], None], body: bytes) -> None:
    http = SimpleNamespace(send=lambda *_args, **_more: Answer(status=200, headers={}, body=body))
    with pytest.raises(ActionError):
        ask(http)


@given(st.sampled_from(ODD) | st.binary() | st.text().map(str.encode))
def test_nothing_of_this_is_a_manifest(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^its? "):
        ImageManifest.read(body)
