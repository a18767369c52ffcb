"""What a case found: figures, and whether they are within the bars."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Something that may be at most `limit`."""

    what: str
    value: float
    limit: float
    unit: str = "×"

    @property
    def held(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        mark = "held" if self.held else "MISSED"
        return f"{_shown(self.value)} {self.unit}|≤ {_shown(self.limit)}|{mark}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """seconds: contestant → median wall clock.   bars: empty when the case could not run."""

    case: str
    seconds: dict[str, float] = field(default_factory=dict)
    bars: tuple[Bar, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def table(results: Sequence[Result]) -> str:
    """Lines of a text table, columns aligned."""
    rows = [("case", "figure", "measured", "bar", "")]
    for result in results:
        name = result.case
        if result.error:
            rows.append((name, "did not run", "", "", "MISSED"))
        for bar in result.bars:
            measured, limit, mark = str(bar).split("|")
            rows.append((name, bar.what, measured, limit, mark))
            name = ""
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    return [
        {
            "case": result.case,
            "seconds": {name: round(value, 4) for name, value in result.seconds.items()},
            "bars": [
                {
                    "what": bar.what,
                    "value": round(bar.value, 4),
                    "limit": bar.limit,
                    "unit": bar.unit,
                    "held": bar.held,
                }
                for bar in result.bars
            ],
            "notes": list(result.notes),
            "error": result.error,
        }
        for result in results
    ]


def _shown(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"
