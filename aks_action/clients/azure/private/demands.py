"""What the waits of a stage demand, as `look.jq` reads it, and what has to be looked at for it."""

from __future__ import annotations

from functools import partial
from typing import Any

from aks_action.clients.azure.private.kubectl import Looked, looked
from aks_action.clients.azure.private.rehearsal import Rehearsal
from aks_action.clients.ports import Batch
from aks_action.model.health import RULES
from aks_action.model.manifests import Manifest, ObjectRef
from aks_action.model.plan import Stage, Step, Wait
from aks_action.model.traffic.steps import WaitAccepted, WaitEndpoints, WaitPods

_SIMPLE = frozenset(
    {
        "Namespace",
        "CustomResourceDefinition.apiextensions.k8s.io",
        "APIService.apiregistration.k8s.io",
    }
)
"""Kinds of which `look.jq` knows all that there is to judge."""


class Demands:
    """found: what has to be met.    looks: requests that read, with the names of their answers.

    need_judgement: whether it takes more than `look.jq` to say that what was found is healthy.
    """

    def __init__(self, stage: Stage, rehearsal: Rehearsal, batch: Batch, name: str) -> None:
        self.found: list[dict[str, Any]] = []
        self.looks: dict[Looked, str] = {}
        self.need_judgement = False
        self._names: dict[tuple[str, str], str] = {}
        calls = rehearsal.requests(partial(batch.look, stage))
        for call in sorted(calls, key=lambda each: looked(each).how, reverse=True):
            # A whole collection last: it is the one that has everybody.
            look = looked(call)
            self.looks.setdefault(look, f"{name}r{len(self.looks)}")
            self._names[call.asked.ref.kind, call.asked.ref.namespace] = self.looks[look]
        for step in stage.steps:
            self._add(step)

    def _add(self, step: Step) -> None:
        match step:
            case Wait():
                self.found += [
                    self._healthy(each, each.ref, step.steady)
                    for each in step.manifests
                    if (each.kind, each.ref.namespace) in self._names
                ]
            case WaitPods():
                pods = self._names["Pod", step.namespace]
                rule = "going" if step.going else "pods"
                self.found.append({"rule": rule, "pods": pods, "labels": dict(step.labels)})
            case WaitEndpoints():
                namespace = step.service.namespace
                self.found.append(
                    {
                        "rule": "endpoints",
                        "service": step.service.name,
                        "slices": self._names["EndpointSlice", namespace],
                        "pods": self._names["Pod", namespace],
                        "ready": dict(step.ready),
                        "only": dict(step.only),
                        "none": dict(step.none),
                    }
                )
            case WaitAccepted():
                self.found.append(self._healthy(None, step.ref, 0.0))
            case _:
                pass

    def _healthy(self, manifest: Manifest | None, ref: ObjectRef, steady: float) -> dict[str, Any]:
        if manifest and ref.group_kind in RULES and ref.group_kind not in _SIMPLE:
            self.need_judgement = True
        metadata = manifest.document["metadata"] if manifest else {}
        return {
            "rule": "healthy",
            "kind": ref.group_kind,
            "name": ref.name,
            "prefix": metadata.get("generateName", ""),
            "steady": steady,
            "file": self._names[ref.kind, ref.namespace],
            "pods": self._names.get(("Pod", ref.namespace), ""),
            "sets": self._names.get(("ReplicaSet", ref.namespace), ""),
            "events": self._names.get(("Event", ref.namespace), ""),
        }
