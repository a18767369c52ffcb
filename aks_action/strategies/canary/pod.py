"""A canary by pods: its share of the traffic is its share of the pods behind the plain Services."""

from __future__ import annotations

from aks_action.model.plan import Plan
from aks_action.strategies.app import App, deleted
from aks_action.strategies.canary import copies


def deploy(app: App) -> Plan:
    """Everything else first, then canary and baseline, which join the Services once ready."""
    before, beside = app.deployed(app.besides()), copies.beside_the_stable(app)
    return Plan(
        stages=(*before.stages, *beside.stages),
        notes=(*before.notes, *beside.notes, *copies.notes(app)),
    )


def promote(app: App) -> Plan:
    """The stable is updated while the canary serves; canary and baseline go when it is healthy."""
    new = {id(each): copies.updated_stable(app, each) for each in app.workloads}
    plan = app.deployed(tuple(new.get(id(each), each) for each in app.manifests))
    gone = deleted(app, "Delete the canary", copies.copied_refs(app), "its version is the stable")
    none_found = () if gone else ("No canary was found; the manifests were deployed as they are.",)
    return Plan(stages=(*plan.stages, *gone), notes=(*plan.notes, *none_found))


def reject(app: App) -> Plan:
    """Canary and baseline go; the stable stays as it is."""
    copies.refuse_to_take_the_last(app)
    gone = deleted(app, "Delete the canary", copies.copied_refs(app), "it was rejected")
    if not gone:
        return Plan(stages=(), notes=("Nothing to reject: no canary was found.",))
    return Plan(stages=(*copies.healthy_stable(app), *gone))
