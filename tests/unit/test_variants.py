"""Copies of workloads and Services, as k8s-deploy makes them."""

from typing import Any

import pytest

from aks_action.model.manifests import ref_of
from aks_action.model.variants import (
    Colour,
    Version,
    coloured,
    copy_name,
    copy_ref,
    pod_labels_of,
    versioned,
    with_live_selector,
)


def deployment(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", **metadata},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", "env": [{"name": "A"}]}]},
            },
        },
    }


def service(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
    }


@pytest.mark.parametrize("version", list(Version))
def test_a_version_is_in_the_name_the_labels_the_annotation_the_selector_and_the_pods(
    version: Version,
) -> None:
    copy = versioned(deployment(), version)
    mark = {"workflow/version": str(version)}
    assert copy["metadata"] == {
        "name": f"web-{version}",
        "namespace": "shop",
        "labels": mark,
        "annotations": mark,
    }
    assert copy["spec"]["selector"]["matchLabels"] == {"app": "web", **mark}
    assert pod_labels_of(copy) == {"app": "web", **mark}


def test_an_adopted_stable_is_marked_under_its_plain_name() -> None:
    assert versioned(deployment(), Version.STABLE, rename=False)["metadata"]["name"] == "web"


def test_green_has_a_suffix_and_blue_its_plain_name_with_the_colour_none() -> None:
    green, blue = coloured(deployment(), Colour.GREEN), coloured(deployment(), Colour.BLUE)
    assert (green["metadata"]["name"], blue["metadata"]["name"]) == ("web-green", "web")
    assert green["spec"]["selector"]["matchLabels"] == {"app": "web", "k8s.deploy.color": "green"}
    assert pod_labels_of(blue) == {"app": "web", "k8s.deploy.color": "None"}
    assert "annotations" not in green["metadata"]


def test_a_services_selector_is_narrowed_and_its_template_is_not_invented() -> None:
    copy = coloured(service(), Colour.GREEN)
    assert copy["spec"]["selector"] == {"app": "web", "k8s.deploy.color": "green"}
    assert "template" not in copy["spec"]


def test_a_pod_is_marked_by_its_own_labels() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [], "nodeName": "n"}}
    copy = versioned(pod, Version.CANARY)
    assert pod_labels_of(copy) == {"workflow/version": "canary"}
    assert copy["spec"] == {"containers": []}


def test_a_copy_of_a_live_object_carries_nothing_that_only_the_original_may_have() -> None:
    live = deployment(
        uid="1-2",
        resourceVersion="7",
        generation=3,
        managedFields=[{}],
        ownerReferences=[{"name": "x"}],
        labels={"team": "a"},
        annotations={
            "deployment.kubernetes.io/revision": "4",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "note": "kept",
        },
    )
    live["status"] = {"replicas": 1}
    copy = versioned(live, Version.BASELINE)
    assert copy["metadata"] == {
        "name": "web-baseline",
        "namespace": "shop",
        "labels": {"team": "a", "workflow/version": "baseline"},
        "annotations": {"note": "kept", "workflow/version": "baseline"},
    }
    assert "status" not in copy
    assert copy["spec"]["template"]["spec"] == live["spec"]["template"]["spec"]


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
def test_weak_6_a_copy_of_a_service_takes_no_outward_address(kind: str) -> None:
    original = service(
        type=kind,
        clusterIP="10.0.0.7",
        clusterIPs=["10.0.0.7"],
        loadBalancerIP="20.1.1.1",
        loadBalancerClass="azure",
        healthCheckNodePort=31000,
        externalTrafficPolicy="Local",
        externalIPs=["20.1.1.2"],
        sessionAffinity="ClientIP",
        ports=[{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}],
    )
    assert versioned(original, Version.CANARY)["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "web", "workflow/version": "canary"},
        "sessionAffinity": "ClientIP",
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
    }


def test_a_copy_of_a_headless_service_stays_headless() -> None:
    assert versioned(service(clusterIP="None"), Version.CANARY)["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize(
    ("kind", "longest"), [("Service", 63), ("StatefulSet", 52), ("Deployment", 242), ("Pod", 253)]
)
def test_a_name_that_would_be_too_long_is_cut_and_told_apart(kind: str, longest: int) -> None:
    fits, too_long = "a" * (longest - 7), "a" * (longest - 6)
    assert copy_name(kind, fits, "canary") == f"{fits}-canary"
    cut = copy_name(kind, too_long, "canary")
    other = copy_name(kind, too_long + "b", "canary")
    assert len(cut) <= longest
    assert cut.endswith("-canary")
    assert cut != other


def test_the_identity_of_a_copy_keeps_the_namespace() -> None:
    assert str(copy_ref(ref_of(deployment()), "canary")) == "Deployment/shop/web-canary"


@pytest.mark.parametrize(
    ("live", "wanted", "kept"),
    [
        ({"app": "web"}, {"app": "web", "k8s.deploy.color": "None"}, {"app": "web"}),
        (
            {"app": "web", "k8s.deploy.color": "None"},
            {"app": "web"},
            {"app": "web", "k8s.deploy.color": "None"},
        ),
        ({"app": "old"}, {"app": "web"}, {"app": "web"}),
    ],
    ids=["made by basic", "made by blue-green", "another selector: nothing to keep"],
)
def test_weak_9_a_selector_that_differs_in_the_label_alone_is_kept(
    live: dict[str, str], wanted: dict[str, str], kept: dict[str, str]
) -> None:
    def with_selector(labels: dict[str, str]) -> dict[str, Any]:
        return {"spec": {"selector": {"matchLabels": labels}}}

    found = with_live_selector(with_selector(wanted), with_selector(live), "k8s.deploy.color")
    assert found == with_selector(kept)


def test_the_original_is_never_edited() -> None:
    original = deployment(labels={"a": "b"})
    versioned(original, Version.CANARY)
    assert original == deployment(labels={"a": "b"})
