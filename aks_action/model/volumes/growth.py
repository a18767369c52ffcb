"""Growing the volumes of a StatefulSet: its claims first, then it is made anew around its pods.

Kubernetes keeps `volumeClaimTemplates` as they are (kubernetes issue 68737), so the recipe is that
of the database operators: every claim asks for more, the StatefulSet is deleted without its pods,
and one with larger templates takes them over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.plan import Apply, Plan, Stage, Step, Wait
from aks_action.model.traffic.steps import Patch
from aks_action.model.volumes import quantities
from aks_action.model.volumes.hindrances import SIZE, size
from aks_action.model.volumes.marks import UNMARKED, is_growing
from aks_action.model.volumes.mounts import CLAIM, is_only_more
from aks_action.model.volumes.steps import Renew, Sizes
from aks_action.model.volumes.templates import TEMPLATES, larger, resized, templates_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A StatefulSet whose volumes are to grow, or have begun to.

    sizes: the templates that grow, or ask for less than what could not be had; empty where only
           the end of an earlier growth is awaited.
    """

    manifest: Manifest
    live: Document
    sizes: Mapping[str, Sizes]

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


def growths(plan: Plan, live: Mapping[ObjectRef, Document]) -> tuple[Growth, ...]:
    """Every growth that follows from what a plan applies."""
    found: dict[ObjectRef, Growth] = {}
    for apply in plan.applies:
        now = live.get(apply.ref)
        if now is None or apply.ref.group_kind != "StatefulSet.apps":
            continue
        wanted = apply.manifest.document
        sizes = resized(now, wanted) if is_growing(now) else larger(now, wanted)
        if sizes or is_growing(now):
            growth = Growth(manifest=apply.manifest, live=now, sizes=sizes)
            found.setdefault(apply.ref, growth)
    return tuple(found.values())


def possible(found: Iterable[Growth], claims: Iterable[Document]) -> tuple[Growth, ...]:
    """The growths, without sizes where one would be less than a volume has.

    What has not grown yet may ask for less again: somebody has asked for more than there is.
    """
    known = tuple(claims)
    return tuple(
        replace(each, sizes={})
        if any(
            quantities.is_more(_capacity(claim), sizes.new)
            for claim, sizes in _with_sizes(each, known)
            if sizes and quantities.is_more(sizes.old, sizes.new)
        )
        else each
        for each in found
    )


def with_growths(plan: Plan, found: Sequence[Growth], claims: Iterable[Document]) -> Plan:
    """The plan with what growing takes before everything else.

    claims: of the namespaces of the growths.
    Its StatefulSets have their present templates, so that the server can check the rest of them;
    `completed` gives them those that they are to have.
    """
    known = tuple(claims)
    wanted = [apply for each in found for apply in _claims(each, known)]
    renewed = tuple(
        Renew(ref=each.ref, source=each.manifest.source, sizes=each.sizes)
        for each in found
        if each.sizes
    )
    begun = (
        Stage(name="Grow claims", steps=tuple(wanted)),
        Stage(name="Make StatefulSets anew", steps=renewed),
    )
    present = {each.ref: each.live for each in found if each.sizes}
    stages = [_with_templates(each, present) for each in plan.stages]
    stages[-1] = _waiting(stages[-1], [each.manifest for each in wanted])
    return replace(plan, stages=(*(each for each in begun if each.steps), *stages))


def completed(plan: Plan, found: Sequence[Growth]) -> Plan:
    """A checked plan with the templates that its manifests want, and with the growths' end."""
    wanted = {each.ref: each.manifest.document for each in found if each.sizes}
    stages = (_without_taking(_with_templates(each, wanted)) for each in plan.stages)
    why = "its volumes have grown"
    ended = tuple(Patch(ref=each.ref, body=UNMARKED, why=why) for each in found)
    return replace(plan, stages=(*stages, Stage(name="Volumes have grown", steps=ended)))


def _claims(growth: Growth, claims: Iterable[Document]) -> Iterator[Apply]:
    """What the claims of a StatefulSet are to ask for; one that has it is left out."""
    for claim, sizes in _with_sizes(growth, claims):
        if wanted := _wanted(claim, sizes):
            ref = ref_of(claim)
            metadata = {"name": ref.name, "namespace": ref.namespace}
            bare = {"apiVersion": "v1", "kind": CLAIM, "metadata": metadata}
            yield Apply(manifest=growth.manifest.with_document(set_in(bare, SIZE, wanted)))


def _with_sizes(
    growth: Growth, claims: Iterable[Document]
) -> Iterator[tuple[Document, Sizes | None]]:
    """The claims of a StatefulSet, with the sizes of the template that each is of.

    Those of pods that are scaled away count as well: a pod that comes back takes its claim.
    """
    templates = {f"{name}-{growth.ref.name}": name for name in templates_of(growth.live)}
    for claim in claims:
        ref = ref_of(claim)
        start, _, ordinal = ref.name.rpartition("-")
        is_ours = ref.namespace == growth.ref.namespace and ordinal.isdecimal()
        if is_ours and start in templates:
            yield claim, growth.sizes.get(templates[start])


def _wanted(claim: Document, sizes: Sizes | None) -> str:
    """The size that a claim is to have and has not; empty when it has it."""
    asked, has = size(claim), _capacity(claim)
    if sizes and quantities.is_more(sizes.new, asked):
        return sizes.new
    is_less = sizes is not None and quantities.is_more(sizes.old, sizes.new)
    if sizes and is_less and quantities.is_more(asked, sizes.new):
        return sizes.new
    return asked if quantities.is_more(asked, has) else ""


def _capacity(claim: Document) -> str:
    return str(get_in(claim, ("status", "capacity", "storage"), ""))


def _with_templates(stage: Stage, sources: Mapping[ObjectRef, Document]) -> Stage:
    """The stage, whose StatefulSets have the templates that `sources` have."""

    def changed(step: Step) -> Step:
        if not isinstance(step, Apply) or step.ref not in sources:
            return step
        templates = get_in(sources[step.ref], TEMPLATES)
        document = set_in(step.manifest.document, TEMPLATES, templates)
        return replace(step, manifest=step.manifest.with_document(document))

    return replace(stage, steps=tuple(map(changed, stage.steps)))


def _without_taking(stage: Stage) -> Stage:
    """That its controller had set a claim's size goes without saying."""

    def changed(step: Step) -> Step:
        if not isinstance(step, Apply) or not is_only_more(step.manifest.document):
            return step
        assessment = step.assessment and replace(step.assessment, taken=())
        return replace(step, assessment=assessment)

    return replace(stage, steps=tuple(map(changed, stage.steps)))


def _waiting(stage: Stage, more: Sequence[Manifest]) -> Stage:
    """The stage, whose waits (every strategy ends with one) include more."""
    steps = tuple(
        Wait(manifests=(*each.manifests, *more)) if isinstance(each, Wait) else each
        for each in stage.steps
    )
    return replace(stage, steps=steps)
