"""Writes the figures of the last `make bench` into the README (`python -m bench.readme`)."""

import json
import re
from typing import Any

from demo.bed import ROOT

RESULTS = ROOT / ".bench/results.json"


def table(results: list[dict[str, Any]]) -> str:
    rows = ["| case | figure | measured | to reach | |", "|---|---|---|---|---|"]
    for result in results:
        case = result["case"]
        for bar in result["bars"]:
            mark = "✓" if bar["held"] else "✗"
            measured = f"{_shown(bar['value'])} {bar['unit']}".strip()
            rows.append(
                f"| {case} | {bar['what']} | {measured} | ≤ {_shown(bar['limit'])} | {mark} |"
            )
            case = ""
    return "\n".join(rows)


def _shown(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"


def main() -> None:
    report = json.loads(RESULTS.read_text())
    if not report.get("one_run"):
        raise SystemExit("The README tells of one run: run `make bench` with all cases first.")
    found = report["results"]
    results = [result for each in found.values() for result in each]
    readme = ROOT / "README.md"
    block = f"<!-- bench -->\n\n{table(results)}\n\n<!-- /bench -->"
    pattern = r"<!-- bench -->.*<!-- /bench -->"
    readme.write_text(re.sub(pattern, lambda _: block, readme.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    main()
