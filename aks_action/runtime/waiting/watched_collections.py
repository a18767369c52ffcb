"""What has to be watched so that the targets' health, and its causes, can be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from aks_action.model.health import WORKLOADS
from aks_action.model.manifests import Manifest
from aks_action.model.volumes.mounts import CLAIM
from aks_action.runtime.feeds import Collection

_ROUTINE = (
    *("Scheduled", "Pulling", "Pulled", "Created", "Started", "Killing", "SuccessfulAttachVolume"),
    *(
        "SuccessfulCreate",
        "SuccessfulDelete",
        "SuccessfulRescale",
        "ScalingReplicaSet",
        "MissingClusterDNS",
    ),
)
USEFUL_EVENTS = ",".join(f"reason!={reason}" for reason in _ROUTINE)
"""A field selector: what the server need not send, since it only says that all goes well."""


def collections_for(pending: Iterable[Manifest]) -> set[Collection]:
    """What to watch: the targets' kinds, and what tells of their pods and claims.

    A kind with a single target is watched by that target's name.
    """
    names: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    collections: set[Collection] = set()
    for ref in (each.ref for each in pending):
        names[ref.api_version, ref.kind, ref.namespace].add(ref.name)
        if ref.namespace:
            collections.add(
                Collection(
                    api_version="v1",
                    kind="Event",
                    namespace=ref.namespace,
                    field_selector=USEFUL_EVENTS,
                )
            )
        if ref.group_kind in WORKLOADS or ref.group_kind == CLAIM:
            names["v1", "Pod", ref.namespace].add("")
        if ref.group_kind == "Deployment.apps":
            names["apps/v1", "ReplicaSet", ref.namespace].add("")
    for (api_version, kind, namespace), wanted in names.items():
        only = "".join(wanted) if len(wanted) == 1 else ""
        collections.add(
            Collection(
                api_version=api_version,
                kind=kind,
                namespace=namespace,
                field_selector=f"metadata.name={only}" if only else "",
            )
        )
    return collections
