"""Canary: from settings, manifests and what is live to a plan, stage by stage."""

from typing import Any

import pytest

from aks_action.errors import Conflict, ManifestError
from aks_action.model.plan import Plan
from aks_action.model.strategy_settings import SplitMethod, StrategyAction, StrategySettings
from aks_action.strategies import canary
from tests.unit.strategies import words
from tests.unit.strategies.words import (
    at_once,
    config,
    deployment,
    manifests,
    observed,
    plainly_selecting,
    route,
    service,
    split,
    told,
    told_undo,
    with_status,
)

NEW = deployment(image="web:2")
OLD = deployment(image="web:1")
MARKED = plainly_selecting(deployment(image="web:1", **{"workflow/version": "stable"}))
SHOP = (config(), service(), NEW)
CANARY = deployment("web-canary", replicas=2, **{"workflow/version": "canary"})
BASELINE = deployment("web-baseline", replicas=2, **{"workflow/version": "baseline"})
COPIES = "workflow/version"


def plan(
    action: str, method: str, given: tuple[Any, ...], live: tuple[Any, ...], **settings: Any
) -> Plan:
    return canary.plan(
        StrategySettings(
            action=StrategyAction(action),
            split_method=SplitMethod(method),
            percentage=settings.pop("percentage", 20),
            **settings,
        ),
        manifests(*given),
        observed(*live),
        at_once,
    )


def test_pod_deploy_puts_canary_and_baseline_of_the_same_size_beside_the_stable() -> None:
    assert told(plan("deploy", "pod", SHOP, (OLD, service()))) == [
        "apply ConfigMap/web-config + apply Service/web → app=web",
        (
            "apply Deployment/web-canary ×2 web:2 [app=web,workflow/version=canary]"
            " + apply Deployment/web-baseline ×2 web:1 [app=web,workflow/version=baseline]"
        ),
        "wait Deployment/web-canary, Deployment/web-baseline for 6 s",
    ]


def test_pod_deploy_of_an_app_that_is_not_live_makes_the_canary_alone_and_says_so() -> None:
    made = plan("deploy", "pod", SHOP, ())
    assert told(made)[1:] == [
        "apply Deployment/web-canary ×2 web:2 [app=web,workflow/version=canary]",
        "wait Deployment/web-canary for 6 s",
    ]
    assert made.notes == (
        (
            "Deployment/shop/web: no stable was found, so there is no baseline and the canary "
            "takes all of the traffic. Promoting it makes the stable."
        ),
    )


def test_bug_13_pod_promote_deletes_the_canary_after_the_updated_stable_is_healthy() -> None:
    assert told(plan("promote", "pod", SHOP, (OLD, CANARY, BASELINE, service()))) == [
        (
            "apply ConfigMap/web-config + apply Service/web → app=web"
            " + apply Deployment/web ×10 web:2 [app=web]"
        ),
        "wait Deployment/web",
        "delete Deployment/web-canary + delete Deployment/web-baseline",
    ]


@pytest.mark.parametrize("action", ["deploy", "promote"])
def test_bug_11_objects_without_a_spec_are_deployed_before_what_reads_them(action: str) -> None:
    lines = told(plan(action, "pod", SHOP, (OLD, CANARY, service())))
    assert "apply ConfigMap/web-config" in lines[0]


def test_bug_18_nothing_is_written_after_the_deletes_of_an_smi_promote() -> None:
    live = (MARKED, CANARY, BASELINE, service(), split("workflow-rollout", stable=800, canary=100))
    lines = told(plan("promote", "smi", SHOP, live))
    first = next(number for number, line in enumerate(lines) if line.startswith("delete"))
    assert all(line.startswith("delete") for line in lines[first:])


def test_pod_promote_without_a_canary_deploys_the_manifests_and_says_so() -> None:
    made = plan("promote", "pod", SHOP, (OLD,))
    assert told(made)[-1] == "wait Deployment/web"
    assert made.notes == ("No canary was found; the manifests were deployed as they are.",)


def test_pod_promote_keeps_a_label_that_the_live_selector_demands() -> None:
    """Bug 10: k8s-deploy's basic with smi puts the label into the stable's selector."""
    live = deployment(image="web:1", **{"workflow/version": "stable"})
    assert "[app=web,workflow/version=stable]" in told(plan("promote", "pod", SHOP, (live,)))[0]


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ((OLD, CANARY, BASELINE), "delete Deployment/web-canary + delete Deployment/web-baseline"),
        ((OLD, BASELINE), "delete Deployment/web-baseline"),
    ],
    ids=["both are there", "cut off between the two"],
)
def test_pod_reject_deletes_what_is_left_while_the_stable_is_healthy(
    live: tuple[Any, ...], expected: str
) -> None:
    assert told(plan("reject", "pod", SHOP, live)) == ["wait Deployment/web", expected]


@pytest.mark.parametrize("method", list(SplitMethod))
def test_reject_without_a_canary_changes_nothing_and_says_so(method: str) -> None:
    made = plan("reject", method, SHOP, (OLD,))
    assert (made.stages, made.notes) == ((), ("Nothing to reject: no canary was found.",))


@pytest.mark.parametrize("method", list(SplitMethod))
def test_reject_never_takes_the_only_pods_that_serve(method: str) -> None:
    with pytest.raises(Conflict, match="no stable was found to go back to"):
        plan("reject", method, SHOP, (with_status(CANARY, readyReplicas=2),))


def test_reject_removes_a_first_canary_that_never_became_ready() -> None:
    assert told(plan("reject", "pod", SHOP, (CANARY,))) == ["delete Deployment/web-canary"]


STABLE_FIRST = [
    "apply Service/web-stable → app=web,workflow/version=stable",
    "endpoints web-stable ready workflow/version=stable",
]
MADE_AND_READY = [
    (
        "apply Service/web-baseline → app=web,workflow/version=baseline"
        " + apply Service/web-canary → app=web,workflow/version=canary"
    ),
    (
        "apply Deployment/web-canary ×2 web:2 [app=web,workflow/version=canary]"
        " + apply Deployment/web-baseline ×2 web:1 [app=web,workflow/version=baseline]"
    ),
    "wait Deployment/web-canary, Deployment/web-baseline for 6 s",
    (
        "endpoints web-canary ready workflow/version=canary"
        " + endpoints web-baseline ready workflow/version=baseline"
    ),
]


def test_bug_26_smi_deploy_adopts_what_is_live_and_gives_the_canary_its_share_alone() -> None:
    assert told(plan("deploy", "smi", SHOP, (OLD, service()))) == [
        "apply ConfigMap/web-config + apply Service/web → app=web",
        "patch Deployment/web spec.template.metadata.labels.workflow/version=stable",
        "wait Deployment/web",
        *STABLE_FIRST,
        "apply TrafficSplit/web-workflow-rollout → web-stable:1000 web-baseline:0 web-canary:0",
        *MADE_AND_READY,
        "apply TrafficSplit/web-workflow-rollout → web-stable:800 web-baseline:100 web-canary:100",
    ]


def test_smi_deploy_makes_the_fixed_number_of_pods_that_was_asked_for() -> None:
    lines = told(plan("deploy", "smi", SHOP, (MARKED,), replicas=3))
    assert any("web-canary ×3" in line and "web-baseline ×3" in line for line in lines)


def test_bug_17_a_split_without_a_stable_gives_everything_to_the_canary() -> None:
    live = (CANARY, service("web-stable"), split("workflow-rollout", stable=0, canary=1000))
    assert told(plan("deploy", "smi", SHOP, live))[-1] == (
        "apply TrafficSplit/web-workflow-rollout → web-stable:0 web-baseline:0 web-canary:1000"
    )


def test_a_split_that_fails_goes_back_to_the_weights_it_had() -> None:
    live = (MARKED, split("workflow-rollout", stable=900, baseline=50, canary=50))
    undo = told_undo(plan("deploy", "smi", SHOP, live))
    assert list(undo.values()) == [
        "apply TrafficSplit/web-workflow-rollout → web-stable:900 web-baseline:50 web-canary:50"
    ]


def test_bug_16_smi_promote_keeps_the_weights_until_the_stable_is_healthy() -> None:
    live = (
        deployment("web-stable", image="web:1", **{"workflow/version": "stable"}),
        CANARY,
        BASELINE,
        service("web-canary"),
        service("web-baseline"),
        split("workflow-rollout", stable=800, baseline=100, canary=100),
    )
    assert told(plan("promote", "smi", SHOP, live)) == [
        "apply ConfigMap/web-config + apply Service/web → app=web",
        "apply Deployment/web-stable ×10 web:2 [app=web,workflow/version=stable]",
        "wait Deployment/web-stable",
        *STABLE_FIRST,
        "apply TrafficSplit/web-workflow-rollout → web-stable:1000 web-baseline:0 web-canary:0",
        "pause 2",
        "delete Deployment/web-canary + delete Deployment/web-baseline",
        "delete Service/web-baseline + delete Service/web-canary",
    ]


def test_smi_promote_of_a_first_canary_makes_the_stable() -> None:
    live = (CANARY, split("workflow-rollout", stable=0, baseline=0, canary=1000))
    assert told(plan("promote", "smi", SHOP, live))[1] == (
        "apply Deployment/web-stable ×10 web:2 [app=web,workflow/version=stable]"
    )


def test_smi_promote_updates_an_adopted_stable_under_its_plain_name_and_selector() -> None:
    made = plan("promote", "smi", SHOP, (MARKED, CANARY))
    stable = next(
        each.manifest.document
        for each in made.applies
        if each.ref.name == "web" and each.ref.kind == "Deployment"
    )
    assert stable["spec"]["selector"]["matchLabels"] == {"app": "web"}
    assert stable["spec"]["template"]["metadata"]["labels"][COPIES] == "stable"


def test_smi_reject_returns_the_traffic_of_a_canary_that_k8s_deploy_gave_everything() -> None:
    live = (OLD, CANARY, split("workflow-rollout", stable=0, baseline=0, canary=1000))
    assert told(plan("reject", "smi", SHOP, live)) == [
        "wait Deployment/web",
        "patch Deployment/web spec.template.metadata.labels.workflow/version=stable",
        "wait Deployment/web",
        *STABLE_FIRST,
        "apply TrafficSplit/web-workflow-rollout → web-stable:1000 web-baseline:0 web-canary:0",
        "pause 2",
        "delete Deployment/web-canary",
    ]


def test_smi_without_a_mesh_is_told_before_anything_is_made() -> None:
    with pytest.raises(Conflict, match="serves no TrafficSplit"):
        canary.plan(
            StrategySettings(action=StrategyAction.DEPLOY, split_method=SplitMethod.SMI),
            manifests(*SHOP),
            words.Observed(live={}, types={}),
            at_once,
        )


GATEWAY_SHOP = (*SHOP, route(("web", 1)))
ACCEPTED = ["accepted HTTPRoute/web", "pause 2"]


def test_gateway_deploy_routes_to_the_stable_alone_until_the_canary_is_ready() -> None:
    live = (MARKED, service(), route(("web", 1)))
    assert told(plan("deploy", "gateway", GATEWAY_SHOP, live)) == [
        "apply ConfigMap/web-config + apply Service/web → app=web",
        *STABLE_FIRST,
        "apply HTTPRoute/web → web:1 web-stable:0",
        *ACCEPTED,
        "apply HTTPRoute/web → web-stable:1 web:0",
        *ACCEPTED,
        "apply HTTPRoute/web → web-stable:1",
        *ACCEPTED,
        *MADE_AND_READY,
        "apply HTTPRoute/web → web-stable:1 web-baseline:0 web-canary:0",
        *ACCEPTED,
        "apply HTTPRoute/web → web-stable:8 web-baseline:1 web-canary:1",
        *ACCEPTED,
    ]


def test_gateway_deploy_goes_back_to_the_stable_when_a_gateway_refuses_the_weights() -> None:
    live = (MARKED, service(), route(("web", 1)))
    undo = told_undo(plan("deploy", "gateway", GATEWAY_SHOP, live))
    given = "apply HTTPRoute/web → web-stable:8 web-baseline:1 web-canary:1"
    assert undo[given] == undo["accepted HTTPRoute/web"] == "apply HTTPRoute/web → web-stable:1"


def test_gateway_deploy_divides_a_live_route_that_is_not_among_the_manifests() -> None:
    live = (MARKED, service(), route(("web-stable", 1), name="front"))
    assert told(plan("deploy", "gateway", SHOP, live))[-3:] == [
        "reroute HTTPRoute/front 80 % web-stable, 10 % web-baseline, 10 % web-canary",
        "accepted HTTPRoute/front",
        "pause 2",
    ]


def test_a_second_gateway_deploy_replaces_the_canary_and_leaves_the_weights() -> None:
    live = (
        MARKED,
        CANARY,
        BASELINE,
        route(("web-stable", 8), ("web-baseline", 1), ("web-canary", 1)),
    )
    lines = told(plan("deploy", "gateway", GATEWAY_SHOP, live))
    assert "apply HTTPRoute/web → web-stable:1" not in lines
    assert lines[-3] == "apply HTTPRoute/web → web-stable:8 web-baseline:1 web-canary:1"


def test_the_first_gateway_deploy_of_an_app_creates_its_route_to_the_canary() -> None:
    lines = told(plan("deploy", "gateway", GATEWAY_SHOP, ()))
    assert lines[-4:] == [
        "endpoints web-canary ready workflow/version=canary",
        "apply HTTPRoute/web → web-canary:1",
        *ACCEPTED,
    ]


def test_gateway_without_any_route_is_told_before_anything_is_made() -> None:
    with pytest.raises(Conflict, match="No HTTPRoute or GRPCRoute"):
        plan("deploy", "gateway", SHOP, (MARKED,))


OUT = (
    MARKED,
    CANARY,
    BASELINE,
    service(),
    service("web-stable"),
    service("web-baseline"),
    service("web-canary"),
    route(("web-stable", 8), ("web-baseline", 1), ("web-canary", 1)),
)
WAY_BACK = [
    "apply HTTPRoute/web → web-stable:1 web-baseline:0 web-canary:0",
    *ACCEPTED,
    "apply HTTPRoute/web → web-stable:1",
    *ACCEPTED,
    "delete Deployment/web-canary + delete Deployment/web-baseline",
    "apply HTTPRoute/web → web-stable:1 web:0",
    *ACCEPTED,
    "apply HTTPRoute/web → web:1 web-stable:0",
    *ACCEPTED,
    "apply HTTPRoute/web → web:1",
    *ACCEPTED,
    "delete Service/web-stable + delete Service/web-baseline + delete Service/web-canary",
]


def test_gateway_promote_moves_traffic_back_after_the_stable_and_before_the_deletes() -> None:
    assert told(plan("promote", "gateway", GATEWAY_SHOP, OUT)) == [
        "apply ConfigMap/web-config + apply Service/web → app=web",
        "apply Deployment/web ×10 web:2 [app=web,workflow/version=stable]",
        "wait Deployment/web",
        *STABLE_FIRST,
        *WAY_BACK,
    ]


def test_gateway_reject_moves_traffic_back_before_the_deletes() -> None:
    assert told(plan("reject", "gateway", GATEWAY_SHOP, OUT)) == [
        "wait Deployment/web",
        *STABLE_FIRST,
        *WAY_BACK,
    ]


@pytest.mark.parametrize(
    ("live", "rest"),
    [
        ((MARKED, BASELINE, service("web-stable"), route(("web-stable", 1))), WAY_BACK[6:]),
        ((MARKED, service("web-stable"), route(("web-stable", 1))), WAY_BACK[7:]),
        ((MARKED, service("web-stable"), route(("web", 1))), WAY_BACK[-1:]),
    ],
    ids=["between the deletes", "before the route", "before the last deletes"],
)
def test_a_gateway_reject_that_was_cut_off_does_what_remains(
    live: tuple[Any, ...], rest: list[str]
) -> None:
    found = told(plan("reject", "gateway", GATEWAY_SHOP, live))
    done = [line for line in found if line not in (*STABLE_FIRST, "wait Deployment/web")]
    assert len(done) == len(rest)
    assert [line.split(" + ")[-1].split("/")[0] for line in done] == [
        line.split(" + ")[-1].split("/")[0] for line in rest
    ]


def stateful(**spec: Any) -> dict[str, Any]:
    document = {**NEW, "kind": "StatefulSet"}
    return {**document, "spec": {**document["spec"], **spec}}


def test_a_stateful_set_with_volume_claims_is_refused_with_the_reason() -> None:
    with pytest.raises(ManifestError, match=r"shop.yml:1: .*empty volumes of its own"):
        plan("deploy", "pod", (stateful(volumeClaimTemplates=[{}]),), ())


def test_a_stateful_set_without_volume_claims_has_a_canary() -> None:
    assert "StatefulSet/web-canary" in told(plan("deploy", "pod", (stateful(),), ()))[0]


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        ({**OLD, "spec": {**OLD["spec"], "strategy": {"type": "Recreate"}}}, "all of its pods"),
        ({**OLD, "kind": "ReplicaSet"}, "leaves its pods as they are"),
    ],
)
def test_a_stable_that_cannot_be_marked_without_losing_pods_is_refused(
    live: dict[str, Any], reason: str
) -> None:
    new = {**NEW, "kind": live["kind"]}
    with pytest.raises(Conflict, match=reason):
        plan("deploy", "smi", (service(), new), (live,))


def test_bug_14_the_stable_is_looked_for_in_the_manifests_namespace() -> None:
    elsewhere = {**OLD, "metadata": {**OLD["metadata"], "namespace": "other"}}
    lines = told(plan("deploy", "pod", SHOP, (elsewhere,)))
    assert not any("baseline" in line for line in lines)


def test_the_plan_tells_who_meets_the_copies() -> None:
    def bystander(kind: str, version: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": "web", "namespace": "shop"}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}

    selector = {"matchLabels": {"app": "web"}}
    target = {"kind": "Deployment", "name": "web"}
    live = (
        OLD,
        bystander("PodDisruptionBudget", "policy/v1", {"selector": selector}),
        bystander(
            "NetworkPolicy",
            "networking.k8s.io/v1",
            {
                "podSelector": {
                    "matchExpressions": [{"key": "workflow/version", "operator": "DoesNotExist"}]
                }
            },
        ),
        bystander("HorizontalPodAutoscaler", "autoscaling/v2", {"scaleTargetRef": target}),
    )
    assert plan("deploy", "pod", SHOP, live).notes == (
        "PodDisruptionBudget/shop/web counts the pods of web-canary too.",
        "PodDisruptionBudget/shop/web counts the pods of web-baseline too.",
        "NetworkPolicy/shop/web misses the pods of web-canary: its selector leaves them out.",
        "NetworkPolicy/shop/web misses the pods of web-baseline: its selector leaves them out.",
        "HorizontalPodAutoscaler/shop/web scales web alone; web-canary keeps its number of pods.",
        "HorizontalPodAutoscaler/shop/web scales web alone; web-baseline keeps its number of pods.",
    )


def test_what_has_to_be_observed_is_what_is_served_in_the_workloads_namespaces() -> None:
    settings = StrategySettings(action=StrategyAction.DEPLOY, split_method=SplitMethod.GATEWAY)
    assert canary.interest(settings, manifests(*SHOP), words.TYPES) == (
        ("apps/v1", "Deployment", "shop"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "shop"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", "shop"),
        ("networking.k8s.io/v1", "NetworkPolicy", "shop"),
        ("split.smi-spec.io/v1alpha2", "TrafficSplit", "shop"),
        ("v1", "Service", "shop"),
    )


@pytest.mark.parametrize(
    ("method", "live", "found"),
    [
        ("pod", split("workflow-rollout", stable=800, baseline=100, canary=100), "method smi"),
        ("smi", route(("web-stable", 8), ("web-canary", 1)), "method gateway"),
        ("pod", deployment("web-green"), "Deployment/shop/web-green was found"),
    ],
)
@pytest.mark.parametrize("action", list(StrategyAction))
def test_a_change_of_method_or_strategy_while_something_is_out_is_refused(
    action: str, method: str, live: dict[str, Any], found: str
) -> None:
    with pytest.raises(Conflict, match=found):
        plan(action, method, SHOP, (OLD, live))


def test_rollback_makes_the_stable_the_earlier_version_with_a_canary_or_without() -> None:
    """As a promote of that version does: the canary goes when the stable is healthy."""
    for live in ((OLD, service()), (OLD, service(), CANARY, BASELINE)):
        back = told(plan("rollback", "pod", SHOP, live))
        assert back == told(plan("promote", "pod", SHOP, live))
