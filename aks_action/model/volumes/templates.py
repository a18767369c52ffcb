"""The `volumeClaimTemplates` of a StatefulSet: what a manifest changes of them.

The API server keeps all of them as they are. Larger ones are possible all the same, since the
claims and the StatefulSet can be changed apart: see `growth`.
"""

from __future__ import annotations

from collections.abc import Mapping

from aks_action.model.applying.diff import asked_changes
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document
from aks_action.model.volumes import quantities
from aks_action.model.volumes.hindrances import SIZE, size
from aks_action.model.volumes.steps import Sizes

TEMPLATES = ("spec", "volumeClaimTemplates")


def templates_of(stateful_set: Document) -> dict[str, Document]:
    """The templates by name, in their order."""
    found = get_in(stateful_set, TEMPLATES) or ()
    return {str(get_in(each, ("metadata", "name"), "")): each for each in found}


def with_sizes(stateful_set: Document, sizes: Mapping[str, Sizes]) -> Document:
    """The StatefulSet with the new sizes in its templates."""
    templates = [
        set_in(each, SIZE, sizes[name].new) if name in sizes else each
        for name, each in templates_of(stateful_set).items()
    ]
    return set_in(stateful_set, TEMPLATES, templates)


def larger(live: Document, wanted: Document) -> Mapping[str, Sizes]:
    """The templates that a manifest makes larger, if that is all that it changes of them."""
    found = resized(live, wanted)
    shrinks = any(quantities.is_more(each.old, each.new) for each in found.values())
    return {} if shrinks else found


def resized(live: Document, wanted: Document) -> Mapping[str, Sizes]:
    """The templates to which a manifest gives another size, if that is all that it changes."""
    before, after = templates_of(live), templates_of(wanted)
    if list(before) != list(after) or any(_changes(n, before[n], after[n]) for n in before):
        return {}
    sizes = {name: Sizes(old=size(before[name]), new=size(each)) for name, each in after.items()}
    return {
        name: each
        for name, each in sizes.items()
        if quantities.is_more(each.new, each.old) or quantities.is_more(each.old, each.new)
    }


def obstacles(live: Document, wanted: Document) -> list[str]:
    """What cannot change of the templates, as clauses; growing is no obstacle."""
    before, after = templates_of(live), templates_of(wanted)
    found = [
        f"{_named(name)} cannot {verb} a StatefulSet that exists"
        for one, other, verb in ((after, before, "come to"), (before, after, "leave"))
        for name in one
        if name not in other
    ]
    for name in before.keys() & after.keys():
        old, new = size(before[name]), size(after[name])
        if quantities.is_more(old, new):
            found.append(f"{_named(name)}: a volume cannot shrink ({old} → {new})")
        found += _changes(name, before[name], after[name])
    return sorted(found)


def _changes(name: str, before: Document, after: Document) -> list[str]:
    """What changes of a template besides its size."""
    path = ".".join(SIZE)
    return [
        f"{_named(name)}.{each.path} cannot change ({each.before} → {each.after})"
        for each in asked_changes(before, after)
        if each.path != path
    ]


def _named(name: str) -> str:
    return f"spec.volumeClaimTemplates[{name}]"
