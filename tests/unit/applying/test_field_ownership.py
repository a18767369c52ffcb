"""Ownership of fields, with managedFields as an API server writes them."""

import json
from typing import Any

import pytest

from aks_action.model.applying.diff import LAST_APPLIED
from aks_action.model.applying.field_ownership import (
    FIELD_MANAGER,
    owned_by_us,
    paths,
    same_ownership,
    taken_fields,
)
from aks_action.model.applying.field_tries import lookup, parts
from aks_action.model.applying.takeover import leaving_with_takeover, migrated, takeover
from aks_action.model.plan import FieldChange, TakenField

# What kubectl 1.37 `apply` left on a Deployment, shortened to the fields that matter.
KUBECTL: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "fieldsType": "FieldsV1",
    "fieldsV1": json.loads("""{
      "f:metadata": {"f:annotations": {".": {},
        "f:kubectl.kubernetes.io/last-applied-configuration": {}},
        "f:labels": {".": {}, "f:team": {}}},
      "f:spec": {"f:progressDeadlineSeconds": {}, "f:replicas": {},
        "f:template": {"f:spec": {"f:containers": {
        "k:{\\"name\\":\\"web\\"}": {".": {}, "f:image": {}, "f:name": {},
          "f:ports": {".": {}, "k:{\\"containerPort\\":80,\\"protocol\\":\\"TCP\\"}": {
            ".": {}, "f:containerPort": {}}}},
        "k:{\\"name\\":\\"old\\"}": {".": {}, "f:image": {}, "f:name": {}}}}}}}"""),
    "manager": "kubectl-client-side-apply",
    "operation": "Update",
    "time": "2026-11-01T10:00:00Z",
}
CONTROLLER: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "fieldsType": "FieldsV1",
    "fieldsV1": {
        "f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}},
        "f:status": {"f:replicas": {}},
    },
    "manager": "kube-controller-manager",
    "operation": "Update",
    "subresource": "status",
    "time": "2026-11-01T10:00:01Z",
}


def entry(manager: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    common = {"apiVersion": "apps/v1", "fieldsType": "FieldsV1", "operation": "Update"}
    return {**common, "manager": manager, "fieldsV1": fields, **more}


def ours(fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return entry(FIELD_MANAGER, fields, **{"operation": "Apply", **more})


# A client-side apply keeps what it was given, without the server's defaults.
STATED = {
    "metadata": {"labels": {"team": "a"}},
    "spec": {
        "replicas": 3,
        "template": {
            "spec": {
                "containers": [
                    {"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]},
                    {"name": "old", "image": "old:1"},
                ]
            }
        },
    },
}


def live(*managed: dict[str, Any]) -> dict[str, Any]:
    containers = [
        {"name": "web", "image": "web:1", "ports": [{"containerPort": 80, "protocol": "TCP"}]},
        {"name": "old", "image": "old:1"},
    ]
    template = {"spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "prod",
            "annotations": {
                LAST_APPLIED: json.dumps(STATED),
                "deployment.kubernetes.io/revision": "1",
            },
            "labels": {"team": "a"},
            "managedFields": list(managed),
        },
        "spec": {"replicas": 3, "progressDeadlineSeconds": 600, "template": template},
    }


WEB_ONLY: dict[str, Any] = {
    "f:spec": {
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {".": {}, "f:image": {}, "f:name": {}},
                }
            }
        }
    }
}


def test_a_member_dot_is_the_path_itself() -> None:
    assert paths({"fieldsV1": {"f:a": {".": {}, "f:b": {}}}}) == {("f:a",), ("f:a", "f:b")}


def test_a_field_that_another_manager_no_longer_owns_was_taken_from_it() -> None:
    helm = entry("helm", {"f:spec": {"f:replicas": {}, "f:paused": {}}})
    less = entry("helm", {"f:spec": {"f:paused": {}}})
    found = taken_fields(live(helm), live(less, ours({"f:spec": {"f:replicas": {}}})))
    assert found == (TakenField(path="spec.replicas", manager="helm"),)


def test_a_manager_that_lost_everything_is_named_for_each_field() -> None:
    editor = entry("kubectl-edit", WEB_ONLY)
    found = taken_fields(live(editor), live(ours(WEB_ONLY)))
    assert [field.path for field in found] == [
        "spec.template.spec.containers[web].image",
        "spec.template.spec.containers[web].name",
    ]


def test_replicas_taken_from_a_manual_scale_are_told() -> None:
    scaled = entry("kubectl", {"f:spec": {"f:replicas": {}}}, subresource="scale")
    assert taken_fields(live(scaled), live()) == (
        TakenField(path="spec.replicas", manager="kubectl"),
    )


def test_what_kubectl_applied_and_what_a_status_reports_is_not_taken() -> None:
    assert taken_fields(live(KUBECTL, CONTROLLER), live()) == ()


def test_what_our_own_patch_set_before_is_not_taken() -> None:
    patched = entry(FIELD_MANAGER, {"f:spec": {"f:replicas": {}}})
    assert taken_fields(live(patched), live(ours({"f:spec": {"f:replicas": {}}}))) == ()


def test_nothing_of_kubectl_is_nothing_to_take_over() -> None:
    assert takeover(live(CONTROLLER, ours(WEB_ONLY)), "apps/v1") is None


def test_kubectls_entry_becomes_ours_with_all_of_its_fields() -> None:
    managed = takeover(live(KUBECTL, CONTROLLER), "apps/v1")
    assert managed is not None
    assert managed[0] == CONTROLLER
    assert managed[1] == {**KUBECTL, "manager": FIELD_MANAGER, "operation": "Apply"}


def test_kubectls_entry_is_merged_into_the_one_that_we_have() -> None:
    mine = ours({"f:spec": {"f:paused": {}, "f:template": {}}})
    managed = takeover(live(mine, KUBECTL), "apps/v1")
    assert managed is not None
    (merged,) = managed
    assert merged["manager"] == FIELD_MANAGER
    assert paths(merged) == paths(mine) | paths(KUBECTL)


def test_an_entry_of_another_version_is_dropped_beside_one_of_ours() -> None:
    old = {**KUBECTL, "apiVersion": "apps/v1beta2"}
    mine = ours(WEB_ONLY)
    assert takeover(live(mine, old), "apps/v1") == (mine,)


def test_kubectls_own_server_side_entries_are_taken_over_too() -> None:
    applied = entry("kubectl", WEB_ONLY, operation="Apply")
    last = entry(
        "kubectl-last-applied",
        {"f:metadata": {"f:annotations": {f"f:{LAST_APPLIED}": {}}}},
        operation="Apply",
    )
    managed = takeover(live(applied, last), "apps/v1")
    assert managed is not None
    (merged,) = managed
    assert paths(merged) == paths(applied) | paths(last)


def test_a_manual_scale_by_kubectl_is_not_taken_over() -> None:
    scaled = entry("kubectl", {"f:spec": {"f:replicas": {}}}, subresource="scale")
    assert takeover(live(scaled), "apps/v1") is None


def test_fields_of_kubectl_that_we_do_not_apply_will_go_away() -> None:
    result = live(KUBECTL, CONTROLLER, ours(WEB_ONLY))
    assert leaving_with_takeover(live(KUBECTL, CONTROLLER), result) == (
        FieldChange(path="metadata.labels", before='{"team":"a"}'),
        FieldChange(path="spec.replicas", before=3),
        FieldChange(
            path="spec.template.spec.containers[old]", before='{"image":"old:1","name":"old"}'
        ),
        FieldChange(
            path="spec.template.spec.containers[web].ports",
            before='[{"containerPort":80,"protocol":"TCP"}]',
        ),
    )


def test_a_field_that_somebody_else_owns_too_will_stay() -> None:
    other = entry("helm", {"f:spec": {"f:replicas": {}}, "f:metadata": {"f:labels": {"f:x": {}}}})
    result = live(KUBECTL, other, ours(WEB_ONLY))
    found = [change.path for change in leaving_with_takeover(live(KUBECTL, other), result)]
    assert "spec.replicas" not in found
    assert "metadata.labels" not in found
    assert "metadata.labels.team" in found


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[" * 900 + "]" * 900, "[]", '{"a":1,"a":2}', "NaN"]
)
def test_a_last_applied_that_cannot_be_read_says_nothing(text: str) -> None:
    """Whoever may annotate the object can write it."""
    found = live(KUBECTL, CONTROLLER)
    found["metadata"]["annotations"] = {LAST_APPLIED: text}
    assert leaving_with_takeover(found, live(KUBECTL, CONTROLLER, ours(WEB_ONLY))) == ()


@pytest.mark.parametrize(
    "step", ["k:no", "v:no", "k:[1]", "k:" + "[" * 100_000, "i:0", "odd", "k:{}"]
)
def test_owners_of_fields_that_nobody_can_find_are_none(step: str) -> None:
    """Any client may write managedFields."""
    assert lookup(["no", 0, {"a": 1}], (step,)) is None
    assert parts((step,))


def test_a_secrets_leaving_value_is_hidden() -> None:
    fields: dict[str, Any] = {"f:data": {".": {}, "f:password": {}, "f:user": {}}}
    kubectl = {**KUBECTL, "apiVersion": "v1", "fieldsV1": fields}
    stated = json.dumps({"stringData": {"password": "pw", "user": "u"}})
    annotations = {LAST_APPLIED: stated}
    metadata = {"name": "s", "managedFields": [kubectl], "annotations": annotations}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "data": {"password": "cHc=", "user": "dQ=="},
    }
    mine = ours({"f:data": {"f:user": {}}}, apiVersion="v1")
    result = {**secret, "metadata": {**metadata, "managedFields": [kubectl, mine]}}
    assert leaving_with_takeover(secret, result) == (
        FieldChange(path="data.password", before="***"),
    )


def test_applying_records_nothing_new_when_our_entries_have_the_same_fields() -> None:
    later = ours(WEB_ONLY, time="2026-11-02T00:00:00Z")
    assert same_ownership(live(ours(WEB_ONLY)), live(later))
    assert not same_ownership(live(CONTROLLER), live(CONTROLLER, later))


def test_what_kubectl_applied_counts_as_ours() -> None:
    path = ("f:spec", "f:replicas")
    assert owned_by_us(live(KUBECTL), path)
    assert not owned_by_us(live(entry("hpa", {"f:spec": {"f:replicas": {}}})), path)


def test_entries_of_an_old_api_version_are_rewritten_to_the_applied_one() -> None:
    old = {**CONTROLLER, "apiVersion": "apps/v1beta1"}
    assert migrated(live(old), "apps/v1") == (CONTROLLER,)
    assert migrated(live(CONTROLLER), "apps/v1") is None
