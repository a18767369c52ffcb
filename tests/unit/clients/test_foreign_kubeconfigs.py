"""A kubeconfig of the repository, or of an answer, may do less than the author's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aks_action.clients.kube.access import Access, BearerToken
from aks_action.clients.kube.kubeconfig import Trust, read
from aks_action.errors import InputError

ANSWER = Trust(is_answer=True)


@pytest.fixture(name="workspace")
def _workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def text(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> str:
    server = {"server": "https://cluster.example:6443", **(cluster or {})}
    return json.dumps(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": server}],
            "users": [{"name": "u", "user": {"token": "hush"} if user is None else user}],
        }
    )


def written(folder: Path, content: str) -> Path:
    path = folder / "config"
    path.write_text(content)
    return path


def refused(kubeconfig: str, trust: Trust, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(kubeconfig, trust=trust, **options)
    return str(caught.value)


FORBIDDEN = [
    ({}, {"exec": {"command": "sh"}}, "start a command"),
    ({}, {"tokenFile": "/var/run/secrets/token"}, "tokenFile"),
    ({}, {"tokenFile": "token"}, "tokenFile"),
    ({"insecure-skip-tls-verify": True}, None, "skip-tls-verify"),
    ({"proxy-url": "http://169.254.169.254"}, None, "proxy-url"),
    ({"server": "http://cluster.example"}, None, "without HTTPS"),
    ({"server": "HTTP://127.0.0.1:8001"}, None, "without HTTPS"),
]


@pytest.mark.parametrize(("cluster", "user", "told"), FORBIDDEN)
def test_a_file_of_the_workspace_may_not_do_what_only_the_author_may(
    cluster: dict[str, Any], user: dict[str, Any] | None, told: str, workspace: Path
) -> None:
    path = written(workspace, text(cluster, user))
    sentence = refused(str(path), Trust(workspace=str(workspace)))
    assert told in sentence
    assert "RUNNER_TEMP" in sentence


@pytest.mark.parametrize(("cluster", "user", "told"), FORBIDDEN)
def test_an_answer_of_azure_may_not_either(
    cluster: dict[str, Any], user: dict[str, Any] | None, told: str
) -> None:
    assert told in refused(text(cluster, user), ANSWER)


@pytest.mark.parametrize("key", ["certificate-authority", "client-certificate", "client-key"])
def test_a_file_of_the_workspace_names_no_file_outside_of_it(key: str, workspace: Path) -> None:
    (workspace.parent / "secret").write_text("of the runner")
    (workspace / "link").symlink_to("../secret")
    (workspace / "inside").write_text("pem")
    entries = ({key: "{}"}, None) if key.startswith("certificate") else (None, {key: "{}"})
    for name in ("../secret", str(workspace.parent / "secret"), "link", "/proc/self/environ"):
        content = text(*entries).replace("{}", name)
        sentence = refused(str(written(workspace, content)), Trust(workspace=str(workspace)))
        assert "outside of it" in sentence
        assert "of the runner" not in sentence
        assert "read a file" in refused(content, ANSWER)
    inside = written(workspace, text(*entries).replace("{}", "inside"))
    access = read(str(inside), trust=Trust(workspace=str(workspace)))
    assert b"pem" in (access.authority, access.client_certificate, access.client_key)


def test_a_plain_kubeconfig_of_the_workspace_is_as_good_as_any(workspace: Path) -> None:
    path = written(workspace, text({"tls-server-name": "x", "certificate-authority-data": "Y2E="}))
    access = read(str(path), trust=Trust(workspace=str(workspace)))
    assert (access.token, access.authority) == ("hush", b"ca")


def test_a_file_of_the_workspace_does_not_choose_who_gets_the_registrys_password(
    workspace: Path,
) -> None:
    """`pull-secret-name` sends it to the server that the kubeconfig names."""
    trust = Trust(workspace=str(workspace), carries="pull-secret-name")
    sentence = refused(str(written(workspace, text())), trust)
    assert "the registry's password (`pull-secret-name`)" in sentence
    read(str(written(workspace.parent, text())), trust=trust)


def test_the_author_may_leave_the_certificate_unchecked(workspace: Path) -> None:
    path = written(workspace, text({"insecure-skip-tls-verify": True}))
    read(str(path), trust=Trust(workspace=str(workspace)), skip_tls_verify=True)


@pytest.mark.parametrize("form", ["text", "outside", "link to outside, itself outside"])
def test_the_authors_own_kubeconfig_may_do_all_of_it(form: str, workspace: Path) -> None:
    """Its text, or a file that an earlier step left outside of the workspace."""
    content = text({"insecure-skip-tls-verify": True}, {"exec": {"command": "kubelogin"}})
    path = written(workspace.parent, content)
    (workspace.parent / "link").symlink_to(path)
    given = {"text": content, "outside": str(path)}.get(form, str(workspace.parent / "link"))
    assert read(given, trust=Trust(workspace=str(workspace))).plugin == {"command": "kubelogin"}


def test_a_link_outside_that_leads_into_the_workspace_is_of_the_workspace(workspace: Path) -> None:
    written(workspace, text(user={"exec": {"command": "sh"}}))
    (workspace.parent / "link").symlink_to(workspace / "config")
    trust = Trust(workspace=str(workspace))
    assert "start a command" in refused(str(workspace.parent / "link"), trust)


def test_a_link_in_the_workspace_does_not_choose_a_kubeconfig_of_the_machine(
    workspace: Path,
) -> None:
    written(workspace.parent, text())
    (workspace / "link").symlink_to("../config")
    (workspace / "zero").symlink_to("/dev/zero")
    for name in ("link", "zero"):
        assert "leads out" in refused(str(workspace / name), Trust(workspace=str(workspace)))


def test_a_workspace_that_is_a_link_itself_counts_by_where_it_is(workspace: Path) -> None:
    path = written(workspace, text(user={"exec": {"command": "sh"}}))
    (workspace.parent / "alias").symlink_to(workspace)
    for given, root in ((path, "alias"), (workspace.parent / "alias" / "config", "workspace")):
        trust = Trust(workspace=str(workspace.parent / root))
        assert "start a command" in refused(str(given), trust)


def test_files_of_the_workspace_are_not_merged_with_others(workspace: Path) -> None:
    """A server of the one would get the credentials of the other."""
    ours, other = written(workspace, text()), written(workspace.parent, text())
    for given in (f"{ours}:{other}", f"{other}:{ours}"):
        assert "KUBECONFIG" in refused(given, Trust(workspace=str(workspace)))
    read(f"{ours}:{ours}", trust=Trust(workspace=str(workspace)))


def test_a_sign_in_to_azure_goes_before_a_plugin_of_its_answer() -> None:
    access = read(
        text(user={"exec": {"command": "kubelogin"}}),
        bearer=lambda: BearerToken(value="t", renew_at=0),
        trust=ANSWER,
    )
    assert access.plugin is None
    assert access.bearer is not None


CREDENTIALS = [
    {"token": "hush"},
    {"username": "u", "password": "hush"},
    {"exec": {"command": "kubelogin"}},
    {"tokenFile": "/var/run/token"},
]


@pytest.mark.parametrize("user", CREDENTIALS)
def test_no_kubeconfig_sends_credentials_in_plain_text_off_this_machine(
    user: dict[str, Any],
) -> None:
    def access(server: str, of: dict[str, Any]) -> Access:
        return read(text({"server": server}, of))

    with pytest.raises(InputError, match="plain text"):
        access("http://cluster.example", user)
    access("http://127.0.0.1:8001", user)
    access("http://cluster.example", {})
