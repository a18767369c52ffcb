"""What was found of blue and green, and what it rules out."""

from __future__ import annotations

from collections.abc import Iterator

from aks_action.errors import Conflict, Problem, raise_all
from aks_action.model.documents import get_in, without
from aks_action.model.manifests import Document, Manifest
from aks_action.model.variants import COLOUR_LABEL, Colour, copy_name, copy_ref
from aks_action.strategies import bystanders
from aks_action.strategies.app import App
from aks_action.strategies.blue_green import colours
from aks_action.strategies.blue_green.colours import Carrier
from aks_action.strategies.blue_green.method import Method


def is_out(app: App, method: Method) -> bool:
    """Whether there is a green, or anything that was made for one."""
    left = any(ref in app.observed.live for ref in method.leftovers(app))
    return method.carrier(app).is_green or has_green(app) or left


def has_green(app: App) -> bool:
    return any(ref in app.observed.live for ref in colours.green_refs(app))


def all_have_blue(app: App) -> bool:
    return bool(app.services) and all(colours.has_blue(app, each) for each in app.services)


def refuse_unswitched(app: App, method: Method) -> None:
    """Raise Conflict if green has no traffic, unless a promote that was cut off took it away.

    That one has made the stable what green is before it moved the traffic.
    """
    if method.carrier(app).is_green or not app.services:
        return
    raise_all(
        Conflict,
        [
            Problem(
                message=f"{copy_ref(each.ref, Colour.GREEN)} was found, but the traffic does not "
                "go to it: its deploy did not come as far as the switch. Nothing was changed. "
                "Run deploy again, or reject.",
                source=each.source,
            )
            for each in app.workloads
            if (green := app.live(copy_ref(each.ref, Colour.GREEN))) is not None
            and not _is_same_version(app.live(each.ref), green)
        ],
    )


def _is_same_version(stable: Document | None, green: Document) -> bool:
    """Whether two live workloads make the same pods, but for the colour."""
    return stable is not None and _pods(stable) == _pods(green)


def _pods(workload: Document) -> object:
    path = ("spec",) if workload["kind"] == "Pod" else ("spec", "template")
    return get_in(without(workload, (*path, "metadata", "labels", COLOUR_LABEL)), path)


def runs_its_images(app: App, workload: Manifest) -> bool:
    live = app.live(workload.ref)
    return live is not None and _images(live) == _images(workload.document)


def _images(workload: Document) -> dict[str, str]:
    path = ("spec",) if workload["kind"] == "Pod" else ("spec", "template", "spec")
    found = get_in(workload, (*path, "containers")) or ()
    return {str(each.get("name")): str(each.get("image")) for each in found}


def refuse_to_take_the_last(app: App) -> None:
    """Raise Conflict if a reject would take the only pods that serve."""
    raise_all(
        Conflict,
        [
            Problem(
                message=f"Service {each.ref.name} has its traffic on green, and no stable was "
                "found to go back to. Nothing was changed. Promote green, or delete it with "
                "kubectl if it should go.",
                source=each.source,
            )
            for each in app.services
            if not colours.has_blue(app, each) and _green_has_pods(app, each)
        ],
    )


def _green_has_pods(app: App, service: Manifest) -> bool:
    for each in app.behind(service):
        status = get_in(app.live(copy_ref(each.ref, Colour.GREEN)), ("status",)) or {}
        ready = any(
            condition.get("type") == "Ready" and condition.get("status") == "True"
            for condition in status.get("conditions") or ()
        )
        if status.get("readyReplicas") or status.get("numberReady") or ready:
            return True
    return False


def deploy_notes(app: App, method: Method) -> Iterator[str]:
    carrier = method.carrier(app)
    if carrier.is_green and all_have_blue(app):
        yield "Green carries the traffic already; the stable takes it while green is replaced."
    elif carrier.is_green:
        yield "Green carries the traffic and there is no stable; green is updated in place."
    marks = colours.marks_found(app)
    for each in app.services:
        if colours.has_blue(app, each) and not marks(each) and carrier is not Carrier.GREEN:
            yield (
                f"{each.ref} selects the pods of both colours until the switch: nothing tells "
                "those of its stable from green's. Promoting once puts the colour on them."
            )
    made = colours.greens(app)
    pairs = tuple(
        bystanders.Pair(original=each, copy=copy)
        for each, copy in zip(app.workloads, made, strict=True)
    )
    yield from bystanders.notes(app, pairs)
    for each in app.workloads:
        if get_in(each.document, ("spec", "volumeClaimTemplates")):
            name = copy_name(each.kind, each.ref.name, Colour.GREEN)
            yield f"{each.ref} owns volume claims: {name} begins with empty volumes of its own."
