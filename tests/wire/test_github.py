"""GitHub's API: it is a convenience, and nothing that it answers may cost a deploy."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from aks_action.clients.github import workflow_path

WORKFLOWS = {
    "workflows": [
        {"name": "Tests", "path": ".github/workflows/tests.yml"},
        {"name": "Release", "path": ".github/workflows/release.yml"},
    ]
}


def test_the_file_of_a_workflow_is_found_by_its_name(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/repos/me/shop/actions/workflows",
        query_string="per_page=100",
        headers={"Authorization": "Bearer t0ken"},
    ).respond_with_json(WORKFLOWS)
    found = workflow_path(httpserver.url_for("/"), "me/shop", "Release", "t0ken")
    assert found == ".github/workflows/release.yml"


def test_without_a_token_it_is_asked_as_nobody(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/repos/me/shop/actions/workflows").respond_with_json(WORKFLOWS)
    workflow_path(httpserver.url_for("/"), "me/shop", "Release", "")
    ((request, _),) = httpserver.log
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>hello</html>"),
        (200, '{"workflows": [{"id": 1}]}'),
        (200, "[]"),
        (403, "{}"),
        (500, "{}"),
        (302, "{}"),
    ],
)
def test_any_other_answer_means_that_the_file_is_not_known_after_one_request(
    httpserver: HTTPServer, status: int, body: str
) -> None:
    httpserver.expect_request("/repos/me/shop/actions/workflows").respond_with_data(body, status)
    assert workflow_path(httpserver.url_for("/"), "me/shop", "Release", "t") == ""
    assert len(httpserver.log) == 1


def test_a_server_that_cannot_be_reached_means_the_same() -> None:
    assert workflow_path("http://127.0.0.1:1", "me/shop", "Release", "t") == ""


def test_the_token_is_not_sent_in_plain_text_off_this_machine(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even through a proxy, which could read it."""
    proxy = httpserver.url_for("/")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    assert workflow_path("http://api.github.example", "me/shop", "Release", "t0ken") == ""
    assert not httpserver.log
