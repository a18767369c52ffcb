"""What a record may hold, which is not for the record to say."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aks_action.model.documents import set_in
from aks_action.model.manifests import Document
from aks_action.model.records.scope import Limits, left_elsewhere, refused
from aks_action.model.release_settings import RollbackScope
from aks_action.model.resources import ResourceType, index
from tests.unit.configuration.words import NAMESPACE, config_map, item, workload
from tests.unit.records.words import manifests_of, record

RBAC = "rbac.authorization.k8s.io"
TYPES = index(
    ResourceType(api_version=version, kind=kind, plural=kind.lower(), namespaced=namespaced)
    for version, kind, namespaced in (
        ("v1", "ConfigMap", True),
        ("v1", "Namespace", False),
        ("v1", "Pod", True),
        ("apps/v1", "Deployment", True),
        (f"{RBAC}/v1", "Role", True),
        (f"{RBAC}/v1", "RoleBinding", True),
        (f"{RBAC}/v1", "ClusterRoleBinding", False),
        ("example.com/v1", "Site", False),
        ("argoproj.io/v1alpha1", "Rollout", True),
    )
)
HERE = Limits(scope=RollbackScope(), namespace=NAMESPACE, types=TYPES)


def words(limits: Limits, *documents: Document) -> list[tuple[str, str]]:
    """What is not allowed: the name of each object, and what would allow it."""
    return [(each.ref.name, each.word) for each in limits.beyond(manifests_of(*documents))]


ELSEWHERE = config_map("elsewhere", meta={"namespace": "other"})
UPPER = config_map("upper", meta={"namespace": NAMESPACE.upper()})
NOWHERE = config_map("nowhere", meta={"namespace": ""})
ROLE = item("Role", "role", f"{RBAC}/v1")
BINDING = item("ClusterRoleBinding", "binding", f"{RBAC}/v1")
SITE = item("Site", "site", "example.com/v1")


def test_what_is_in_the_releases_namespace_is_allowed() -> None:
    rollout = {**workload("Rollout", "rollout"), "apiVersion": "argoproj.io/v1alpha1"}
    assert words(HERE, config_map(), workload(), rollout) == []


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (ELSEWHERE, "other"),
        (UPPER, NAMESPACE.upper()),
        (NOWHERE, ""),
        (ROLE, f"Role.{RBAC}"),
        (BINDING, f"ClusterRoleBinding.{RBAC}"),
        (SITE, "Site.example.com"),
        (item("Namespace", "ns"), "Namespace"),
    ],
)
def test_what_is_beyond_it_is_not_and_is_told_with_the_word_for_it(
    document: Document, word: str
) -> None:
    """Also what is cluster-scoped and says that it is in the namespace."""
    assert words(HERE, config_map(), document) == [(document["metadata"]["name"], word)]


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        (RollbackScope(namespaces=frozenset({"other"})), ["role", "binding", "site"]),
        (RollbackScope(kinds=frozenset({"Role"})), ["elsewhere", "binding", "site"]),
        (RollbackScope(kinds=frozenset({f"Role.{RBAC}"})), ["elsewhere", "binding", "site"]),
        (
            RollbackScope(kinds=frozenset({"Site.other.com"})),
            ["elsewhere", "role", "binding", "site"],
        ),
        (RollbackScope(kinds=frozenset({"Site"})), ["elsewhere", "role", "binding"]),
        (RollbackScope(cluster=True), ["elsewhere", "role"]),
    ],
)
def test_the_author_of_the_workflow_may_allow_more(scope: RollbackScope, left: list[str]) -> None:
    found = words(replace(HERE, scope=scope), ELSEWHERE, ROLE, BINDING, SITE)
    assert [name for name, _ in found] == left


def test_a_signed_record_may_give_rights_and_is_bounded_all_the_same() -> None:
    signed = replace(HERE, signed=True)
    host = set_in(workload(), ("spec", "template", "spec", "hostNetwork"), True)  # noqa: FBT003
    assert words(signed, ROLE, host, BINDING, ELSEWHERE) == [
        ("binding", f"ClusterRoleBinding.{RBAC}"),
        ("elsewhere", "other"),
    ]


SPEC = ("spec", "template", "spec")
CONTAINER = {"name": "web", "image": "web"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"hostNetwork": True}, "`hostNetwork`"),
        ({"hostPID": True}, "`hostPID`"),
        ({"hostIPC": True}, "`hostIPC`"),
        ({"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}, "`hostPath` volumes"),
        ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, "`hostProcess`"),
        (
            {"initContainers": [{**CONTAINER, "securityContext": {"privileged": True}}]},
            "`privileged` containers",
        ),
        (
            {"containers": [{**CONTAINER, "securityContext": {"capabilities": {"add": ["ALL"]}}}]},
            "the capability ALL",
        ),
        ({"containers": [{**CONTAINER, "ports": [{"hostPort": 80}]}]}, "`hostPort`"),
        ({"hostNetwork": False, "volumes": [1, {"name": "a", "emptyDir": {}}]}, ""),
        (
            {
                "containers": [
                    {**CONTAINER, "securityContext": {"capabilities": {"add": ["CHOWN"]}}}
                ]
            },
            "",
        ),
        ({"containers": [1], "volumes": "x", "securityContext": []}, ""),
    ],
)
def test_pods_that_reach_their_node_need_a_word_of_their_own(
    fields: Mapping[str, Any], why: str
) -> None:
    document = set_in(workload(), SPEC, {"containers": [CONTAINER], **fields})
    found = tuple(HERE.beyond(manifests_of(document)))
    assert [(each.why, each.word) for each in found] == (
        [(f"its pods have {why}", "host")] if why else []
    )
    assert words(replace(HERE, scope=RollbackScope(host=True)), document) == []


def test_a_refusal_names_each_object_and_what_to_write() -> None:
    beyond = tuple(HERE.beyond(manifests_of(ELSEWHERE, ROLE, BINDING)))
    text = str(refused(beyond, record(3, "v1.0.0")[0], signed=False))
    assert (
        "v1.0.0 (record 3) of release `shop` is not gone back to, and nothing was changed" in text
    )
    assert (
        "ConfigMap/other/elsewhere: it is in namespace other; Role/shop/role: it gives rights"
        in text
    )
    assert f"`rollback-scope: ClusterRoleBinding.{RBAC}, Role.{RBAC}, other`" in text
    assert "record-key" in text
    many = manifests_of(
        *(config_map(f"c{number}", meta={"namespace": "x"}) for number in range(99))
    )
    assert "; and 89 more." in str(refused(tuple(HERE.beyond(many)), record()[0], signed=True))


def test_what_is_not_pruned_since_only_a_record_names_it_is_told() -> None:
    (note,) = left_elsewhere([manifests_of(BINDING)[0].ref], HERE)
    assert note.startswith("Not looked for and not pruned, though no longer in the manifests")
    assert f"`rollback-scope: ClusterRoleBinding.{RBAC}` lets it go." in note
    assert list(left_elsewhere([], HERE)) == []
