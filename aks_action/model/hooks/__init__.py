"""Hooks: Jobs of the manifests that run to their end before or after the workloads change.

They are marked by an annotation of this action, or by those of Helm
(https://helm.sh/docs/topics/charts_hooks/), of which install and upgrade are the same here: a
deploy does not tell one from the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from aks_action.errors import ManifestError, Problem, raise_all
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef
from aks_action.model.strategy_settings import Strategy, StrategyAction, StrategySettings

PHASE = "aks-action/phase"
HELM_HOOK = "helm.sh/hook"
HELM_WEIGHT = "helm.sh/hook-weight"
HELM_POLICY = "helm.sh/hook-delete-policy"


class Phase(StrEnum):
    """When a hook runs (annotation `aks-action/phase`)."""

    PRE_DEPLOY = "pre-deploy"
    POST_DEPLOY = "post-deploy"


class DeletePolicy(StrEnum):
    """When a hook's Job goes; before it runs again it goes in any case, as a Job runs once."""

    BEFORE_CREATION = "before-hook-creation"
    SUCCEEDED = "hook-succeeded"
    FAILED = "hook-failed"


_HELM_PHASES = {
    "pre-install": Phase.PRE_DEPLOY,
    "pre-upgrade": Phase.PRE_DEPLOY,
    "post-install": Phase.POST_DEPLOY,
    "post-upgrade": Phase.POST_DEPLOY,
}
_ORDINARY = "crd-install"
"""What Helm 2 called a definition that it applied first, as is done here anyhow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A Job to run. weight: lower ones of a phase run first, equal ones at the same time."""

    manifest: Manifest
    phase: Phase
    weight: int = 0
    policies: frozenset[DeletePolicy] = frozenset()

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref

    @property
    def is_kept(self) -> bool:
        """Whether its Job stays when it has succeeded, so that a missing one has not run."""
        ttl = get_in(self.manifest.document, ("spec", "ttlSecondsAfterFinished"))
        return DeletePolicy.SUCCEEDED not in self.policies and ttl is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Manifests by what a deploy does with them.

    manifests: what is applied.    left_out: hooks for another occasion.
    """

    manifests: ManifestSet
    hooks: tuple[Hook, ...] = ()
    left_out: ManifestSet = ()


def phases(settings: StrategySettings) -> frozenset[Phase]:
    """Which hooks an action of a strategy runs.

    What a canary or green needs runs before it is made; what may end the old version for good,
    when it is gone.
    """
    match settings.strategy, settings.action:
        case _, StrategyAction.ROLLBACK:  # migrations of an earlier version have run long ago
            return frozenset()
        case Strategy.BASIC, _:
            return frozenset(Phase)
        case _, StrategyAction.DEPLOY:
            return frozenset({Phase.PRE_DEPLOY})
        case _, StrategyAction.PROMOTE:
            return frozenset({Phase.POST_DEPLOY})
        case _:
            return frozenset()


def sorted_out(manifests: ManifestSet) -> Sorted:
    """Tell hooks from what is simply applied.

    Raises ManifestError for a hook that cannot be run, with all of them.
    """
    if not any(PHASE in each.annotations or HELM_HOOK in each.annotations for each in manifests):
        return Sorted(manifests=manifests)
    ordinary: list[Manifest] = []
    hooks: list[Hook] = []
    left_out: list[Manifest] = []
    problems: list[Problem] = []
    for each in manifests:
        try:
            phase = _phase(each)
            if phase is None:
                left_out.append(each)
            elif isinstance(phase, Phase) and _is_run(each):
                hooks.append(_hook(each, phase))
            else:
                ordinary.append(each)
        except ValueError as error:
            problems.append(Problem(message=f"{each.ref}: {error}", source=each.source))
    raise_all(ManifestError, problems)
    return Sorted(manifests=tuple(ordinary), hooks=tuple(hooks), left_out=tuple(left_out))


def _phase(manifest: Manifest) -> Phase | str | None:
    """Its phase; an empty text for what is no hook, None for a hook of another occasion."""
    if text := manifest.annotations.get(PHASE):
        if text not in tuple(Phase):
            raise ValueError(f"{PHASE} is {text!r}, and not one of {', '.join(Phase)}.")
        return Phase(text)
    words = set(_words(manifest, HELM_HOOK))
    if words <= {_ORDINARY}:
        return ""
    phases = {_HELM_PHASES[word] for word in words if word in _HELM_PHASES}
    if len(phases) > 1:
        raise ValueError(
            f"{HELM_HOOK} asks for it before and after the workloads change. Make two Jobs of it, "
            f"or say which by the annotation {PHASE}."
        )
    return next(iter(phases), None)


def _is_run(manifest: Manifest) -> bool:
    """Whether a hook is run; what hooks of Helm only need (a ConfigMap, a role) is applied."""
    if _is_job(manifest.document):
        return True
    if PHASE in manifest.annotations or manifest.ref.group_kind == "Pod":
        raise ValueError("only a Job can be a hook, since only a Job has an end. Make it one.")
    return False


def _is_job(document: Document) -> bool:
    group = str(document.get("apiVersion", "")).partition("/")[0]
    return (group, document.get("kind")) == ("batch", "Job")


def _hook(manifest: Manifest, phase: Phase) -> Hook:
    if not manifest.ref.name:
        raise ValueError("a hook needs a name, by which the one of an earlier run is found.")
    weight = (manifest.annotations.get(HELM_WEIGHT) or "0").strip()
    if not weight.removeprefix("-").isdecimal():
        raise ValueError(f"{HELM_WEIGHT} is {weight!r}, and not a whole number.")
    policies = set(_words(manifest, HELM_POLICY))
    if unknown := policies - set(DeletePolicy):
        wrong, known = ", ".join(sorted(unknown)), ", ".join(DeletePolicy)
        raise ValueError(f"{HELM_POLICY} is {wrong!r}, and not one of {known}.")
    return Hook(
        manifest=manifest,
        phase=phase,
        weight=int(weight),
        policies=frozenset(map(DeletePolicy, policies)),
    )


def why_left_out(manifest: Manifest) -> str:
    what = ", ".join(_words(manifest, HELM_HOOK))
    return f"{manifest.ref} is a hook for {what}, which a deploy is not: it is not applied."


def _words(manifest: Manifest, annotation: str) -> Iterator[str]:
    for word in (manifest.annotations.get(annotation) or "").split(","):
        if word.strip():
            yield word.strip()
