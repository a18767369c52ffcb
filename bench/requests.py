"""Counts what the API server was asked for, by its own metrics."""

import re
from collections import Counter
from collections.abc import Collection, Mapping

from demo.bed import Bed

RESOURCES = ("configmaps", "services", "deployments")
WRITES = ("APPLY", "POST", "PUT", "PATCH", "DELETE", "DELETECOLLECTION")

_LINE = re.compile(r"apiserver_request_total\{(?P<labels>[^}]*)\} (?P<count>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Key = tuple[str, bool]
"""Verb, and whether it was a dry run."""

Requests = Counter[Key]


def counted(bed: Bed, resources: Collection[str] = RESOURCES) -> Requests:
    """Requests so far on some kinds, those that are deployed, without their status subresource.

    The cluster's own controllers only write the status of these, so the rest is the caller's.
    """
    totals: Counter[Key] = Counter()
    for match in _LINE.finditer(bed.kubectl("get", "--raw", "/metrics")):
        labels = dict(_LABEL.findall(match["labels"]))
        if labels.get("resource") in resources and not labels.get("subresource"):
            key = labels["verb"], bool(labels.get("dry_run"))
            totals[key] += int(float(match["count"]))
    return totals


def between(before: Mapping[Key, int], after: Counter[Key]) -> Counter[Key]:
    return after - Counter(before)


def writes(requests: Mapping[Key, int]) -> int:
    return sum(count for (verb, dry), count in requests.items() if verb in WRITES and not dry)


def besides_lists(requests: Mapping[Key, int]) -> int:
    """Everything that is not a LIST or a WATCH, dry runs included."""
    return sum(count for (verb, _), count in requests.items() if verb not in ("LIST", "WATCH"))


def shown(requests: Mapping[Key, int]) -> str:
    parts = [f"{verb}{' (dry run)' if dry else ''} {count}"
             for (verb, dry), count in sorted(requests.items())]  # fmt: skip
    return ", ".join(parts) or "none"
