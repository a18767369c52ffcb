"""The registries of one run, each opened once and signed in to only if the password is its own."""

from __future__ import annotations

import threading

from aks_action.clients.image_ports import Credentials, OpenRegistry, Registry
from aks_action.model.images.plan import ImagePlan, host_of_credentials
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import ImageSettings


class Registries:
    """Gives the registry of a reference. Safe to use from several threads."""

    def __init__(
        self, plan: ImagePlan, settings: ImageSettings, open_registry: OpenRegistry
    ) -> None:
        self._host = host_of_credentials(plan, settings)
        self._credentials = Credentials(username=settings.username, password=settings.password)
        self._open = open_registry
        self._opened: dict[str, Registry] = {}
        self._lock = threading.Lock()

    def credentials(self, reference: ImageReference) -> Credentials:
        """Who may be named to the reference's registry."""
        return self._credentials if reference.registry == self._host else Credentials()

    def of(self, reference: ImageReference) -> Registry:
        """The registry that the reference is in."""
        with self._lock:
            host = reference.registry
            if host not in self._opened:
                self._opened[host] = self._open(host, self.credentials(reference))
            return self._opened[host]
