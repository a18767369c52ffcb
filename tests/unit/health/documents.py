"""Small live objects for the health rules' tests."""

from typing import Any

CONDITION = {"type": "", "status": "True", "reason": "", "message": ""}


def live(
    kind: str,
    api_version: str = "v1",
    *,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """A live object of generation 2 named `web` in `shop`, whose controller has seen it."""
    seen = {"observedGeneration": 2} if api_version == "apps/v1" else {}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": f"uid-{kind}",
            "generation": 2,
            **metadata,
        },
        "spec": spec or {},
        "status": {**seen, **(status or {})},
    }


def conditions(*each: tuple[str, str] | tuple[str, str, str]) -> dict[str, Any]:
    """A status with conditions: (type, status) or (type, status, reason)."""
    return {
        "conditions": [
            {"type": kind, "status": status, "reason": reason, "message": f"because {reason}"}
            for kind, status, reason in ((*one, "")[:3] for one in each)
        ]
    }


def owned(document: dict[str, Any], owner: dict[str, Any]) -> dict[str, Any]:
    """The document as one that `owner` controls."""
    reference = {"kind": owner["kind"], "uid": owner["metadata"]["uid"], "controller": True}
    return {**document, "metadata": {**document["metadata"], "ownerReferences": [reference]}}


def pod(
    name: str = "web-1",
    *,
    waiting: tuple[str, str] | None = None,
    state: dict[str, Any] | None = None,
    last: dict[str, Any] | None = None,
    ready: bool = False,
    container: dict[str, Any] | None = None,
    created: str = "2026-01-01T10:00:05Z",
    labels: dict[str, str] | None = None,
    **status: Any,
) -> dict[str, Any]:
    """A pod with one container, `web`, which waits for a reason or is in a state."""
    if waiting:
        state = {"waiting": {"reason": waiting[0], "message": waiting[1]}}
    about = {
        "name": "web",
        "image": "shop/web:1",
        "ready": ready,
        "state": state or {"running": {}},
        "lastState": {"terminated": last} if last else {},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "creationTimestamp": created,
            "labels": labels or {},
        },
        "spec": {"containers": [{"name": "web", "image": "shop/web:1", **(container or {})}]},
        "status": {
            "phase": "Running" if ready else "Pending",
            "containerStatuses": [about],
            **(conditions(("Ready", "True")) if ready else {}),
            **status,
        },
    }


def event(
    about: dict[str, Any],
    reason: str,
    message: str,
    *,
    at: str = "2026-01-01T10:00:10Z",
    type_: str = "Warning",
    container: str = "",
) -> dict[str, Any]:
    """A core/v1 Event about an object."""
    metadata = about["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{reason}-{at}",
            "namespace": "shop",
            "uid": f"{reason}{at}{message}",
        },
        "type": type_,
        "reason": reason,
        "message": message,
        "count": 1,
        "lastTimestamp": at,
        "involvedObject": {
            "kind": about["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            **({"fieldPath": f"spec.containers{{{container}}}"} if container else {}),
        },
    }
