"""Why no answer came, as one sentence with the host."""

from __future__ import annotations

from datetime import datetime
from ssl import SSLCertVerificationError

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from aks_action.clients.kube.access import Access
from aks_action.clients.tls_faults import chain, may_pass
from aks_action.errors import ApplyError, AuthError

_EXPIRED, _HOST_MISMATCH, _IP_MISMATCH = 10, 62, 64
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)


class Unreachable(ApplyError):  # noqa: N818 - as the errors of the package
    """No answer.

    permanent:    asking again is in vain (a certificate that is not trusted).
    maybe_done:   the request may have reached the server.
    unknown_name: nobody knows a host of that name.
    """

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        maybe_done: bool = False,
        unknown_name: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.unknown_name = unknown_name
        self.permanent = permanent
        if permanent:  # nobody is known for certain at the other end
            self.counts_as(AuthError)
        self.maybe_done = maybe_done


def unreachable(error: HTTPError, access: Access, *, since: datetime | None = None) -> Unreachable:
    """What the connection pool raised, as an error of ours. since: when the outage began."""
    told = _sentence(error, access.server)
    if since:
        told += f" The API server at {access.server} cannot be reached since {since:%H:%M:%S} UTC."
    not_sent = (ProxyError, NameResolutionError, ConnectTimeoutError, NewConnectionError)
    permanent = isinstance(error, SSLError) and not may_pass(error)
    return Unreachable(
        told,
        permanent=permanent,
        unknown_name=isinstance(error, NameResolutionError),
        maybe_done=not permanent and not isinstance(error, not_sent),
    )


def _sentence(error: HTTPError, host: str) -> str:
    match error:
        case ProxyError():
            told = (
                f"The proxy in front of {host} cannot be used: {_root(error)}. Check HTTPS_PROXY, "
                "NO_PROXY and the kubeconfig's proxy-url."
            )
        case SSLError():
            told = _tls(error, host)
        case NameResolutionError():
            told = (
                f"The host of {host} is not known to DNS. Check the server in the kubeconfig; a "
                "private cluster is only known inside its network."
            )
        case NewConnectionError():  # a ConnectTimeoutError too, by inheritance
            told = (
                f"{host} cannot be reached: {_root(error)}. Check that the cluster runs and the "
                "server in the kubeconfig is right."
            )
        case ConnectTimeoutError():
            told = (
                f"{host} did not answer in time to open a connection. Check that the cluster runs "
                "and lets this machine's address in."
            )
        case ReadTimeoutError():
            told = f"{host} took too long to answer."
        case _:
            told = f"The connection to {host} broke: {_root(error)}."
    return told


def _tls(error: SSLError, host: str) -> str:
    cause = chain(error)[-1]
    if not isinstance(cause, SSLCertVerificationError):
        why = getattr(cause, "reason", None) or "the handshake failed"
        plain = "WRONG_VERSION_NUMBER" in str(why)
        hint = " It seems to speak plain HTTP there." if plain else ""
        return f"No TLS connection to {host}: {str(why).replace('_', ' ').lower()}.{hint}"
    code = cause.verify_code
    if code == _EXPIRED:
        return f"The certificate of {host} has expired. Renew it on the cluster."
    if code in (_HOST_MISMATCH, _IP_MISMATCH):
        return (
            f"The certificate of {host} is for another name. Check the server and tls-server-name "
            "in the kubeconfig."
        )
    if code in _UNKNOWN_AUTHORITY:
        return (
            f"The certificate of {host} is not signed by the kubeconfig's certificate authority. "
            "The kubeconfig may be of another or an older cluster: get a new one."
        )
    return f"The certificate of {host} is not valid: {cause.verify_message}."


def _root(error: BaseException) -> str:
    cause = chain(error)[-1]
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    text = " ".join(str(cause).split())
    return (text[:200] or type(cause).__name__).rstrip(".")
