"""The library's connection pool for one access: its TLS, its proxy, its size.

The pool, TLS and proxies are the library's (`ApiClient.rest_client`); its `param_serialize` and
`call_api` are left out: they cost as much again as the request itself (1,000 dry-run applies on
8 threads: 0.81 s of CPU through them, 0.54 s without) and the token hook of its kubeconfig loader
reads the proxy environment for every request. What the pool raises are urllib3's errors, hence
the second import.
"""

from __future__ import annotations

from warnings import filterwarnings

from kubernetes.client import ApiClient, Configuration
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from aks_action.clients.kube import tls
from aks_action.clients.kube.access import Access
from aks_action.clients.kube.credentials import Credential
from aks_action.clients.timed_connections import time_answers
from aks_action.errors import InputError
from aks_action.model.origins import is_here

_CONNECTIONS = 64  # kept open: one for each worker and each watch


def pool(
    access: Access, credential: Credential, *, verify: bool, silence: float
) -> HTTPConnectionPool:
    """Connections to the server of `access`. Nothing is sent yet.

    silence: seconds that may pass between two parts of an answer; see `timed_connections`.

    Raises InputError when the kubeconfig's server or proxy cannot be used.
    """
    configuration = Configuration(host=access.server, connection_pool_maxsize=_CONNECTIONS)
    configuration.verify_ssl = verify
    configuration.keep_alive = True  # load balancers drop quiet watches without a word
    configuration.tls_server_name = access.tls_server_name or None
    if access.proxy:
        configuration.proxy = access.proxy
    elif is_here(access.server):  # as kubectl: a proxy's "this machine" is another one
        configuration.proxy = None
    if not verify:
        filterwarnings("ignore", message="Unverified HTTPS request")
    try:
        manager = ApiClient(configuration).rest_client.pool_manager
        if access.server.startswith("https"):
            manager.connection_pool_kw["ssl_context"] = tls.context(
                access, credential, verify=verify
            )
        time_answers(manager, silence=silence)
        connections: HTTPConnectionPool = manager.connection_from_url(access.server)
    except (HTTPError, ImportError, AssertionError) as error:
        raise InputError(
            f"The server {access.server} or the proxy of the kubeconfig is not usable: {error}."
        ) from error
    return connections
