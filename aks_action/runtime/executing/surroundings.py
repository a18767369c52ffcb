"""What a plan is carried out with: the cluster, the time there is, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Clock, Cluster
from aks_action.model.health import Trouble
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.plan import Stage
from aks_action.runtime.executing.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a run works with.

    limit:    of the run; ends every wait.
    since:    wall-clock time (UTC, aware) at which the run began to write.
    tell:     takes a line of progress; the text may hold text from the cluster.
    warn:     takes a trouble of something that is waited for, see `waiting.wait`.
    guard:    called before each write, with what is written; raises what forbids it.
    begin:    takes the stages that are left, before the first of them, and the live objects.
    keys:     sign what a later run has to believe, see `model.records.signing`.
    grace:    seconds that requests under way get to end when the run is ended.

    `tell` is called from several threads, one line a call.
    """

    cluster: Cluster
    limit: TimeLimit
    since: datetime
    tell: Callable[[str], None]
    warn: Callable[[Manifest, Trouble], None]
    guard: Callable[[ObjectRef], None] = lambda _ref: None
    begin: Callable[[Sequence[Stage], Mapping[ObjectRef, Document]], None] = lambda *_: None
    keys: Sequence[str] = field(default=(), repr=False)
    grace: float = 2.0

    @property
    def clock(self) -> Clock:
        return self.limit.clock

    @property
    def traffic(self) -> Traffic:
        """As much of it as the steps that move traffic need."""
        return Traffic(cluster=self.cluster, limit=self.limit, tell=self.tell)
