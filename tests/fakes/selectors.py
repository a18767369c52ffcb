"""Label and field selectors, as the API server reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aks_action.model.documents import get_in


def labels_match(selector: str, document: Mapping[str, Any]) -> bool:
    """`a=b,c!=d,e in (f,g),h notin (i),j,!k`; an empty selector matches all."""
    labels = document["metadata"].get("labels") or {}
    parts = re.findall(r"(?:[^,(]|\([^)]*\))+", selector)
    return all(_label_matches(part.strip(), labels) for part in parts)


def _label_matches(part: str, labels: Mapping[str, str]) -> bool:
    if found := re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", part):
        values = [value.strip() for value in found[3].split(",")]
        return (labels.get(found[1]) in values) == (found[2] == "in")
    if found := re.fullmatch(r"([^!=\s]+)\s*(==?|!=)\s*(\S*)", part):
        return (labels.get(found[1]) == found[3]) == (found[2] != "!=")
    return part[1:] not in labels if part.startswith("!") else part in labels


def fields_match(selector: str, document: Mapping[str, Any]) -> bool:
    """`metadata.name=a,status.phase!=Running`; an empty selector matches all."""
    for part in filter(None, selector.split(",")):
        found = re.fullmatch(r"([^!=]+)(==?|!=)(.*)", part)
        if found is None:
            raise ValueError(selector)
        value = str(get_in(document, found[1].split("."), ""))
        if (value == found[3]) != (found[2] != "!="):
            return False
    return True
