"""Deploy, promote and reject, whatever it is that is switched."""

from __future__ import annotations

from aks_action.errors import Conflict
from aks_action.model import durations
from aks_action.model.plan import Plan, Stage, Step, Wait
from aks_action.model.traffic.steps import Patch, Pause, WaitEndpoints, WaitPods
from aks_action.model.variants import Colour, copy_ref
from aks_action.strategies import bystanders
from aks_action.strategies.app import (
    STEADY_SECONDS,
    App,
    deleted,
    only_filled,
    settled,
    steadily,
)
from aks_action.strategies.blue_green import colours, found
from aks_action.strategies.blue_green.colours import Carrier
from aks_action.strategies.blue_green.method import Method, Stages

_ADVICE = (
    "Green gets no traffic that it did not have. Mend it with another deploy, or remove it with "
    "`action: reject`."
)


def deploy(app: App, method: Method) -> Plan:
    """Green beside the stable; healthy, with endpoints, and after the buffer it gets the traffic.

    All of it goes at once, so only to pods that have lived for a moment, also after the buffer.
    A green that carries the traffic already gives it back to the stable first: no pod of a
    version that may fail is put in the place of one that serves.
    """
    rest = app.deployed(app.besides(method.handled(app), bystanders.aimed_autoscalers(app)))
    green = steadily(app.deployed(colours.greens(app)), _ADVICE)
    stages = (
        *rest.stages,
        *method.before_green(app),
        *(_back(app, method) if _stable_can_take_over(app, method) else ()),
        *green.stages,
        *method.green_ready(app),
        *_buffer(app),
        *method.to_green(app),
        *bystanders.following(app, Colour.GREEN),
        *method.after_green(app),
    )
    notes = (*rest.notes, *green.notes, *found.deploy_notes(app, method))
    return Plan(stages=only_filled(stages), notes=notes)


def promote(app: App, method: Method) -> Plan:
    """The stable becomes the new version while green serves; then it takes over, and green goes.

    Raises Conflict when green was never switched to.
    """
    if not (method.carrier(app).is_green or found.has_green(app)):
        return _nothing_to_promote(app, method)
    found.refuse_unswitched(app, method)
    blue = app.deployed(colours.blues(app))
    stages = (
        *(_switch_completed(app, method) if method.carrier(app) is Carrier.MIXED else ()),
        *colours.version_forgotten(app),
        *_replaced(app, method),
        *blue.stages,
        *_taken_over(app, method, "the stable is its version"),
    )
    return Plan(stages=only_filled(stages), notes=blue.notes)


def rollback(app: App, method: Method) -> Plan:
    """The stable becomes an earlier version; a green that serves until then goes.

    Raises Conflict for a green without all of the traffic, unless a rollback that was cut off has
    taken it away: only then do labels tell the pods of the stable from green's all the time.
    """
    serves = method.carrier(app) is Carrier.GREEN
    marks = colours.marks_found(app)
    told_apart = all(marks(each) == colours.BLUE for each in app.services)
    if found.is_out(app, method) and not (serves or told_apart):
        raise Conflict(
            "A green is out that does not have all of the traffic. Nothing was changed. Reject "
            "it, which leaves all of the traffic to the stable, and then go back further if that "
            "is not enough."
        )
    rest = app.deployed(app.besides(method.handled(app), bystanders.aimed_autoscalers(app)))
    blue = app.deployed(colours.blues(app))
    stages = (
        *rest.stages,
        *colours.version_forgotten(app),
        *(_replaced(app, method) if serves else ()),
        *blue.stages,
        *_taken_over(app, method, "an earlier version has taken over"),
    )
    return Plan(stages=only_filled(stages), notes=(*rest.notes, *blue.notes))


def _taken_over(app: App, method: Method, why: str) -> Stages:
    """All traffic to the new stable, then green goes. why: the reason for that."""
    marks = colours.marks_when_promoted
    return (
        *method.blue_ready(app, marks),
        *method.to_blue(app, marks),
        *bystanders.following(app, Colour.BLUE),
        *_without_green(app, method, why),
    )


def reject(app: App, method: Method) -> Plan:
    """All traffic to the healthy stable, then green goes."""
    back: Stages = ()
    if method.carrier(app).is_green:
        found.refuse_to_take_the_last(app)
        back = _back(app, method) if found.all_have_blue(app) else ()
    marks = colours.marks_found(app) if back else colours.marks_when_promoted
    after = method.after_blue(app, marks)
    if not (found.is_out(app, method) or after):
        return Plan(stages=(), notes=("Nothing to reject: no green was found.",))
    stages = (
        *(back or bystanders.following(app, Colour.BLUE)),
        *_without_green(app, method, "it was rejected"),
        *(_greens_pods_gone(app) if after else ()),
        *after,
    )
    return Plan(stages=only_filled(stages))


def _greens_pods_gone(app: App) -> Stages:
    """The wait before Services may select pods of any colour: a green that crashes again and again
    can be ready for a moment between the end of its workload and its own.
    """
    waits: tuple[Step, ...] = tuple(
        WaitPods(
            namespace=service.namespace,
            labels=labels,
            why=f"{service.name} may select them then",
            going=True,
        )
        for service, labels in colours.marked_pods(app, lambda _service: colours.GREEN)
    )
    return (Stage(name="Wait until green's pods go", steps=waits),)


def _back(app: App, method: Method) -> Stages:
    """All traffic to the stable that is live, once that is known to be healthy."""
    waited = tuple(
        each.with_document(live) for each in app.workloads if (live := app.live(each.ref))
    )
    marks = colours.marks_found(app)
    return (
        Stage(name="Wait for the stable", steps=(Wait(manifests=waited),)),
        *method.blue_ready(app, marks),
        *method.to_blue(app, marks),
        *bystanders.following(app, Colour.BLUE),
    )


def _switch_completed(app: App, method: Method) -> Stages:
    """All traffic to green where a run that was cut off has moved a part of it."""
    waited = tuple(
        each.with_document(live)
        for each, ref in zip(app.workloads, colours.green_refs(app), strict=True)
        if (live := app.live(ref))
    )
    wait = Stage(name="Wait for green", steps=(Wait(manifests=waited),))
    return (wait, *method.green_ready(app), *method.to_green(app))


def _replaced(app: App, method: Method) -> Stages:
    """Stables that have to be made anew go when no Service that is ours has a pod of theirs."""
    refs = colours.replaced(app)
    if not refs:
        return ()
    ours = {each.ref for each in method.handled(app)}
    services = [each.ref for each in app.services if each.ref in ours and app.is_live(each.ref)]
    why = "its stable is about to be replaced"
    aims: tuple[Step, ...] = tuple(
        Patch(ref=ref, body={"spec": {"selector": dict(colours.GREEN)}}, why=why)
        for ref in services
    )
    waits: tuple[Step, ...] = tuple(
        WaitEndpoints(service=ref, ready=colours.GREEN, only=colours.GREEN) for ref in services
    )
    return (
        Stage(name="Aim every Service at green", steps=aims),
        Stage(name="Wait for endpoints of green", steps=waits),
        settled("nodes take the new endpoints before the old pods go"),
        *deleted(app, "Replace the stable", refs, "a selector can only change in a new object"),
    )


def _buffer(app: App) -> Stages:
    seconds = app.settings.buffer_seconds
    if not seconds:
        return ()
    why = f"version-switch-buffer: {durations.readable(seconds)} to look at green"
    still = Wait(manifests=colours.greens(app), steady=STEADY_SECONDS, advice=_ADVICE)
    return (
        Stage(name="Buffer", steps=(Pause(seconds=seconds, why=why),)),
        Stage(name="Green is still healthy", steps=(still,)),
    )


def _without_green(app: App, method: Method, why: str) -> Stages:
    return (
        *deleted(app, "Delete green", colours.green_refs(app), why),
        *deleted(app, "Delete green's Services", method.leftovers(app), why),
    )


def _stable_can_take_over(app: App, method: Method) -> bool:
    return method.carrier(app).is_green and found.all_have_blue(app)


def _nothing_to_promote(app: App, method: Method) -> Plan:
    """Without any green: fine if the stable is the new version already, else a Conflict."""
    if app.workloads and all(found.runs_its_images(app, each) for each in app.workloads):
        note = "Nothing to promote: no green was found, and the stable runs these images already."
        return Plan(stages=_without_green(app, method, "green is gone"), notes=(note,))
    names = ", ".join(str(copy_ref(each.ref, Colour.GREEN)) for each in app.workloads)
    raise Conflict(
        f"Nothing to promote: {names or 'a green workload'} was not found. Run deploy first."
    )
