"""How the Secrets of a release are named and labelled.

    aks-action.shop       the release: what was begun last
    aks-action.shop.3     its record 3
    aks-action.shop.3.1   a part of the objects of record 3, which are too many for one Secret

Only the first two have the label by which a release is listed: a deploy reads no parts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.records.packing import encoded

RELEASE = "aks-action/release"
"""The label of a release's Secret and of its records; the value is the release's name."""

RECORD = "aks-action/record"
"""The label of a record; the value is its number."""

VERSION = "aks-action/version"
"""A label of a record, for those who look with kubectl; left out where no label can say it."""

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")

RELEASE_TYPE = "aks-action/release.v1"
RECORD_TYPE = "aks-action/record.v1"


def selector(release: str) -> str:
    """The label selector of a release's Secret and its records."""
    return f"{RELEASE}={release}"


def labels_of(release: str, number: int, version: str) -> dict[str, str]:
    """The labels of a record."""
    shown = {VERSION: version} if _LABEL.fullmatch(version) else {}
    return {RELEASE: release, RECORD: str(number), **shown}


def release_ref(release: str, namespace: str) -> ObjectRef:
    return _ref(f"aks-action.{release}", namespace)


def record_ref(release: str, namespace: str, number: int) -> ObjectRef:
    return _ref(f"aks-action.{release}.{number}", namespace)


def part_refs(release: str, namespace: str, number: int, parts: int) -> tuple[ObjectRef, ...]:
    """The Secrets of the parts of a record, in order."""
    name = record_ref(release, namespace, number).name
    return tuple(_ref(f"{name}.{part}", namespace) for part in range(1, parts + 1))


def secret(
    ref: ObjectRef,
    data: Mapping[str, bytes],
    *,
    type_: str,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    immutable: bool = True,
) -> Document:
    """A Secret as it is applied."""
    metadata: dict[str, Any] = {"name": ref.name, "namespace": ref.namespace}
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": metadata,
        "type": type_,
        **({"immutable": True} if immutable else {}),
        "data": {key: encoded(value) for key, value in data.items()},
    }


def _ref(name: str, namespace: str) -> ObjectRef:
    return ObjectRef(api_version="v1", kind="Secret", name=name, namespace=namespace)
