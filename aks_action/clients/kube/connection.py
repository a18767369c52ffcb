"""From a kubeconfig to a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.kube.access import BearerToken
from aks_action.clients.kube.kubeconfig import Trust, read

if TYPE_CHECKING:
    from aks_action.clients.kube.api import KubeCluster
    from aks_action.clients.kube.transport import Patience


def connect(
    kubeconfig: str,
    *,
    context: str = "",
    skip_tls_verify: bool = False,
    limit: TimeLimit | None = None,
    patience: Patience | None = None,
    mask: Callable[[str], None] = lambda _: None,
    bearer: Callable[[], BearerToken] | None = None,
    trust: Trust = Trust(),  # noqa: B008 - it is frozen
) -> KubeCluster:
    """The cluster that a kubeconfig names. Nothing is asked of it yet.

    kubeconfig: its text (YAML or JSON), base64 of that, a path, or paths joined by `:`.
    context:    the name of a context; empty: the current one.
    limit:      of the step, which ends every request; none: what each request has by itself.
    mask:       takes each secret that is sent, before it is.
    bearer:     signs in instead of a plugin or auth-provider that the kubeconfig names.
    trust:      how far the kubeconfig is the workflow's author's own, and what it may do.
    Raises InputError for a kubeconfig that cannot be used, AuthError for credentials that have
    run out or a plugin that gives none.
    """
    access = read(
        kubeconfig, context=context, bearer=bearer, trust=trust, skip_tls_verify=skip_tls_verify
    )
    # After the kubeconfig was read: the library costs 0.2 s, an input error should not.
    from aks_action.clients.kube.api import KubeCluster  # noqa: PLC0415
    from aks_action.clients.kube.transport import Patience, Transport  # noqa: PLC0415

    verify = not (skip_tls_verify or access.insecure)
    transport = Transport(
        access,
        verify=verify,
        limit=limit or TimeLimit(SystemClock()),
        patience=patience or Patience(),
    )
    for secret in transport.secrets:
        mask(secret)
    return KubeCluster(transport, namespace=access.namespace)
