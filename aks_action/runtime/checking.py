"""The check: what every apply of a plan would do, asked of the API server before any write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError
from aks_action.model.applying.as_applied import is_as_applied
from aks_action.model.applying.assessing import after_refusal, compare, rerun_of_job
from aks_action.model.applying.excuses import arriving, excuse
from aks_action.model.applying.refusals import Refusal, Sort, error_of, read
from aks_action.model.applying.repeats import Answer, in_turn
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Assessment, Change, Due, Plan
from aks_action.model.provenance import live_run_annotation, with_run_annotation
from aks_action.runtime import parallel
from aks_action.runtime.observing import storage_classes


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRules:
    """What the user lets an apply do.

    force:          delete and recreate an object of which a field cannot be changed.
    run_annotation: the value of the run annotation for objects that change; None: no annotation.
    """

    force: bool = False
    run_annotation: str | None = None


def check(plan: Plan, cluster: Cluster, observed: Observed, rules: ApplyRules) -> Plan:
    """The plan with an assessment in every Apply, from a strict dry-run of each object that is
    not, as it was observed, exactly what its manifest states (see `model.applying.as_applied`).

    Objects whose namespace or kind comes in the same run, that the server refuses because
    something that comes in the same run is not there yet, or that the plan has changed by then in
    a way that the server cannot know are due later; the executor checks them when it is their
    turn. Nothing is written.
    Raises ManifestError, AuthError or ApplyError with every refusal and its place in the files.
    """
    applies = list(plan.applies)
    answers = in_turn(plan, _asked(applies, cluster, observed, rules))
    checked = iter(_settled(applies, answers, cluster, observed.live, rules))
    return replace(
        plan,
        stages=tuple(
            replace(
                stage,
                steps=tuple(
                    next(checked) if isinstance(step, Apply) else step for step in stage.steps
                ),
            )
            for stage in plan.stages
        ),
    )


def recheck(
    applies: Sequence[Apply],
    cluster: Cluster,
    rules: ApplyRules,
    live: MutableMapping[ObjectRef, Document],
    new_namespaces: Collection[str],
) -> list[Apply]:
    """Check applies now that what they need exists.

    live:           the objects as this run knows them; those of the applies are read again and
                    replaced. An object may be there that was not known before, because its
                    version was not served.
    new_namespaces: what this run created, and where only what this run wrote is worth a read.
    Raises as `check` does.
    """
    refs = [
        ref
        for ref in (apply.ref for apply in applies)
        if ref.name and (ref in live or ref.namespace not in new_namespaces)
    ]
    for ref, now in zip(refs, parallel.each(cluster.get, refs), strict=True):
        if now is None:
            live.pop(ref, None)
        else:
            live[ref] = now
    answers = [each.verdict for each in _ask_all(applies, cluster, live, rules)]
    return _settled(applies, answers, cluster, live, rules, late=True)


def _asked(
    applies: Sequence[Apply], cluster: Cluster, observed: Observed, rules: ApplyRules
) -> list[Answer]:
    """The answer for each apply, where what cannot be asked yet is a CREATED that is due."""
    namespaces = {
        apply.ref.name
        for apply in applies
        if apply.ref.kind == "Namespace" and apply.ref not in observed.live
    }
    served = cluster.types()
    can_be_asked = [
        apply.ref.namespace not in namespaces and (apply.ref.api_version, apply.ref.kind) in served
        for apply in applies
    ]
    asked = [apply for apply, possible in zip(applies, can_be_asked, strict=True) if possible]
    answers = iter(_ask_all(asked, cluster, observed.live, rules))
    later = Answer(verdict=Assessment(change=Change.CREATED, due=Due.NEW_PLACE))
    return [next(answers) if possible else later for possible in can_be_asked]


def _ask_all(
    applies: Sequence[Apply],
    cluster: Cluster,
    live: Mapping[ObjectRef, Document],
    rules: ApplyRules,
) -> list[Answer]:
    ask = partial(_ask, cluster=cluster, live=live, rules=rules)
    return parallel.each(ask, (apply.manifest for apply in applies))


def _ask(
    manifest: Manifest,
    *,
    cluster: Cluster,
    live: Mapping[ObjectRef, Document],
    rules: ApplyRules,
) -> Answer:
    """What an apply does to one object: seen, or asked of the server by a dry-run."""
    before = live.get(manifest.ref)
    if before is not None:
        if before["metadata"].get("deletionTimestamp"):
            return Answer(verdict=_going_away(manifest))
        if is_as_applied(_as_annotated_now(manifest, before, rules), before):
            return Answer(verdict=Assessment(change=Change.UNCHANGED), result=before)
    try:
        return _dry_run(manifest, before, cluster, rules)
    except ApiError as error:
        refusal = read(manifest, before, error)
        if before is None:
            return Answer(verdict=refusal)
        return Answer(verdict=after_refusal(refusal, before, force=rules.force))


def _dry_run(
    manifest: Manifest, before: Document | None, cluster: Cluster, rules: ApplyRules
) -> Answer:
    """Raises ApiError for what the server refuses."""
    if not manifest.ref.name:
        cluster.create(manifest.document, dry_run=True)
        return Answer(verdict=Assessment(change=Change.CREATED))
    result = cluster.apply(_as_annotated_now(manifest, before, rules), dry_run=True)
    if before is None:
        return Answer(verdict=Assessment(change=Change.CREATED))
    return Answer(verdict=rerun_of_job(before, compare(before, result)), result=result)


def _as_annotated_now(manifest: Manifest, live: Document | None, rules: ApplyRules) -> Document:
    """The document with the run annotation that it has, so that the run alone changes nothing."""
    now = None if rules.run_annotation is None else live_run_annotation(live)
    return with_run_annotation(manifest, now).document


def _going_away(manifest: Manifest) -> Assessment | Refusal:
    """An object that is being deleted is made anew once it is gone; for a namespace, by the user.

    Nothing can be created in a namespace that is being deleted, so nothing can be checked.
    """
    if manifest.kind != "Namespace":
        return Assessment(change=Change.RECREATED)
    sentence = f"{manifest.ref} is being deleted. Run this again when it is gone."
    return Refusal(manifest=manifest, sort=Sort.CLUSTER, sentence=sentence)


def _settled(
    applies: Sequence[Apply],
    answers: Sequence[Assessment | Refusal],
    cluster: Cluster,
    live: Mapping[ObjectRef, Document],
    rules: ApplyRules,
    *,
    late: bool = False,
) -> list[Apply]:
    """The applies with their assessments, or one error with every refusal that has no excuse.

    late: what the run brings is there by now, so it excuses nothing any more.
    """
    coming = [] if late else arriving(applies, answers)
    settled: list[Apply] = []
    refused: list[Refusal] = []
    for apply, answer in zip(applies, answers, strict=True):
        assessment = answer
        if isinstance(assessment, Refusal):
            due = excuse(assessment, coming, late=late)
            if due is None:
                refused.append(assessment)
                continue
            exists = apply.ref in live
            change = Change.CONFIGURED if exists else Change.CREATED
            assessment = Assessment(change=change, due=due)
        value = rules.run_annotation if assessment.change is not Change.UNCHANGED else None
        manifest = with_run_annotation(apply.manifest, value)
        settled.append(Apply(manifest=manifest, assessment=assessment))
    if refused:
        raise error_of(storage_classes.explained(refused, cluster, live))
    return settled
