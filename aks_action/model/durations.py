"""Durations as k8s-deploy writes them, and as people read them."""

from __future__ import annotations

import re

_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_SECONDS = 24 * 3600.0
SHORTEST_SECONDS = 0.001


def parse(text: str) -> float:
    """Seconds of `500ms`, `30s`, `10m`, `1.5h`; a bare number is minutes, as in k8s-deploy.

    Raises ValueError, whose text is the reason, for another form or outside of 1 ms to 24 h.
    """
    match = _PATTERN.fullmatch(text.strip())
    if not match:
        raise ValueError("write it like 30s, 10m or 1h (a bare number is minutes)")
    seconds = float(match[1]) * _SECONDS[(match[2] or "m").lower()]
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise ValueError("it must be between 1ms and 24h")
    return seconds


def readable(seconds: float) -> str:
    """`0.4 s`, `12.3 s`, `2 min 5 s`, `1 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
