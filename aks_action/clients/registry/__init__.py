"""The door to registries: the OCI distribution API, without an engine."""

from aks_action.clients.registry.client import RegistryClient, registry_opener

__all__ = ["RegistryClient", "registry_opener"]
