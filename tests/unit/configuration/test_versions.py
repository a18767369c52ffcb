"""Versions of ConfigMaps and Secrets: their names, who is pointed to them, and who must not be."""

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from aks_action import strategies
from aks_action.errors import Source
from aks_action.model.configuration.content_hash import content_hash
from aks_action.model.configuration.history import surplus
from aks_action.model.configuration.marks import VERSION_OF, VERSIONED, is_version
from aks_action.model.configuration.outsiders import names_in
from aks_action.model.configuration.versions import versioned, with_previous
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.plan import Change
from aks_action.model.pod_specs import value_at
from aks_action.model.strategy_settings import Strategy, StrategySettings
from tests.unit.configuration.words import (
    applied,
    config_map,
    item,
    observed,
    plan_of,
    pod_spec,
    workload,
)
from tests.unit.strategies.words import TYPES

# The test vectors of kustomize's own hasher, and of kubectl's before it.
VECTORS = [
    ({"kind": "ConfigMap"}, "6ct58987ht"),
    ({"kind": "ConfigMap", "data": {"one": ""}}, "9g67k2htb6"),
    ({"kind": "ConfigMap", "data": {"two": "2", "one": "", "three": "3"}}, "f5h7t85m9b"),
    ({"kind": "ConfigMap", "binaryData": {"one": ""}}, "6mtk2m274t"),
    ({"kind": "Secret", "type": "my-type", "data": {"one": ""}}, "74bd68bm66"),
]


@pytest.mark.parametrize(("document", "expected"), VECTORS)
def test_the_hash_is_kustomizes(document: Document, expected: str) -> None:
    assert content_hash(document) == expected


def test_the_hash_is_of_the_text_that_go_writes() -> None:
    """Go's JSON has escapes for `<`, `>`, `&` and the separators of lines."""
    text = r'{"data":{"a":"\u003c\u0026\u003e\u2028é"},"kind":"ConfigMap","name":""}'
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    expected = digest.translate(str.maketrans("013ae", "ghkmt"))
    assert content_hash({"kind": "ConfigMap", "data": {"a": "<&>\u2028é"}}) == expected


def manifests(*documents: Document) -> ManifestSet:
    return tuple(
        Manifest(document=each, source=Source(file="all.yml", line=n))
        for n, each in enumerate(documents, start=1)
    )


def by_kind(found: ManifestSet) -> dict[str, Document]:
    return {each.kind: each.document for each in found}


def reasons(*documents: Document) -> list[str]:
    return list(versioned(manifests(*documents)).notes)


SETTINGS = config_map(LEVEL="info")
TOKEN = item("Secret", "token", data={"t": base64.b64encode(b"x").decode()})


def test_a_version_has_the_hash_in_its_name_and_cannot_be_edited() -> None:
    made = by_kind(versioned(manifests(SETTINGS, workload())).manifests)
    version = made["ConfigMap"]
    name = f"settings-{content_hash(SETTINGS)}"
    assert version["metadata"]["name"] == name
    assert version["immutable"] is True
    assert version["metadata"]["labels"] == {VERSIONED: "true"}
    assert version["metadata"]["annotations"] == {VERSION_OF: "settings"}
    assert is_version(version)
    path = ("spec", "template", "spec", "containers", 0, "envFrom", 0, "configMapRef", "name")
    assert value_at(made["Deployment"], path) == name


def test_the_same_content_has_the_same_name_again() -> None:
    first, back = (by_kind(versioned(manifests(SETTINGS, workload())).manifests) for _ in "12")
    other = by_kind(versioned(manifests(config_map(LEVEL="debug"), workload())).manifests)
    assert first["ConfigMap"]["metadata"] == back["ConfigMap"]["metadata"]
    assert other["ConfigMap"]["metadata"]["name"] != first["ConfigMap"]["metadata"]["name"]


def test_the_given_documents_stay_as_they_are() -> None:
    given = workload()
    versioned(manifests(SETTINGS, given))
    assert given == workload()
    assert "immutable" not in SETTINGS


TEMPLATE = ("spec", "template", "spec")
SITES: list[tuple[str, Document, tuple[str | int, ...]]] = [
    (
        "volume",
        {**pod_spec(), "volumes": [{"name": "v", "secret": {"secretName": "token"}}]},
        ("volumes", 0, "secret", "secretName"),
    ),
    (
        "projected",
        {**pod_spec(), "volumes": [{"projected": {"sources": [{"secret": {"name": "token"}}]}}]},
        ("volumes", 0, "projected", "sources", 0, "secret", "name"),
    ),
    (
        "env of an init container",
        {
            **pod_spec(),
            "initContainers": [
                {"name": "i", "env": [{"valueFrom": {"secretKeyRef": {"name": "token"}}}]}
            ],
        },
        ("initContainers", 0, "env", 0, "valueFrom", "secretKeyRef", "name"),
    ),
    (
        "csi",
        {**pod_spec(), "volumes": [{"csi": {"nodePublishSecretRef": {"name": "token"}}}]},
        ("volumes", 0, "csi", "nodePublishSecretRef", "name"),
    ),
]


@pytest.mark.parametrize(("spec", "path"), [each[1:] for each in SITES], ids=lambda _: "")
def test_every_site_of_a_pod_spec_is_pointed_to_the_version(
    spec: Document, path: tuple[str | int, ...]
) -> None:
    given = set_in(workload(reads=""), TEMPLATE, spec)
    made = by_kind(versioned(manifests(TOKEN, given)).manifests)["Deployment"]
    assert value_at(made, (*TEMPLATE, *path)) == f"token-{content_hash(TOKEN)}"


OTHERS: list[tuple[Document, tuple[str | int, ...]]] = [
    (
        item("ServiceAccount", "robot", secrets=[{"name": "token"}]),
        ("secrets", 0, "name"),
    ),
    (
        item("Ingress", "web", "networking.k8s.io/v1", spec={"tls": [{"secretName": "token"}]}),
        ("spec", "tls", 0, "secretName"),
    ),
    (
        item(
            "Gateway",
            "web",
            "gateway.networking.k8s.io/v1",
            spec={"listeners": [{"tls": {"certificateRefs": [{"name": "token"}]}}]},
        ),
        ("spec", "listeners", 0, "tls", "certificateRefs", 0, "name"),
    ),
    (
        item(
            "ReferenceGrant",
            "web",
            "gateway.networking.k8s.io/v1beta1",
            spec={
                "from": [{"group": "gateway.networking.k8s.io", "kind": "Gateway"}],
                "to": [{"group": "", "kind": "Service"}, {"kind": "Secret", "name": "token"}],
            },
        ),
        ("spec", "to", 1, "name"),
    ),
    (
        item(
            "BackendTLSPolicy",
            "web",
            "gateway.networking.k8s.io/v1",
            spec={"validation": {"caCertificateRefs": [{"kind": "Secret", "name": "token"}]}},
        ),
        ("spec", "validation", "caCertificateRefs", 0, "name"),
    ),
    (
        item(
            "Rollout",
            "web",
            "argoproj.io/v1alpha1",
            spec={"template": {"spec": pod_spec(env_from="Secret/token")}},
        ),
        ("spec", "template", "spec", "containers", 0, "envFrom", 0, "secretRef", "name"),
    ),
    (
        item(
            "CronJob",
            "nightly",
            "batch/v1",
            spec={
                "jobTemplate": {"spec": {"template": {"spec": pod_spec(env_from="Secret/token")}}}
            },
        ),
        (
            *("spec", "jobTemplate", "spec", "template", "spec"),
            *("containers", 0, "envFrom", 0, "secretRef", "name"),
        ),
    ),
    (
        item(
            "TriggerAuthentication",
            "queue",
            "keda.sh/v1alpha1",
            spec={"secretTargetRef": [{"name": "token", "key": "t", "parameter": "p"}]},
        ),
        ("spec", "secretTargetRef", 0, "name"),
    ),
]


@pytest.mark.parametrize(("given", "path"), OTHERS, ids=[each[0]["kind"] for each in OTHERS])
def test_other_kinds_are_pointed_to_the_version(
    given: Document, path: tuple[str | int, ...]
) -> None:
    made = by_kind(versioned(manifests(TOKEN, given)).manifests)[given["kind"]]
    assert value_at(made, path) == f"token-{content_hash(TOKEN)}"


def test_another_namespace_is_another_object() -> None:
    elsewhere = set_in(workload(), ("metadata", "namespace"), "other")
    made = versioned(manifests(SETTINGS, workload(name="here"), elsewhere)).manifests
    assert made[2].document is elsewhere


PULL = {**pod_spec(), "imagePullSecrets": [{"name": "token"}]}
ISSUED = {"annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"}}
READER = workload(reads="Secret/token")
OUTSIDERS: list[tuple[str, list[Document]]] = [
    ("nothing in the manifests reads it", [TOKEN]),
    ("pull secret", [TOKEN, set_in(workload(reads=""), TEMPLATE, PULL)]),
    ("pull secret", [TOKEN, item("ServiceAccount", "x", imagePullSecrets=[{"name": "token"}])]),
    ("pull secret", [{**TOKEN, "type": "kubernetes.io/dockerconfigjson"}, READER]),
    ("API server", [{**TOKEN, "type": "kubernetes.io/service-account-token"}, READER]),
    (
        "cert-manager",
        [
            TOKEN,
            item(
                "Ingress",
                "web",
                "networking.k8s.io/v1",
                meta=ISSUED,
                spec={"tls": [{"secretName": "token"}]},
            ),
        ],
    ),
    (
        "Certificate/shop/web names it at spec.secretName",
        [TOKEN, READER, item("Certificate", "web", "cert-manager.io/v1",
                             spec={"secretName": "token"})],
    ),
    (
        "its annotation",
        [set_in(TOKEN, ("metadata", "annotations"), {VERSIONED: "false"}), READER],
    ),
    ("Pod/shop/bare", [TOKEN, READER, item("Pod", "bare", spec=pod_spec(env_from="Secret/token"))]),
    (
        "Role/shop/reader",
        [
            TOKEN,
            READER,
            item(
                "Role",
                "reader",
                "rbac.authorization.k8s.io/v1",
                rules=[{"resources": ["secrets"], "resourceNames": ["token"]}],
            ),
        ],
    ),
    (
        "names it in --election-secret",
        [
            TOKEN,
            set_in(
                READER,
                TEMPLATE,
                {
                    "containers": [
                        {
                            "name": "c",
                            "args": ["--election-secret=$(NAMESPACE)/token"],
                            "envFrom": [{"secretRef": {"name": "token"}}],
                        }
                    ]
                },
            ),
        ],
    ),
    (
        "Ingress/shop/web names it at metadata.annotations.nginx.ingress.kubernetes.io/auth-secret",
        [
            TOKEN,
            READER,
            item(
                "Ingress",
                "web",
                "networking.k8s.io/v1",
                meta={"annotations": {"nginx.ingress.kubernetes.io/auth-secret": "shop/token"}},
                spec={},
            ),
        ],
    ),
    (
        "StorageClass/disks names it at parameters.csi.storage.k8s.io/node-stage-secret-name",
        [
            TOKEN,
            READER,
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "disks"},
                "parameters": {"csi.storage.k8s.io/node-stage-secret-name": "token"},
            },
        ],
    ),
    (
        "names it at spec.template.spec.volumes[0].csi.volumeAttributes.secretName",
        [
            TOKEN,
            READER,
            set_in(
                workload(name="other"),
                (*TEMPLATE, "volumes"),
                [{"name": "files", "csi": {"driver": "file.csi.azure.com",
                                           "volumeAttributes": {"secretName": "token"}}}],
            ),
        ],
    ),
    (
        "Backup/shop/web names it at spec.target",
        [
            TOKEN,
            READER,
            item(
                "Backup",
                "web",
                "example.com/v1",
                spec={"target": {"kind": "Secret", "name": "token"}},
            ),
        ],
    ),
    (
        "ConfigMap/shop/names names it at data.PULL_SECRET",
        [
            TOKEN,
            READER,
            config_map("names", PULL_SECRET="token"),
            workload(name="other", reads="ConfigMap/names"),
        ],
    ),
    ("no place for a hash", [set_in(TOKEN, ("metadata", "name"), "t" * 245),
                             workload(reads=f"Secret/{'t' * 245}")]),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "documents"), OUTSIDERS)
def test_what_others_may_name_keeps_its_name_and_the_reason_is_told(
    reason: str, documents: list[Document]
) -> None:
    made = versioned(manifests(*documents))
    assert ref_of(documents[0]) not in made.versions
    assert made.manifests[0].document == documents[0]
    (note,) = (each for each in made.notes if str(ref_of(documents[0])) in each)
    assert reason in note


def test_what_kustomize_has_versioned_is_not_versioned_twice() -> None:
    name = f"settings-{content_hash(SETTINGS)}"
    documents = (config_map(name, LEVEL="info"), workload(reads=f"ConfigMap/{name}"))
    assert "already" in reasons(*documents)[0]


def test_one_sentence_tells_all_that_have_the_same_reason() -> None:
    (note,) = reasons(config_map("a"), config_map("b"))
    assert note.startswith("Not versioned: ConfigMap/shop/a, ConfigMap/shop/b: nothing")


def version(number: int, **data: str) -> dict[str, Any]:
    meta = {
        "creationTimestamp": f"2026-05-01T12:00:{number:02}Z",
        "labels": {VERSIONED: "true"},
        "annotations": {VERSION_OF: "settings"},
    }
    return item("ConfigMap", f"settings-{number}", meta=meta, data=data)


def live(*documents: Document) -> dict[ObjectRef, Document]:
    return {ref_of(each): each for each in documents}


SIX = live(*(version(n) for n in range(1, 7)))


def old(wanted: int | None, history: int, there: dict[ObjectRef, Document] = SIX) -> list[str]:
    base = ref_of(SETTINGS)
    name = None if wanted is None else ref_of(version(wanted))
    return [each.name for each in surplus({base: name}, there, history)]


@pytest.mark.parametrize(
    ("wanted", "history", "expected"),
    [
        (6, 5, ["settings-1"]),
        (7, 5, ["settings-1", "settings-2"]),
        (1, 5, ["settings-2"]),
        (None, 5, ["settings-1"]),
        (6, 1, [f"settings-{n}" for n in range(1, 6)]),
        (6, 6, []),
        (6, 100, []),
    ],
    ids=str,
)
def test_only_what_is_older_than_the_history_may_go(
    wanted: int | None, history: int, expected: list[str]
) -> None:
    """The version of this run counts as one, also one that is not there yet or is an old one."""
    assert old(wanted, history) == expected


def test_versions_of_other_configuration_and_what_nobody_marked_stay() -> None:
    foreign = [
        set_in(version(1), ("metadata", "annotations", VERSION_OF), "others"),
        set_in(version(2), ("metadata", "labels"), {}),
        set_in(version(3), ("metadata", "namespace"), "elsewhere"),
        set_in(version(4), ("kind",), "Secret"),
        config_map("settings-5"),
    ]
    assert old(9, 1, live(*foreign)) == []


def test_a_name_is_found_wherever_it_stands_in_a_live_object() -> None:
    """Also in the StatefulSet's template that a ControllerRevision keeps."""
    template = {"spec": {"template": {"spec": pod_spec(env_from="ConfigMap/settings-1")}}}
    revision = item("ControllerRevision", "db-1", "apps/v1", data=template)
    assert names_in(revision, frozenset({"settings-1", "settings-2"})) == {"settings-1"}
    assert names_in(version(1), frozenset({"settings-1"})) == set()


def test_a_new_version_tells_what_differs_from_the_newest_one() -> None:
    new = set_in(version(9, LEVEL="debug"), ("metadata", "creationTimestamp"), "")
    plan = plan_of(applied(new, Change.CREATED))
    there = observed(version(2, LEVEL="info"), version(1, LEVEL="none"))
    (apply,) = with_previous(plan, there.live).applies
    assert apply.assessment is not None
    (field,) = apply.assessment.fields
    assert (field.path, field.before, field.after) == ("data.LEVEL", "info", "debug")


def test_a_secret_tells_only_which_keys_differ() -> None:
    before, after = (
        set_in(set_in(version(n), ("kind",), "Secret"), ("data",), {"t": value})
        for n, value in ((1, "b2xk"), (2, "bmV3"))
    )
    (apply,) = with_previous(plan_of(applied(after, Change.CREATED)), live(before)).applies
    assert apply.assessment is not None
    assert "data.t" in str(apply.assessment.fields)
    assert "b2xk" not in str(apply.assessment.fields)
    assert "bmV3" not in str(apply.assessment.fields)


def test_nothing_is_marked_or_rewritten_without_configuration() -> None:
    given = manifests(workload(reads=""))
    assert versioned(given).manifests == given
    assert get_in(given[0].document, ("metadata", "labels")) is None


@pytest.mark.parametrize("strategy", [Strategy.CANARY, Strategy.BLUE_GREEN])
def test_a_new_version_beside_the_stable_has_its_own_configuration(strategy: Strategy) -> None:
    """The stable goes on to name what it names."""
    made = versioned(manifests(SETTINGS, workload(selector={"matchLabels": {"app": "web"}})))
    stable = workload(selector={"matchLabels": {"app": "web"}}, reads="ConfigMap/settings-old")
    settings = StrategySettings(strategy=strategy, percentage=50)
    plan = strategies.plan(settings, made.manifests, replace(observed(stable), types=TYPES))
    path = ("spec", "template", "spec", "containers", 0, "envFrom", 0, "configMapRef", "name")
    named = {
        each.ref.name: value_at(each.manifest.document, path)
        for each in plan.applies
        if each.ref.kind == "Deployment"
    }
    new = {name for name in named if name.endswith(("-canary", "-green"))}
    assert {named[name] for name in new} == {f"settings-{content_hash(SETTINGS)}"}
    assert all(named[name] == "settings-old" for name in named.keys() - new)
