"""What the user asked for, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from aks_action.model.azure import AzureSettings
from aks_action.model.configuration.settings import ConfigSettings
from aks_action.model.images.release_plan import ImageSettings
from aks_action.model.provenance import RunContext
from aks_action.model.release_settings import ReleaseSettings
from aks_action.model.strategy_settings import StrategyAction, StrategySettings
from aks_action.model.versions import ReleaseType


class Action(StrEnum):
    """What one step can do; several run in the order in which they are given."""

    PUSH = "push"
    RELEASE = "release"
    DEPLOY = "deploy"
    PROMOTE = "promote"
    REJECT = "reject"
    ROLLBACK = "rollback"
    PLAN = "plan"
    PLAN_PROMOTE = "plan:promote"
    PLAN_REJECT = "plan:reject"
    PLAN_ROLLBACK = "plan:rollback"

    @property
    def needs_images(self) -> bool:
        return self in (Action.PUSH, Action.RELEASE)

    @property
    def needs_cluster(self) -> bool:
        return not self.needs_images

    @property
    def needs_manifests(self) -> bool:
        """Whether what is deployed comes from files; a rollback has it from a record."""
        return self.needs_cluster and self.of_strategy is not StrategyAction.ROLLBACK

    @property
    def only_plans(self) -> bool:
        """Whether nothing is written."""
        return self is Action.PLAN or self.startswith("plan:")

    @property
    def of_strategy(self) -> StrategyAction:
        """What is done, or planned, with the new version."""
        match self:
            case Action.PROMOTE | Action.PLAN_PROMOTE:
                return StrategyAction.PROMOTE
            case Action.REJECT | Action.PLAN_REJECT:
                return StrategyAction.REJECT
            case Action.ROLLBACK | Action.PLAN_ROLLBACK:
                return StrategyAction.ROLLBACK
            case _:
                return StrategyAction.DEPLOY


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """How to reach the cluster. `kubeconfig` is its text or a path; empty: the environment's.

    is_hub: it is the hub of a fleet, which runs no pods.
    """

    kubeconfig: str = field(default="", repr=False)
    context: str = ""
    skip_tls_verify: bool = False
    is_hub: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploySettings:
    """What is deployed, and how.

    images:          `repository:tag`, `repository@digest` or `old=new` items, in order.
    pull_secret:     the name of an image pull secret to make and add; empty for none.
    recreated_claims: names of PersistentVolumeClaims that may be made anew, each on its own.
    timeout_seconds: one deadline for everything that is waited for.
    lock_seconds:    how long another run in the same namespace is waited for; 0: not at all.
    """

    manifests: tuple[str, ...] = ()
    namespace: str = ""
    images: tuple[str, ...] = ()
    images_from_compose: bool = False
    image_pull_secrets: tuple[str, ...] = ()
    pull_secret: str = ""
    strategy: StrategySettings = field(default_factory=StrategySettings)
    configuration: ConfigSettings = field(default_factory=ConfigSettings)
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    recreated_claims: tuple[str, ...] = ()
    timeout_seconds: float = 600.0
    lock_seconds: float = 300.0
    rollback_on_failure: bool = False
    force: bool = False
    annotate_resources: bool = True
    annotate_namespace: bool = True
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything one run needs to know. `notes` are told once, before anything happens."""

    actions: tuple[Action, ...]
    images: ImageSettings
    cluster: ClusterSettings
    deploy: DeploySettings
    run: RunContext
    version: str
    release_type: ReleaseType
    azure: AzureSettings | None = None
    notes: tuple[str, ...] = ()
