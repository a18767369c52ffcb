"""A private cluster as the port `BatchedCluster`: requests as everywhere, sent by run commands."""

from __future__ import annotations

from collections.abc import Callable

from aks_action.clients.azure.private.commands import Commands
from aks_action.clients.azure.private.guesses import guessed
from aks_action.clients.azure.private.run_command import RunCommand
from aks_action.clients.kube.api import KubeCluster
from aks_action.clients.ports import Batch, Clock
from aks_action.model.manifests import ManifestSet
from aks_action.model.resources import ResourceTypes


class PrivateCluster(KubeCluster):
    """One private cluster. A run command has no context, so there is no default but `default`."""

    def __init__(self, command: RunCommand, host: str, *, tell: Callable[[str], None]) -> None:
        self._commands = Commands(command, host, tell)
        super().__init__(self._commands, namespace="default", types={})

    @property
    def clock(self) -> Clock:
        return self._commands.clock

    def types(self, *, refresh: bool = False) -> ResourceTypes:
        """What is known to be served, or guessed before anything is; definitions of this run too.

        refresh: nothing more is known by asking again.
        """
        del refresh
        return self._served.types()

    def prepare(self, manifests: ManifestSet) -> None:
        self._served.known = guessed(manifests)
        self._commands.own = {f"{each.kind}/{each.ref.name}" for each in manifests}

    def flush(self) -> bool:
        types = self._commands.flush()
        self._served.known = types or self._served.known
        return types is not None

    def begin(self, batch: Batch) -> None:
        self._served.known = batch.types
        self._commands.begin(batch)
