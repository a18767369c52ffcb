"""Times as the API server writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def parse_time(timestamp: Any) -> datetime | None:
    """An RFC 3339 timestamp in UTC; None where it is absent, something else, or no time of UTC."""
    try:
        when = datetime.fromisoformat(timestamp)
        return when.astimezone(UTC) if when.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None
