"""Times as the API server writes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def parse_time(timestamp: Any) -> datetime | None:
    """An RFC 3339 timestamp as a time with its zone; None where it is absent or something else."""
    try:
        when = datetime.fromisoformat(timestamp)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo else None
