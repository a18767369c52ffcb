"""The containers of a pod as cases to judge: status, spec, and what is known about the pod."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aks_action.model.documents import get_in
from aks_action.model.health.records import Gravity, Related, Trouble, named, said, text
from aks_action.model.manifests import Document, ObjectRef

_STATUSES = (
    ("initContainerStatuses", "initContainers", "init container"),
    ("containerStatuses", "containers", "container"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One container of one pod: its status, its spec, and what is known about the pod."""

    pod: Document
    status: Document
    spec: Document
    noun: str
    related: Related

    @property
    def label(self) -> str:
        return f"{self.noun} {text(self.status, 'name')}"

    @property
    def words(self) -> str:
        """The kubelet's message about why the container waits, on one line."""
        return said(self.status, "state", "waiting", "message")

    def trouble(
        self,
        code: str,
        message: str,
        *,
        advice: str = "",
        gravity: Gravity = Gravity.HINT,
        crashed: bool = False,
    ) -> Trouble:
        return Trouble(
            culprit=pod_ref(self.pod),
            code=code,
            message=f"{self.label}: {message}",
            advice=advice,
            gravity=gravity,
            container=text(self.status, "name"),
            crashed=crashed,
        )


def cases(pod: Document, related: Related) -> Iterator[Case]:
    """Every container of the pod that has a status, init containers first."""
    for statuses, specs, noun in _STATUSES:
        by_name = {text(each, "name"): each for each in get_in(pod, ("spec", specs)) or ()}
        for status in get_in(pod, ("status", statuses)) or ():
            yield Case(
                pod=pod,
                status=status,
                spec=by_name.get(text(status, "name"), {}),
                noun=noun,
                related=related,
            )


def pod_ref(pod: Document) -> ObjectRef:
    return named(pod, "v1", "Pod")
