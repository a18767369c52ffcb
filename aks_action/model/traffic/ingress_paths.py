"""Letting a proxy know a Service before an Ingress sends it traffic, and for a while after.

Proxies learn of routes and of the Services behind them by separate ways. Where an Ingress changes
to a Service that it did not name before, some requests are answered by 503 (seen with Contour and
Envoy: one or two of each switch). An Ingress has no weights; so the other Service is named on a
path that nobody asks for, as a route would name it with weight 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document

UNASKED = "/aks-action-unasked/"
"""Begins the paths that only let a Service be known.

Letters, digits and `-` alone: ingress-nginx, also the one of AKS, refuses a dot in a path of type
Prefix or Exact, and so `/.well-known/` (kubernetes/ingress-nginx#11176).
"""

_PREFIX = {"pathType": "Prefix"}


def knowing(ingress: Document, other: Document) -> Document:
    """An Ingress that also names the Services of another one, without sending them traffic.

    Each in a rule of its own, for the first host that is there already: another host could need
    a listener, a DNS record or a policy's consent, and Contour behind a Gateway without HTTPS
    takes only the first path of a rule.
    """
    named = dict(_backends(ingress))
    rules = _rules(ingress)
    host = get_in(rules[0], ("host",)) if rules else None
    place = {"host": host} if host else {}
    more = [
        {**place, "http": {"paths": [{"path": f"{UNASKED}{name}", **_PREFIX, "backend": backend}]}}
        for name, backend in dict(_backends(other)).items()
        if name not in named
    ]
    return set_in(ingress, ("spec", "rules"), [*rules, *more]) if more else ingress


def asked(ingress: Document) -> Document:
    """An Ingress without the rules that `knowing` adds: what gets its traffic."""
    kept = [rule for rule in _rules(ingress) if not any(map(_is_unasked, _paths(rule)))]
    return ingress if kept == _rules(ingress) else set_in(ingress, ("spec", "rules"), kept)


def _is_unasked(path: Any) -> bool:
    return str(get_in(path, ("path",)) or "").startswith(UNASKED)


def _backends(ingress: Document) -> Iterator[tuple[str, Any]]:
    """Each backend that is a Service, by the Service's name; v1 and v1beta1."""
    found = [get_in(ingress, ("spec", key)) for key in ("defaultBackend", "backend")]
    found += [get_in(path, ("backend",)) for rule in _rules(ingress) for path in _paths(rule)]
    for backend in found:
        name = get_in(backend, ("service", "name")) or get_in(backend, ("serviceName",))
        if isinstance(name, str):
            yield name, backend


def _rules(ingress: Document) -> list[Any]:
    rules = get_in(ingress, ("spec", "rules"))
    return rules if isinstance(rules, list) else []


def _paths(rule: Any) -> list[Any]:
    paths = get_in(rule, ("http", "paths"))
    return paths if isinstance(paths, list) else []
