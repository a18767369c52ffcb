"""Services, and the objects of the Gateway API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aks_action.model.documents import get_in
from aks_action.model.health import probes
from aks_action.model.health.records import (
    Gravity,
    Health,
    Related,
    Trouble,
    condition_in,
    count,
    failed,
    progressing,
    ready,
    said,
    text,
)
from aks_action.model.manifests import Document, ref_of

# Reasons that go away when another object of the same deploy has become known.
_PASSING = ("Pending", "NoMatchingParent", "BackendNotFound", "AddressNotAssigned", "NoResources")


def assess_service(document: Document, related: Related) -> Health:
    """Present is enough, but a LoadBalancer is ready when it has an address.

    Endpoints are not demanded: its workloads are waited for themselves, and those with zero
    replicas have none.
    """
    if text(document, "spec", "type") != "LoadBalancer":
        return ready("it is there")
    addresses = get_in(document, ("status", "loadBalancer", "ingress")) or ()
    shown = ", ".join(text(each, "ip") or text(each, "hostname") for each in addresses)
    if shown:
        return ready(f"its address is {shown}")
    return progressing("its load balancer has no address yet", *_warnings(document, related))


def _warnings(document: Document, related: Related) -> Iterator[Trouble]:
    for event in related.events_of(document):
        recent = related.is_recent(probes.event_time(event))
        if event.get("type") == "Warning" and recent:
            yield Trouble(
                culprit=ref_of(document),
                code=text(event, "reason"),
                message=said(event, "message"),
                advice="Check the Service's annotations and the cluster's rights in its network.",
            )


def assess_gateway(document: Document, _related: Related) -> Health:
    """A Gateway is ready when it is Accepted and Programmed for its current generation."""
    generation = count(document, "metadata", "generation")
    conditions = get_in(document, ("status", "conditions")) or ()
    return _judge(document, [("", conditions)], ("Accepted", "Programmed"), generation)


def assess_route(document: Document, _related: Related) -> Health:
    """A route is ready when every parent that it names has Accepted it and Resolved its refs."""
    generation = count(document, "metadata", "generation")
    parents = get_in(document, ("status", "parents")) or ()
    wanted = len(get_in(document, ("spec", "parentRefs")) or ())
    if len(parents) < max(wanted, 1):
        return progressing("no gateway controller has answered for each of its parents yet")
    groups = [
        (f" by {text(each, 'parentRef', 'name')}", each.get("conditions") or ()) for each in parents
    ]
    return _judge(document, groups, ("Accepted", "ResolvedRefs"), generation)


def _judge(
    document: Document,
    groups: Iterable[tuple[str, Iterable[Document]]],
    kinds: tuple[str, ...],
    generation: int,
) -> Health:
    pending = ""
    troubles: list[Trouble] = []
    for suffix, conditions in groups:
        for kind in kinds:
            found = condition_in(conditions, kind)
            if found.get("status") == "True" and _is_current(found, generation):
                continue
            pending = pending or f"it is not {_verb(kind)}{suffix} yet"
            if found.get("status") == "False" and _is_current(found, generation):
                troubles.append(_trouble(document, found, f"it is not {_verb(kind)}{suffix}"))
    fatal = [each for each in troubles if each.gravity > Gravity.HINT]
    if fatal:
        return failed(fatal[0].message, *troubles)
    return progressing(pending, *troubles) if pending else ready("it is accepted")


def _is_current(found: Document, generation: int) -> bool:
    return count(found, "observedGeneration", default=generation) >= generation


def _verb(kind: str) -> str:
    return {"Accepted": "accepted", "Programmed": "programmed", "ResolvedRefs": "resolved"}[kind]


def _trouble(document: Document, found: Document, lead: str) -> Trouble:
    reason = text(found, "reason")
    return Trouble(
        culprit=ref_of(document),
        code=reason,
        message=f"{lead}: {' '.join(text(found, 'message').split()) or reason}",
        advice="Correct what the gateway controller names.",
        gravity=Gravity.HINT if reason in _PASSING else Gravity.TEMPLATE,
    )
