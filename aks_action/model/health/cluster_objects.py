"""Objects of the cluster itself, autoscalers, and custom resources."""

from __future__ import annotations

from aks_action.model.documents import get_in
from aks_action.model.health.records import (
    Gravity,
    Health,
    Related,
    Trouble,
    condition,
    failed,
    progressing,
    ready,
    said,
    text,
)
from aks_action.model.manifests import Document, ref_of

WAIT_FOR = "aks-action/wait-for"
"""Annotation of a custom resource: the condition that has to be True, `Ready`."""


def assess_namespace(document: Document, _related: Related) -> Health:
    phase = text(document, "status", "phase")
    return ready("it is active") if phase == "Active" else progressing("it is not active yet")


def assess_definition(document: Document, _related: Related) -> Health:
    """A CustomResourceDefinition is ready when its names are accepted and it is served."""
    names, established = condition(document, "NamesAccepted"), condition(document, "Established")
    if names.get("status") == "False":
        return _refused(document, names, "Its names belong to another definition already.")
    if established.get("status") == "True" and names.get("status") == "True":
        return ready("it is established")
    if established.get("status") == "False" and established.get("reason") not in (
        "Installing",
        "NotAccepted",
    ):
        return _refused(document, established, "Correct the definition.")
    return progressing("it is not established yet")


def assess_api_service(document: Document, _related: Related) -> Health:
    """Its server may start later than it is registered, so False is never final."""
    available = condition(document, "Available")
    if available.get("status") == "True":
        return ready("it is available")
    message = "it is not available yet"
    return progressing(message, *_hints(document, available))


def assess_autoscaler(document: Document, _related: Related) -> Health:
    """Ready when it scales, is turned off (zero replicas), or only misses metrics.

    Metrics come a minute after the first pod, or never where no metrics server runs; neither
    makes the deployed workload unhealthy, so it is told and not waited for.
    """
    active = condition(document, "ScalingActive")
    able = condition(document, "AbleToScale")
    if active.get("status") == "True":
        return ready("it is active")
    reason = text(active, "reason")
    if active.get("status") == "False":
        if reason == "ScalingDisabled":
            return ready("scaling is turned off, since its target has zero replicas")
        if reason.startswith("FailedGet"):
            return ready("it has no metrics yet", *_hints(document, active))
        return _refused(document, active, "Correct the metrics that it names.")
    message = "its controller has not judged it yet"
    return progressing(message, *(_hints(document, able) if able.get("status") == "False" else ()))


def assess_custom(document: Document, _related: Related) -> Health:
    """A custom resource: present is enough, unless its annotation names a condition to wait for.

    To wait for every `Ready` condition would hold deploys back for objects that are optional or
    whose operator is absent; so only what was asked for is waited for.
    """
    asked = text(document, "metadata", "annotations", WAIT_FOR)
    if not asked:
        return ready("it is there")
    stalled = condition(document, "Stalled")
    if stalled.get("status") == "True" and _observed(document, stalled):
        return _refused(document, stalled, "Correct what its operator names.")
    found = condition(document, asked)
    if found.get("status") == "True" and _observed(document, found):
        return ready(f"its condition {asked} is true")
    false = found.get("status") == "False"
    return progressing(
        f"its condition {asked} is not true yet", *(_hints(document, found) if false else ())
    )


def _observed(document: Document, found: Document) -> bool:
    generation = get_in(document, ("metadata", "generation"), 0)
    seen = found.get("observedGeneration", generation)
    return isinstance(seen, int) and seen >= generation


def _words(found: Document) -> str:
    return said(found, "message") or text(found, "reason")


def _hints(document: Document, found: Document) -> tuple[Trouble, ...]:
    if not _words(found):
        return ()
    return (Trouble(culprit=ref_of(document), code=text(found, "reason"), message=_words(found)),)


def _refused(document: Document, found: Document, advice: str) -> Health:
    trouble = Trouble(
        culprit=ref_of(document),
        code=text(found, "reason"),
        message=_words(found),
        advice=advice,
        gravity=Gravity.TEMPLATE,
    )
    return failed(_words(found), trouble)
