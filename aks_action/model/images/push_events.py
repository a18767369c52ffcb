"""What an engine says during a push: a stream of events, of which any may be the failure.

The engine answers 200 to a push that the registry refuses; only the events tell. Besides
progress there are `errorDetail` (it failed) and, at the very end, `aux` with the digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_DONE = ("Pushed", "Layer already exists")
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer on its way: bytes sent of bytes in all, where the engine says so."""

    sent: int = 0
    size: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PushState:
    """What is known after some events. `digest` and `error` are empty until they are said."""

    layers: Mapping[str, Layer] = field(default_factory=dict)
    digest: str = ""
    error: str = ""

    def after(self, event: object) -> PushState:
        """The state after one more event; what is no event changes nothing."""
        if not isinstance(event, dict):
            return self
        if error := _error(event):
            return replace(self, error=self.error or error)
        aux = event.get("aux")
        if isinstance(aux, dict) and isinstance(aux.get("Digest"), str):
            return replace(self, digest=aux["Digest"])
        name, status = event.get("id"), event.get("status")
        if not isinstance(name, str) or not isinstance(status, str) or ":" in status:
            return self
        layer = _layer(self.layers.get(name, Layer()), status, event.get("progressDetail"))
        return replace(self, layers={**self.layers, name: layer})

    def __str__(self) -> str:
        """As in `3 of 7 layers, 1.2 MB sent`."""
        done = sum(layer.done for layer in self.layers.values())
        sent = sum(layer.sent for layer in self.layers.values()) / _MEGABYTE
        return f"{done} of {len(self.layers)} layers, {sent:.1f} MB sent"


def _layer(layer: Layer, status: str, detail: Any) -> Layer:
    sent, size = (
        detail.get(key) if isinstance(detail, dict) else None for key in ("current", "total")
    )
    return Layer(
        sent=sent if isinstance(sent, int) else layer.sent,
        size=size if isinstance(size, int) else layer.size,
        done=layer.done or status.startswith(_DONE) or status.startswith("Mounted from"),
    )


def _error(event: Mapping[str, Any]) -> str:
    detail = event.get("errorDetail")
    text = detail.get("message") if isinstance(detail, dict) else None
    if text or "errorDetail" in event or "error" in event:
        return " ".join(str(text or event.get("error") or "no reason was given").split())
    return ""
