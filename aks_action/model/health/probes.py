"""Failing probes: what they ask, and how the kubelet says that they fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aks_action.model.documents import get_in
from aks_action.model.health.records import SKEW, Related, text
from aks_action.model.manifests import Document
from aks_action.model.timestamps import parse_time

FIELDS = {"Readiness": "readinessProbe", "Liveness": "livenessProbe", "Startup": "startupProbe"}
_UNHEALTHY = re.compile(
    r"^(Readiness|Liveness|Startup) probe (?:failed|errored)[^:]*:?\s*(.*)", re.DOTALL
)


def describe(probe: Any) -> str:
    """What a probe asks: `GET :8080/healthz`, `TCP :5432`, `command cat /ready`, `gRPC :9090`."""
    if not isinstance(probe, Mapping):
        return ""
    if http := probe.get("httpGet"):
        host = http.get("host") or ""
        return f"GET {host}:{http.get('port')}/{str(http.get('path') or '/').lstrip('/')}"
    if tcp := probe.get("tcpSocket"):
        return f"TCP {tcp.get('host') or ''}:{tcp.get('port')}"
    if grpc := probe.get("grpc"):
        return f"gRPC :{grpc.get('port')}"
    if command := get_in(probe, ("exec", "command")):
        return "command " + " ".join(map(str, command))
    return ""


def failing(pod: Document, container: Document, related: Related) -> tuple[str, str] | None:
    """The latest failing probe of a container in this run: (`Readiness`, the kubelet's words).

    The kubelet tells of it by `Unhealthy` events about the container; a probe that the container
    no longer declares belongs to an older template.
    """
    name = text(container, "name")
    latest: tuple[str, str, str] | None = None
    for event in related.events_of(pod):
        when = event_time(event)
        if event.get("reason") != "Unhealthy" or not related.is_recent(when):
            continue
        if container_of(event) not in ("", name):
            continue
        found = _UNHEALTHY.match(text(event, "message"))
        if found and FIELDS[found[1]] in container and (latest is None or when >= latest[0]):
            latest = (when, found[1], " ".join(found[2].split()))
    return latest[1:] if latest else None


def container_of(event: Document) -> str:
    """The container an event is about, from `spec.containers{web}`; empty when it says none."""
    found = re.search(r"\{(.+)\}$", text(event, "involvedObject", "fieldPath"))
    return found[1] if found else ""


def is_of_the_future(event: Document) -> bool:
    """Whether an event claims a time that lies after its last write, by the API server's clock.

    Who creates an event writes its times; `metadata.managedFields` has those of the server.
    """
    claimed = parse_time(event_time(event))
    times = [parse_time(text(event, "metadata", "creationTimestamp"))]
    times += [parse_time(each.get("time")) for each in _entries(event)]
    written = max((each for each in times if each), default=None)
    return claimed is not None and written is not None and claimed > written + SKEW


def _entries(event: Document) -> list[Mapping[str, Any]]:
    found = get_in(event, ("metadata", "managedFields"))
    entries = found if isinstance(found, list) else ()
    return [each for each in entries if isinstance(each, Mapping)]


def event_time(event: Document) -> str:
    """When an event was last seen, as its RFC 3339 text."""
    return (
        text(event, "series", "lastObservedTime")
        or text(event, "lastTimestamp")
        or text(event, "eventTime")
        or text(event, "metadata", "creationTimestamp")
    )
