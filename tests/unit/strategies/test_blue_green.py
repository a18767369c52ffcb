"""Blue-green: from settings, manifests and what is live to a plan, stage by stage."""

from typing import Any

import pytest

from aks_action.errors import Conflict
from aks_action.model.plan import Plan, Wait
from aks_action.model.strategy_settings import RouteMethod, StrategyAction, StrategySettings
from aks_action.strategies import blue_green
from tests.unit.strategies import words
from tests.unit.strategies.words import (
    at_once,
    config,
    deployment,
    ingress,
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

BLUE_LABEL = {"k8s.deploy.color": "None"}
GREEN_LABEL = {"k8s.deploy.color": "green"}
NEW = deployment(image="web:2", replicas=3)
BLUE = deployment(image="web:1", replicas=3, **BLUE_LABEL)
GREEN = with_status(
    deployment("web-green", image="web:2", replicas=3, **GREEN_LABEL), readyReplicas=3
)
SHOP = (config(), service(), NEW)
TO_BLUE, TO_GREEN = service(**BLUE_LABEL), service(**GREEN_LABEL)

APPLY_GREEN = [
    "apply Deployment/web-green ×3 web:2 [app=web,k8s.deploy.color=green]",
    "wait Deployment/web-green for 6 s",
]
APPLY_BLUE = [
    "apply Deployment/web ×3 web:2 [app=web,k8s.deploy.color=None]",
    "wait Deployment/web",
]
SWITCH_TO_GREEN = [
    "apply Service/web → app=web,k8s.deploy.color=green",
    "endpoints web ready app=web,k8s.deploy.color=green only k8s.deploy.color=green",
]
SWITCH_TO_BLUE = [
    "apply Service/web → app=web,k8s.deploy.color=None",
    "endpoints web ready app=web,k8s.deploy.color=None none k8s.deploy.color=green",
    "pause 2",
]
PODS_OF_BLUE = "pods app=web,k8s.deploy.color=None"
PODS_OF_GREEN = "pods app=web,k8s.deploy.color=green"


def made_by_basic() -> tuple[dict[str, Any], ...]:
    """A stable without a colour, rolled out, with its ReplicaSets, and its Service."""
    revision = "deployment.kubernetes.io/revision"
    stable = deployment(image="web:1", replicas=3)
    stable["metadata"]["annotations"] = {revision: "2"}

    def replica_set(number: str, hashed: str) -> dict[str, Any]:
        metadata = {
            "name": f"web-{hashed}",
            "namespace": "shop",
            "labels": {"pod-template-hash": hashed},
            "annotations": {revision: number},
            "ownerReferences": [{"uid": "uid-web"}],
        }
        return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {}}

    rolled_out = with_status(stable, replicas=3, updatedReplicas=3, readyReplicas=3)
    return (rolled_out, replica_set("1", "old1"), replica_set("2", "new2"), service())


def plan(
    action: str, method: str, given: tuple[Any, ...], live: tuple[Any, ...], **settings: Any
) -> Plan:
    return blue_green.plan(
        StrategySettings(
            action=StrategyAction(action), route_method=RouteMethod(method), **settings
        ),
        manifests(*given),
        observed(*live),
        at_once,
    )


def test_bug_19_green_is_healthy_has_pods_and_had_its_buffer_before_the_switch() -> None:
    made = plan("deploy", "service", SHOP, (BLUE, TO_BLUE), buffer_seconds=60.0)
    assert told(made) == [
        "apply ConfigMap/web-config",
        *APPLY_GREEN,
        PODS_OF_GREEN,
        "pause 60",
        "wait Deployment/web-green for 6 s",
        *SWITCH_TO_GREEN,
    ]


@pytest.mark.parametrize("live", [(), (BLUE, TO_BLUE), (BLUE, GREEN, TO_GREEN)])
def test_a_green_that_fails_is_told_what_to_do_about(live: tuple[Any, ...]) -> None:
    made = plan("deploy", "service", SHOP, live, buffer_seconds=60.0)
    waits = [step for step in made.steps if isinstance(step, Wait) and step.steady]
    assert len(waits) == 2
    assert all("`action: reject`" in wait.advice for wait in waits)


def test_a_switch_whose_endpoints_do_not_come_is_taken_back_in_one_write() -> None:
    undo = told_undo(plan("deploy", "service", SHOP, (BLUE, TO_BLUE)))
    assert undo == dict.fromkeys(
        SWITCH_TO_GREEN, "apply Service/web → app=web,k8s.deploy.color=None"
    )


def test_the_first_deploy_of_an_app_creates_its_service_on_green() -> None:
    assert told(plan("deploy", "service", SHOP, ())) == [
        "apply ConfigMap/web-config",
        *APPLY_GREEN,
        PODS_OF_GREEN,
        *SWITCH_TO_GREEN,
    ]


def test_green_beside_a_stable_made_by_basic_gets_no_traffic_before_the_switch() -> None:
    """The plain Service selects green too; the stable is told apart without being touched."""
    made = plan("deploy", "service", SHOP, made_by_basic())
    assert told(made)[:3] == [
        "apply ConfigMap/web-config",
        "patch Service/web spec.selector.pod-template-hash=new2",
        APPLY_GREEN[0],
    ]


def test_a_stable_in_the_middle_of_a_rollout_is_not_narrowed_and_the_plan_says_so() -> None:
    stable, *others = made_by_basic()
    live = (with_status(stable, replicas=4, updatedReplicas=2), *others)
    made = plan("deploy", "service", SHOP, live)
    assert not any(line.startswith("patch") for line in told(made))
    assert "selects the pods of both colours until the switch" in made.notes[0]


def test_a_second_deploy_gives_the_traffic_back_to_the_stable_while_green_is_replaced() -> None:
    made = plan("deploy", "service", SHOP, (BLUE, GREEN, TO_GREEN))
    assert told(made) == [
        "apply ConfigMap/web-config",
        "wait Deployment/web",
        PODS_OF_BLUE,
        *SWITCH_TO_BLUE,
        *APPLY_GREEN,
        PODS_OF_GREEN,
        *SWITCH_TO_GREEN,
    ]
    assert made.notes == (
        "Green carries the traffic already; the stable takes it while green is replaced.",
    )


def test_a_second_deploy_without_a_stable_updates_green_in_place() -> None:
    lines = told(plan("deploy", "service", SHOP, (GREEN, TO_GREEN)))
    assert lines == ["apply ConfigMap/web-config", *APPLY_GREEN, PODS_OF_GREEN, *SWITCH_TO_GREEN]


def test_promote_updates_the_stable_while_green_serves_then_switches_then_deletes() -> None:
    assert told(plan("promote", "service", SHOP, (BLUE, GREEN, TO_GREEN))) == [
        *APPLY_BLUE,
        PODS_OF_BLUE,
        *SWITCH_TO_BLUE,
        "delete Deployment/web-green",
    ]


def test_weak_9_promote_keeps_the_selector_that_basic_gave_and_puts_the_colour_on_pods() -> None:
    made = plan("promote", "service", SHOP, (made_by_basic()[0], GREEN, TO_GREEN))
    stable = next(each.manifest.document for each in made.applies if each.ref.name == "web")
    assert stable["spec"]["selector"]["matchLabels"] == {"app": "web"}
    assert stable["spec"]["template"]["metadata"]["labels"] == {"app": "web", **BLUE_LABEL}
    assert not any("delete Deployment/web " in line + " " for line in told(made))


def test_a_stable_with_another_selector_is_replaced_when_no_service_has_its_pods() -> None:
    other = deployment(image="web:1", replicas=3, tier="front", **BLUE_LABEL)
    assert told(plan("promote", "service", SHOP, (other, GREEN, TO_GREEN))) == [
        "patch Service/web spec.selector.k8s.deploy.color=green",
        "endpoints web ready k8s.deploy.color=green only k8s.deploy.color=green",
        "pause 2",
        "delete Deployment/web",
        *APPLY_BLUE,
        PODS_OF_BLUE,
        *SWITCH_TO_BLUE,
        "delete Deployment/web-green",
    ]


def test_reject_returns_the_traffic_to_the_healthy_stable_before_green_goes() -> None:
    assert told(plan("reject", "service", SHOP, (BLUE, GREEN, TO_GREEN))) == [
        "wait Deployment/web",
        PODS_OF_BLUE,
        *SWITCH_TO_BLUE,
        "delete Deployment/web-green",
    ]


def test_reject_to_a_stable_made_by_basic_ends_with_the_selector_of_the_manifest() -> None:
    """k8s-deploy would select a colour that no pod has."""
    stable, *replica_sets, _ = made_by_basic()
    assert told(plan("reject", "service", SHOP, (stable, *replica_sets, GREEN, TO_GREEN))) == [
        "wait Deployment/web",
        "pods app=web,pod-template-hash=new2",
        "apply Service/web → app=web,pod-template-hash=new2",
        "endpoints web ready app=web,pod-template-hash=new2 none k8s.deploy.color=green",
        "pause 2",
        "delete Deployment/web-green",
        "going pods app=web,k8s.deploy.color=green",
        "patch Service/web spec.selector.pod-template-hash=None",
    ]


def test_reject_of_a_green_that_was_never_switched_to_leaves_the_service_alone() -> None:
    assert told(plan("reject", "service", SHOP, (BLUE, GREEN, TO_BLUE))) == [
        "delete Deployment/web-green"
    ]


@pytest.mark.parametrize(
    ("live", "message"),
    [
        ((BLUE, TO_BLUE), "Deployment/shop/web-green was not found"),
        ((BLUE, GREEN, TO_BLUE), "did not come as far as the switch"),
        ((GREEN,), "did not come as far as the switch"),
        ((), "was not found. Run deploy first"),
    ],
    ids=["no green", "before the switch", "before the first switch", "nothing at all"],
)
def test_bug_21_promote_says_what_was_found_when_green_has_no_traffic(
    live: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(Conflict, match=message):
        plan("promote", "service", SHOP, live)


def test_promote_again_is_fine_when_the_stable_is_the_new_version_already() -> None:
    promoted = deployment(image="web:2", replicas=3, **BLUE_LABEL)
    made = plan("promote", "service", SHOP, (promoted, TO_BLUE))
    assert made.stages == ()
    assert "Nothing to promote" in made.notes[0]


def test_promote_that_was_cut_off_after_the_switch_is_finished() -> None:
    promoted = deployment(image="web:2", replicas=3, **BLUE_LABEL)
    lines = told(plan("promote", "service", SHOP, (promoted, GREEN, TO_BLUE)))
    assert lines[-1] == "delete Deployment/web-green"


def test_promote_first_completes_a_switch_that_was_cut_off_between_two_services() -> None:
    shop = (*SHOP, service("web-admin"))
    live = (BLUE, GREEN, TO_GREEN, service("web-admin", **BLUE_LABEL))
    lines = told(plan("promote", "service", shop, live))
    assert lines[:3] == [
        "wait Deployment/web-green",
        f"{PODS_OF_GREEN} + {PODS_OF_GREEN}",
        (
            "apply Service/web → app=web,k8s.deploy.color=green"
            " + apply Service/web-admin → app=web,k8s.deploy.color=green"
        ),
    ]


def test_reject_never_takes_the_only_pods_that_serve() -> None:
    with pytest.raises(Conflict, match="no stable was found to go back to"):
        plan("reject", "service", SHOP, (GREEN, TO_GREEN))


def test_reject_without_a_green_changes_nothing_and_says_so() -> None:
    made = plan("reject", "service", SHOP, (BLUE, TO_BLUE))
    assert (made.stages, made.notes) == ((), ("Nothing to reject: no green was found.",))


def test_a_workload_behind_no_service_becomes_green_and_is_promoted() -> None:
    worker = deployment("worker", image="web:2", replicas=1)
    green = deployment("worker-green", image="web:2", replicas=1, **GREEN_LABEL)
    assert told(plan("deploy", "service", (worker,), ())) == [
        "apply Deployment/worker-green ×1 web:2 [app=worker,k8s.deploy.color=green]",
        "wait Deployment/worker-green for 6 s",
    ]
    assert told(plan("promote", "service", (worker,), (green,))) == [
        "apply Deployment/worker ×1 web:2 [app=worker,k8s.deploy.color=None]",
        "wait Deployment/worker",
        "delete Deployment/worker-green",
    ]


AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 9},
}


def test_weak_9_autoscalers_follow_the_traffic_and_green_begins_as_large_as_the_stable() -> None:
    scaled = {**BLUE, "spec": {**BLUE["spec"], "replicas": 8}}
    lines = told(plan("deploy", "service", (*SHOP, AUTOSCALER), (scaled, TO_BLUE, AUTOSCALER)))
    assert lines[0] == "apply ConfigMap/web-config"
    assert lines[1].startswith("apply Deployment/web-green ×8")
    assert lines[-1] == "apply HorizontalPodAutoscaler/web → web-green"


def test_an_autoscaler_that_is_only_live_follows_back_before_green_goes() -> None:
    at_green = {
        **AUTOSCALER,
        "spec": {
            **AUTOSCALER["spec"],
            "scaleTargetRef": {"kind": "Deployment", "name": "web-green"},
        },
    }
    lines = told(plan("promote", "service", SHOP, (BLUE, GREEN, TO_GREEN, at_green)))
    assert lines[-2:] == [
        "patch HorizontalPodAutoscaler/web spec.scaleTargetRef.name=web",
        "delete Deployment/web-green",
    ]


GREEN_SERVICE = "apply Service/web-green → app=web,k8s.deploy.color=green"
GREEN_ENDPOINTS = "endpoints web-green ready k8s.deploy.color=green"
BLUE_SERVICE = [
    "apply Service/web → app=web,k8s.deploy.color=None",
    "endpoints web ready app=web,k8s.deploy.color=None none k8s.deploy.color=green",
]
WITHOUT_GREEN = ["delete Deployment/web-green", "delete Service/web-green"]
INGRESS_SHOP = (*SHOP, ingress())
ROUTE_SHOP = (*SHOP, route(("web", 3), ("other", 6)))
ACCEPTED = ["accepted HTTPRoute/web", "pause 2"]
SWITCHES: dict[str, tuple[list[str], list[str]]] = {
    "ingress": (
        [
            "apply Ingress/web → web knows web-green",
            "pause 5",
            "apply Ingress/web → web-green knows web",
            "pause 5",
            "apply Ingress/web → web-green",
        ],
        [
            "apply Ingress/web → web-green knows web",
            "pause 5",
            "apply Ingress/web → web knows web-green",
            "pause 5",
            "apply Ingress/web → web",
        ],
    ),
    "gateway": (
        [
            "apply HTTPRoute/web → web:3 web-green:0 other:6",
            *ACCEPTED,
            "apply HTTPRoute/web → web-green:3 web:0 other:6",
            *ACCEPTED,
            "apply HTTPRoute/web → web-green:3 other:6",
            *ACCEPTED,
        ],
        [
            "apply HTTPRoute/web → web-green:3 web:0 other:6",
            *ACCEPTED,
            "apply HTTPRoute/web → web:3 web-green:0 other:6",
            *ACCEPTED,
            "apply HTTPRoute/web → web:3 other:6",
            *ACCEPTED,
        ],
    ),
}
SHOPS = {"ingress": INGRESS_SHOP, "gateway": ROUTE_SHOP}
ON_GREEN = {
    "ingress": ingress("web-green", **GREEN_LABEL),
    "gateway": route(("web-green", 3), ("other", 6)),
}
ON_BLUE = {"ingress": ingress(), "gateway": route(("web", 3), ("other", 6))}


@pytest.mark.parametrize("method", ["ingress", "gateway"])
def test_fronts_are_switched_to_greens_services_once_these_have_endpoints(method: str) -> None:
    live = (BLUE, TO_BLUE, ON_BLUE[method])
    assert told(plan("deploy", method, SHOPS[method], live)) == [
        "apply ConfigMap/web-config",
        GREEN_SERVICE,
        *APPLY_GREEN,
        GREEN_ENDPOINTS,
        *SWITCHES[method][0],
    ]


@pytest.mark.parametrize("method", ["ingress", "gateway"])
def test_fronts_are_switched_back_once_the_plain_service_has_only_the_stable(method: str) -> None:
    live = (BLUE, GREEN, TO_BLUE, service("web-green", **GREEN_LABEL), ON_GREEN[method])
    assert told(plan("promote", method, SHOPS[method], live)) == [
        *APPLY_BLUE,
        *BLUE_SERVICE,
        *SWITCHES[method][1],
        *WITHOUT_GREEN,
    ]
    assert told(plan("reject", method, SHOPS[method], live)) == [
        "wait Deployment/web",
        *BLUE_SERVICE,
        *SWITCHES[method][1],
        *WITHOUT_GREEN,
    ]


@pytest.mark.parametrize("method", ["ingress", "gateway"])
def test_a_stable_made_by_basic_is_singled_out_only_until_the_switch(method: str) -> None:
    live = (*made_by_basic(), ON_BLUE[method])
    lines = told(plan("deploy", method, SHOPS[method], live))
    assert lines[1] == "patch Service/web spec.selector.pod-template-hash=new2"
    assert lines[-1] == "patch Service/web spec.selector.pod-template-hash=None"


@pytest.mark.parametrize("method", ["ingress", "gateway"])
def test_a_method_without_anything_to_switch_is_told_before_anything_is_made(method: str) -> None:
    with pytest.raises(Conflict, match=r"No (Ingress|HTTPRoute)"):
        plan("deploy", method, SHOP, (BLUE, TO_BLUE))


def test_an_ingress_switch_marks_the_ingress_as_k8s_deploy_does() -> None:
    made = plan("deploy", "ingress", INGRESS_SHOP, (BLUE, TO_BLUE, ingress()))
    *_, switched = (each.manifest for each in made.applies if each.ref.kind == "Ingress")
    assert switched.labels["k8s.deploy.color"] == "green"


def test_a_live_route_beside_the_manifests_is_switched_too() -> None:
    live = (BLUE, TO_BLUE, route(("web", 1), name="front"))
    lines = told(plan("deploy", "gateway", SHOP, live))
    assert lines[-3:] == [
        "reroute HTTPRoute/front 100 % web-green",
        "accepted HTTPRoute/front",
        "pause 2",
    ]


def test_weak_8_a_split_is_never_deleted_to_be_changed() -> None:
    live = (
        BLUE,
        service(),
        service("web-stable", **BLUE_LABEL),
        split("trafficsplit", stable=100, green=0),
    )
    assert told(plan("deploy", "smi", SHOP, live)) == [
        "apply ConfigMap/web-config + apply Service/web → app=web",
        GREEN_SERVICE,
        *APPLY_GREEN,
        GREEN_ENDPOINTS,
        "apply TrafficSplit/web-trafficsplit → web-stable:0 web-green:100",
        "pause 2",
    ]


def test_a_new_split_gives_everything_to_the_stable_before_green_is_made() -> None:
    assert told(plan("deploy", "smi", SHOP, (BLUE, service())))[1:4] == [
        "apply Service/web-stable → app=web,k8s.deploy.color=None",
        "endpoints web-stable ready app=web,k8s.deploy.color=None",
        "apply TrafficSplit/web-trafficsplit → web-stable:100 web-green:0",
    ]


def test_smi_promote_and_reject_move_the_weights_before_green_goes() -> None:
    live = (
        BLUE,
        GREEN,
        service("web-green", **GREEN_LABEL),
        split("trafficsplit", stable=0, green=100),
    )
    way_back = [
        "apply Service/web-stable → app=web,k8s.deploy.color=None",
        "endpoints web-stable ready app=web,k8s.deploy.color=None",
        "apply TrafficSplit/web-trafficsplit → web-stable:100 web-green:0",
        "pause 2",
        *WITHOUT_GREEN,
    ]
    assert told(plan("promote", "smi", SHOP, live)) == [*APPLY_BLUE, *way_back]
    assert told(plan("reject", "smi", SHOP, live)) == ["wait Deployment/web", *way_back]


def test_an_smi_reject_to_a_stable_made_by_basic_ends_without_a_split() -> None:
    stable, *replica_sets, plain = made_by_basic()
    live = (
        stable,
        *replica_sets,
        plain,
        GREEN,
        service("web-stable", **{"pod-template-hash": "new2"}),
        split("trafficsplit", stable=0, green=100),
    )
    assert told(plan("reject", "smi", SHOP, live))[-2:] == [
        "delete TrafficSplit/web-trafficsplit",
        "delete Service/web-stable",
    ]


def test_weak_7_a_service_on_a_label_of_the_template_alone_is_switched() -> None:
    tiered = plainly_selecting(deployment(image="web:2", replicas=3, tier="front"))
    shop = (service(tier="front"), tiered)
    assert "apply Service/web → app=web,tier=front,k8s.deploy.color=green" in told(
        plan("deploy", "service", shop, ())
    )


def test_what_has_to_be_observed_includes_the_versions_of_the_stable() -> None:
    settings = StrategySettings(action=StrategyAction.DEPLOY, route_method=RouteMethod.SMI)
    assert blue_green.interest(settings, manifests(*SHOP), words.TYPES) == (
        ("apps/v1", "Deployment", "shop"),
        ("apps/v1", "ReplicaSet", "shop"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "shop"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", "shop"),
        ("networking.k8s.io/v1", "NetworkPolicy", "shop"),
        ("split.smi-spec.io/v1alpha2", "TrafficSplit", "shop"),
        ("v1", "Service", "shop"),
    )


@pytest.mark.parametrize(
    ("method", "live", "found"),
    [
        ("service", ON_GREEN["ingress"], "route-method ingress, not service"),
        ("ingress", TO_GREEN, "route-method service, not ingress"),
        ("service", ON_GREEN["gateway"], "route-method gateway, not service"),
        ("gateway", split("trafficsplit", stable=0, green=100), "route-method smi, not gateway"),
        ("service", deployment("web-canary"), "Deployment/shop/web-canary was found"),
    ],
)
@pytest.mark.parametrize("action", list(StrategyAction))
def test_a_change_of_method_or_strategy_while_something_is_out_is_refused(
    action: str, method: str, live: dict[str, Any], found: str
) -> None:
    with pytest.raises(Conflict, match=found):
        plan(action, method, (*INGRESS_SHOP, route(("web", 3))), (BLUE, GREEN, live))


def test_rollback_without_a_green_makes_the_stable_the_earlier_version() -> None:
    """With all that belongs to it, which a promote leaves to the deploy before it."""
    assert told(plan("rollback", "service", SHOP, (BLUE, TO_BLUE))) == [
        "apply ConfigMap/web-config",
        *APPLY_BLUE,
        PODS_OF_BLUE,
        *SWITCH_TO_BLUE,
    ]


def test_rollback_from_a_green_that_serves_switches_when_the_stable_is_ready() -> None:
    assert told(plan("rollback", "service", SHOP, (BLUE, GREEN, TO_GREEN))) == [
        "apply ConfigMap/web-config",
        *APPLY_BLUE,
        PODS_OF_BLUE,
        *SWITCH_TO_BLUE,
        "delete Deployment/web-green",
    ]


def test_rollback_is_refused_while_only_a_version_keeps_a_green_out_of_the_traffic() -> None:
    """The next rollout of the stable would change that version; a reject is at once."""
    with pytest.raises(Conflict, match="Reject it, which leaves all of the traffic"):
        plan("rollback", "service", SHOP, (*made_by_basic(), GREEN))
