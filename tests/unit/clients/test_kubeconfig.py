"""Reading a kubeconfig: every form it is given in, and one sentence for each way to be unusable."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aks_action.clients.kube.access import Access
from aks_action.clients.kube.kubeconfig import read
from aks_action.errors import InputError
from tests.unit.odd_text import odd_text

YAML = """
apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: c
  cluster:
    server: https://prod.example:6443/
    certificate-authority-data: Y2E=
contexts:
- name: prod
  context: {cluster: c, user: u, namespace: shop}
- name: other
  context: {cluster: c, user: u}
users:
- name: u
  user: {token: hush}
"""


def config(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "current-context": "prod",
        "clusters": [{"name": "c", "cluster": {"server": "https://prod.example:6443"}}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "hush"}}],
    }
    return base | changes


def cluster(**entries: Any) -> str:
    entry = {"server": "https://prod.example:6443", **entries}
    return json.dumps(config(clusters=[{"name": "c", "cluster": entry}]))


@pytest.mark.parametrize("form", ["text", "base64", "wrapped base64", "path"])
def test_a_kubeconfig_in_any_form(form: str, tmp_path: Path) -> None:
    """Text, base64 of it and a path give the same access."""
    coded = base64.b64encode(YAML.encode()).decode()
    path = tmp_path / "config"
    path.write_text(YAML)
    given_as = {"text": YAML, "base64": coded, "wrapped base64": f" {coded}\n", "path": str(path)}
    access = read(given_as[form])
    assert (access.server, access.namespace) == ("https://prod.example:6443", "shop")
    assert (access.token, access.authority, access.insecure) == ("hush", b"ca", False)


def test_a_context_by_its_name() -> None:
    """The named context is taken, in the namespace default when it names none."""
    access = read(YAML, context="other")
    assert (access.context, access.namespace) == ("other", "default")


def test_several_files_are_merged(tmp_path: Path) -> None:
    """As kubectl does: the first file that names something wins, an absent one is left out."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text(json.dumps(config(users=[], **{"current-context": ""})))
    second.write_text(YAML)
    access = read(f"{first}:{tmp_path / 'absent'}:{second}")
    assert (access.context, access.namespace, access.token) == ("prod", "default", "hush")


def test_files_are_found_beside_the_kubeconfig(tmp_path: Path) -> None:
    """A relative file name is relative to the kubeconfig, not to the current folder."""
    (tmp_path / "ca.crt").write_bytes(b"ca")
    path = tmp_path / "config"
    path.write_text(cluster(**{"certificate-authority": "ca.crt"}))
    assert read(str(path)).authority == b"ca"


NO_CURRENT = json.dumps(config(**{"current-context": ""}))
NO_CLUSTER = json.dumps(config(clusters=[]))
NO_USER = json.dumps(config(users=[]))
OLD_USER = [{"name": "u", "user": {"auth-provider": {"name": "azure"}}}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"No kubeconfig was given"),
        ("  \n ", r"No kubeconfig was given"),
        ("hello: [\nhush", r"is not valid YAML at line 2\.$"),
        ("just\nwords", r"is not a kubeconfig: it has no clusters"),
        ("- a\n- b\n", r"is not a kubeconfig"),
        ('{"clusters": {}, "users": {"a": 1}}', r"users is not a list"),
        ("/nowhere/config", r"file /nowhere/config does not exist"),
        ("hush hush", r"value is not usable"),
        ("x\n" * 600_000, r"larger than 1 MiB"),
        (NO_CURRENT, r"no current context\. Set the input context to prod\."),
        (NO_CLUSTER, r"names a cluster that is not there"),
        (NO_USER, r"names a user that is not there"),
        (cluster(server=""), r"has no server in the kubeconfig"),
        (cluster(server="prod.example"), r"has a server that is not a URL"),
        (cluster(server="https://prod:port"), r"has a server that is not a URL"),
        (cluster(**{"certificate-authority-data": "%"}), r"authority-data .* is not base64"),
        (cluster(**{"certificate-authority": "/nowhere/ca"}), r"names /nowhere/ca as cert.*: No s"),
        (json.dumps(config(users=OLD_USER)), r"auth-provider azure, which is gone"),
    ],
)
def test_what_is_wrong_is_one_sentence(text: str, told: str) -> None:
    """Each way to be unusable is named, and nothing of the content is quoted."""
    with pytest.raises(InputError, match=told) as caught:
        read(text)
    assert "hush" not in str(caught.value)


def test_an_unknown_context_names_those_that_are_there() -> None:
    """The sentence helps to correct the input."""
    with pytest.raises(InputError, match="has no context nope; it has prod, other"):
        read(YAML, context="nope")


def test_a_folder_is_not_a_kubeconfig(tmp_path: Path) -> None:
    """A path that is a folder is told so."""
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read(str(tmp_path))


def test_a_kubeconfig_that_is_not_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are told so."""
    path = tmp_path / "config"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is not UTF-8 text"):
        read(str(path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | odd_text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text(max_size=8), inner),
    max_leaves=8,
)
NAMED = st.fixed_dictionaries(
    {}, optional={"name": JSON, "cluster": JSON, "context": JSON, "user": JSON, "server": JSON}
)
KEYS = ("current-context", "clusters", "contexts", "users")
ENTRIES = st.lists(st.fixed_dictionaries({}, optional={
    "name": st.just("a"), "cluster": NAMED, "context": NAMED | st.just(
        {"cluster": "a", "user": "a"}), "user": NAMED}), max_size=2)  # fmt: skip


@example("~0")  # the home folder of a user that does not exist
@given(
    odd_text()
    | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON | ENTRIES)).map(json.dumps)
)
@example(json.dumps({"current-context": "a", "clusters": [None], "contexts": [1], "users": [""]}))
@example("\0")
@example("&a [*a]\n")
def test_nothing_but_an_access_or_an_input_error(text: str) -> None:
    """Whatever is given, it is read or refused; no other exception gets out."""
    try:
        access = read(text)
    except InputError:
        return
    assert isinstance(access, Access)
