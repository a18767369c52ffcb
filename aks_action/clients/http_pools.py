"""Connections that are kept: verified, and by the proxy that the environment names."""

from __future__ import annotations

import socket
import ssl
import threading
import urllib.request
from contextlib import suppress
from typing import Any

import urllib3
from urllib3 import exceptions as faults
from urllib3.connection import HTTPConnection, HTTPSConnection

from aks_action.clients.timed_connections import time_answers
from aks_action.model.origins import Origin, why_not_address

_CONNECTIONS = 8


class ForbiddenAddressError(faults.HTTPError):
    """A name leads to an address that no answer and no file may lead to; nothing was sent."""


class Pools:
    """One for each way out, made when it is needed: reading the certificates takes 10 ms.

    silence: seconds that may pass between two parts of an answer.
    """

    def __init__(self, ca_file: str, silence: float) -> None:
        self._ca_file = ca_file
        self._silence = silence
        self._made: dict[tuple[str, str, bool], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def of(self, origin: Origin, *, named: bool) -> urllib3.PoolManager:
        """Connections to an origin. named: by the workflow's author, so that it may be anywhere.

        The two kinds share no connection: one that was opened unchecked is not used checked.
        """
        way = origin.scheme, _proxy(origin), named
        with self._lock:
            if way not in self._made:
                self._made[way] = self._pool(*way)
            return self._made[way]

    def _pool(self, scheme: str, proxy: str, named: bool) -> urllib3.PoolManager:  # noqa: FBT001
        options: dict[str, Any] = {"maxsize": _CONNECTIONS}
        if scheme == "https":
            context = options["ssl_context"] = ssl.create_default_context()
            if self._ca_file:
                context.load_verify_locations(self._ca_file)
        made = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        # A proxy resolves the name by itself, and what it may reach is its own rule.
        connections = _PLAIN if named or proxy else _CHECKED
        time_answers(made, silence=self._silence, connections=connections)
        return made


def _proxy(origin: Origin) -> str:
    """What the environment says; this machine is asked without one."""
    netloc = str(origin).partition("://")[2]
    if origin.is_here or urllib.request.proxy_bypass(netloc):
        return ""
    proxies = urllib.request.getproxies()
    return proxies.get("https") or proxies.get("all") or ""


class _CheckedHttpConnection(HTTPConnection):
    """Connects to an address of its host that was looked at, and never asks DNS a second time."""

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        *others, last = _checked_addresses(name, self.port, self)
        try:
            for self._dns_host in others:
                with suppress(faults.NewConnectionError, faults.ConnectTimeoutError):
                    return super()._new_conn()
            self._dns_host = last
            return super()._new_conn()
        finally:
            self._dns_host = name


def _checked_addresses(host: str, port: int, connection: HTTPConnection) -> list[str]:
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise faults.NameResolutionError(host, connection, reason) from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        if why := why_not_address(address.partition("%")[0]):
            raise ForbiddenAddressError(f"its name leads to {address}, which is {why}")
    return addresses


class _CheckedHttpsConnection(_CheckedHttpConnection, HTTPSConnection):
    pass


_PLAIN = (HTTPConnection, HTTPSConnection)
_CHECKED = (_CheckedHttpConnection, _CheckedHttpsConnection)
