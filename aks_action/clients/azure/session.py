"""A run's sign-in to Azure: opens clusters and registries for the jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aks_action.clients.azure import clusters
from aks_action.clients.azure.credentials import Entra
from aks_action.clients.azure.http import azure_http
from aks_action.clients.azure.manager import ResourceManager
from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.kube.access import BearerToken
from aks_action.clients.kube.api import KubeCluster
from aks_action.clients.kube.connection import connect
from aks_action.clients.kube.kubeconfig import Trust
from aks_action.clients.kube.unreachable import Unreachable
from aks_action.errors import ApplyError, AuthError
from aks_action.model.azure import AKS_SCOPE, REGISTRY_SCOPE, AzureCluster, AzureSettings

if TYPE_CHECKING:
    from aks_action.clients.azure.private.cluster import PrivateCluster
    from aks_action.clients.image_ports import Credentials


class AzureSession:
    """Signed in as one identity; nothing is sent before something is opened.

    env:  the runner's variables.   tell: takes lines for the log.
    mask: takes each secret before it is used.    limit: of the step; none: for ever.
    """

    def __init__(
        self,
        settings: AzureSettings,
        env: Mapping[str, str],
        *,
        tell: Callable[[str], None],
        mask: Callable[[str], None],
        limit: TimeLimit | None = None,
    ) -> None:
        self._limit = limit = limit or TimeLimit(SystemClock())
        self._settings = settings
        self._tell = tell
        self._mask = mask
        self._http = azure_http(limit=limit, tell=tell)
        self._entra = Entra(settings, env, http=self._http, mask=mask, limit=limit)
        self._manager = ResourceManager(settings, self._entra, self._http, limit.clock)

    def open_cluster(self, cluster: AzureCluster, *, skip_tls_verify: bool) -> KubeCluster:
        """The cluster, reached and signed in to.

        With Entra integration the requests carry a token for AKS that is renewed for as long as
        the run lasts; else the certificate that the resource manager gave.
        Raises InputError, AuthError or ApplyError with what to do.
        """
        opened = connect(
            clusters.kubeconfig(self._manager, cluster),
            skip_tls_verify=skip_tls_verify,
            limit=self._limit,
            mask=self._mask,
            bearer=self._bearer,
            trust=Trust(is_answer=True),
        )
        try:
            opened.types()
        except Unreachable as error:
            if why := clusters.why_unreachable(self._manager, cluster):
                raise ApplyError(f"{why} ({error})") from None
            raise
        except AuthError:
            raise AuthError(
                f"{clusters.title(cluster)} does not accept the token of this identity. Check "
                "that `tenant-id` is the tenant that the cluster is integrated with."
            ) from None
        return opened

    def open_private(self, cluster: AzureCluster) -> PrivateCluster:
        """The cluster by run commands. Nothing is sent yet."""
        # 0.02 s, and few clusters are private.
        from aks_action.clients.azure.private.cluster import PrivateCluster  # noqa: PLC0415
        from aks_action.clients.azure.private.run_command import RunCommand  # noqa: PLC0415

        def aks_token() -> str:
            return self._entra.token(AKS_SCOPE).value

        command = RunCommand(self._manager, cluster, aks_token)
        return PrivateCluster(command, clusters.title(cluster), tell=self._tell)

    def registry_credentials(self, host: str) -> Credentials:
        """A login for a registry of Azure. Raises AuthError, RegistryError, InputError."""
        from aks_action.clients.azure import registries  # noqa: PLC0415 - no part of a plain deploy

        tenant = self._entra.tenant_id
        try:
            login = registries.exchange(host, tenant, self._manager.token(), self._http)
        except AuthError:
            # Registries may be told to take no token that is made for the resource manager.
            token = self._entra.token(REGISTRY_SCOPE).value
            login = registries.exchange(host, tenant, token, self._http)
        self._mask(login.password)
        return login

    def _bearer(self) -> BearerToken:
        token = self._entra.token(AKS_SCOPE)
        return BearerToken(value=token.value, renew_at=token.renew_at)
