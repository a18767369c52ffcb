"""Writes tables (`make docs`): the README's from action.yml, of faults from their tests."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.scenarios.faults import ELSEWHERE, ROWS

ROOT = Path(__file__).resolve().parent.parent


def inputs_table(action: Mapping[str, Any]) -> str:
    rows = ["| input | default | what it does |", "|---|---|---|"]
    for name, entry in action["inputs"].items():
        default = f"`{entry['default']}`" if entry["default"] else ""
        rows.append(f"| **{name}** | {default} | {_cell(entry['description'])} |")
    return "\n".join(rows)


def outputs_table(action: Mapping[str, Any]) -> str:
    rows = ["| output | what it holds |", "|---|---|"]
    for name, entry in action["outputs"].items():
        rows.append(f"| **{name}** | {_cell(entry['description'])} |")
    return "\n".join(rows)


def faults_table() -> str:
    """A row for each fault that the tests play before a real API server."""
    rows = ["| action | fault | exit code | what is left |", "|---|---|---|---|"]
    rows += [f"| {each.action} | {each.fault} | {each.code} | {each.left} |" for each in ROWS]
    return "\n".join(rows)


def other_faults_table() -> str:
    rows = ["| action | fault | exit code | what is left | test |", "|---|---|---|---|---|"]
    for each in ELSEWHERE:
        file, _, name = each.test.partition("::")
        link = f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"
        rows.append(f"| {each.action} | {each.fault} | {each.verdict} | {each.left} | {link} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def filled_in(text: str, **tables: str) -> str:
    """A document with what is between its marks replaced by today's tables, by their names.

    Raises ValueError when it has no place for one.
    """
    for name, table in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        literal = table.replace("\\", "\\\\")
        text, count = re.subn(pattern, rf"\g<1>{literal}\g<2>", text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"the document has no place for the {name}")
    return text


def documents() -> dict[Path, str]:
    """Each document that has tables, as it has to be."""
    action = yaml.load((ROOT / "action.yml").read_text(), yaml.BaseLoader)  # noqa: S506
    readme, reliability = ROOT / "README.md", ROOT / "docs/reliability.md"
    return {
        readme: filled_in(
            readme.read_text(), inputs=inputs_table(action), outputs=outputs_table(action)
        ),
        reliability: filled_in(
            reliability.read_text(), faults=faults_table(), others=other_faults_table()
        ),
    }


def main() -> None:
    for path, text in documents().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
