"""Connections that are kept: verified, and by the proxy that the environment names."""

from __future__ import annotations

import ipaddress
import ssl
import threading
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import urllib3

from aks_action.clients.timed_connections import time_answers

_CONNECTIONS = 8


class Pools:
    """One for each way out, made when it is needed: reading the certificates takes 10 ms.

    silence: seconds that may pass between two parts of an answer.
    """

    def __init__(self, ca_file: str, silence: float) -> None:
        self._ca_file = ca_file
        self._silence = silence
        self._made: dict[tuple[str, str], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def of(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        way = parts.scheme, _proxy(parts.netloc)
        with self._lock:
            if way not in self._made:
                self._made[way] = self._pool(*way)
            return self._made[way]

    def _pool(self, scheme: str, proxy: str) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": _CONNECTIONS}
        if scheme == "https":
            context = options["ssl_context"] = ssl.create_default_context()
            if self._ca_file:
                context.load_verify_locations(self._ca_file)
        made = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        time_answers(made, silence=self._silence)
        return made


def _proxy(netloc: str) -> str:
    """What the environment says; this machine is asked without one."""
    if is_loopback(netloc) or urllib.request.proxy_bypass(netloc):
        return ""
    proxies = urllib.request.getproxies()
    return proxies.get("https") or proxies.get("all") or ""


def is_loopback(netloc: str) -> bool:
    """Whether `host[:port]` is this machine: 127.0.0.0/8, ::1 or localhost."""
    host = urlsplit(f"//{netloc}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
