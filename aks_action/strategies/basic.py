"""Basic: apply everything in order, then wait until everything is healthy.

No name, label or selector is changed; nothing is deleted and nothing rolled back (k8s-deploy's
contract, §5).
"""

from __future__ import annotations

from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.ordering import stages
from aks_action.model.plan import Apply, Plan, Stage, Wait
from aks_action.model.scaling import leave_replicas


def plan(manifests: ManifestSet, observed: Observed) -> Plan:
    """Applies in the order of what refers to what, and one wait for all of it at the end.

    Namespaces and definitions are waited for before what needs them is applied; everything else
    becomes healthy at the same time. Replicas are left to whoever scales.
    """
    left, notes = leave_replicas(manifests, observed)
    ordered = stages(left)
    made: list[Stage] = []
    for number, level in enumerate(ordered.levels, start=1):
        made.append(Stage(name=f"Apply {number}", steps=_applies(level.manifests)))
        if level.barrier:
            made.append(Stage(name=f"Wait {number}", steps=(Wait(manifests=level.awaited),)))
    made.append(Stage(name="Wait until healthy", steps=(Wait(manifests=left),)))
    return Plan(stages=tuple(made), notes=(*ordered.notes, *notes))


def _applies(manifests: ManifestSet) -> tuple[Apply, ...]:
    return tuple(Apply(manifest=each) for each in manifests)
