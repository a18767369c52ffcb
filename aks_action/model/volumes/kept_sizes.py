"""Volumes of an earlier version that have grown since: they do not shrink, and need not."""

from __future__ import annotations

from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, ref_of
from aks_action.model.volumes import quantities
from aks_action.model.volumes.hindrances import SIZE, size
from aks_action.model.volumes.mounts import CLAIM
from aks_action.model.volumes.steps import Sizes
from aks_action.model.volumes.templates import templates_of, with_sizes


def as_large(wanted: Document, live: Document) -> Document:
    """A claim or StatefulSet that asks for no less than the live one; others as they are."""
    kind = ref_of(wanted).group_kind
    if kind == CLAIM and quantities.is_more(size(live), size(wanted)):
        return set_in(wanted, SIZE, size(live))
    if kind != "StatefulSet.apps":
        return wanted
    before, after = templates_of(live), templates_of(wanted)
    kept = {
        name: Sizes(old=size(after[name]), new=size(before[name]))
        for name in after.keys() & before.keys()
        if quantities.is_more(size(before[name]), size(after[name]))
    }
    return with_sizes(wanted, kept) if kept else wanted
