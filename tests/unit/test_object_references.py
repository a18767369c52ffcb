"""Every place where one object names another is found, with its path."""

from __future__ import annotations

from aks_action.model.pod_specs import path_text, value_at
from aks_action.model.references import Reference, references

SPEC = {
    "containers": [
        {
            "name": "web",
            "image": "web",
            "env": [
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "env-map", "key": "a"}}},
                {"name": "B", "value": "b"},
                {
                    "name": "C",
                    "valueFrom": {"secretKeyRef": {"name": "env-secret", "optional": True}},
                },
            ],
            "envFrom": [
                {"configMapRef": {"name": "from-map"}},
                {"secretRef": {"name": "from-secret"}},
            ],
        }
    ],
    "volumes": [
        {"name": "a", "configMap": {"name": "vol-map"}},
        {"name": "b", "secret": {"secretName": "vol-secret", "optional": True}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": "proj-map"}}]}},
        {"name": "d", "csi": {"nodePublishSecretRef": {"name": "csi-secret"}}},
        {"name": "e", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "f", "emptyDir": {}},
    ],
    "imagePullSecrets": [{"name": "pull"}],
    "serviceAccountName": "account",
    "priorityClassName": "high",
    "runtimeClassName": "sandbox",
}
CRON_JOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "x", "namespace": "ns"},
    "spec": {"jobTemplate": {"spec": {"template": {"spec": SPEC}}}},
}


def test_a_pod_spec_names_all_of_these() -> None:
    found = list(references(CRON_JOB))
    assert sorted((each.kind, each.name, each.group, each.optional) for each in found) == [
        ("ConfigMap", "env-map", "", False),
        ("ConfigMap", "from-map", "", False),
        ("ConfigMap", "proj-map", "", False),
        ("ConfigMap", "vol-map", "", False),
        ("PersistentVolumeClaim", "claim", "", False),
        ("PriorityClass", "high", "scheduling.k8s.io", False),
        ("RuntimeClass", "sandbox", "node.k8s.io", False),
        ("Secret", "csi-secret", "", False),
        ("Secret", "env-secret", "", True),
        ("Secret", "from-secret", "", False),
        ("Secret", "pull", "", False),
        ("Secret", "vol-secret", "", True),
        ("ServiceAccount", "account", "", False),
    ]
    assert {each.namespace for each in found} == {"ns"}


def test_each_path_leads_to_the_name() -> None:
    """So that whoever renames an object can write the new name there."""
    for each in references(CRON_JOB):
        assert value_at(CRON_JOB, each.path) == each.name
    assert path_text(next(references(CRON_JOB)).path) == (
        "spec.jobTemplate.spec.template.spec.containers[0].env[0].valueFrom.configMapKeyRef.name"
    )


def test_a_binding_names_its_role_and_the_namespace_of_its_accounts() -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "x", "namespace": "ns"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "a", "namespace": "other"},
            {"kind": "ServiceAccount", "name": "b"},
        ],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
    }
    assert [(each.kind, each.namespace, each.name, each.group) for each in references(binding)] == [
        ("ServiceAccount", "other", "a", None),
        ("ServiceAccount", "ns", "b", None),
        ("ClusterRole", "ns", "r", "rbac.authorization.k8s.io"),
    ]


def test_a_route_names_gateways_and_services_by_their_defaults() -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "x", "namespace": "ns"},
        "spec": {
            "parentRefs": [{"name": "g", "namespace": "infra"}],
            "rules": [
                {
                    "backendRefs": [
                        {"name": "web", "port": 80},
                        {"name": "b", "group": "a.b", "kind": "C"},
                    ]
                }
            ],
        },
    }
    assert [(each.group, each.kind, each.namespace, each.name) for each in references(route)] == [
        ("gateway.networking.k8s.io", "Gateway", "infra", "g"),
        ("", "Service", "ns", "web"),
        ("a.b", "C", "ns", "b"),
    ]


def test_objects_that_name_nothing_have_no_references() -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert list(references(document)) == []


def test_a_reference_can_be_compared() -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "x", "namespace": "ns"},
        "spec": {"storageClassName": "fast", "volumeName": ""},
    }
    assert list(references(claim)) == [
        Reference(
            kind="StorageClass",
            name="fast",
            namespace="ns",
            path=("spec", "storageClassName"),
            group="storage.k8s.io",
        )
    ]
