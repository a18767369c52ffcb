"""Writes the README's tables of inputs and outputs from action.yml (`make docs`)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

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


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def filled_in(readme: str, action: Mapping[str, Any]) -> str:
    """The README with what is between its marks replaced by today's tables."""
    for name, table in (("inputs", inputs_table(action)), ("outputs", outputs_table(action))):
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        readme, count = re.subn(pattern, rf"\g<1>{_literal(table)}\g<2>", readme, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"the README has no place for the {name}")
    return readme


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\")


def main() -> None:
    action = yaml.load((ROOT / "action.yml").read_text(), yaml.BaseLoader)  # noqa: S506
    readme = ROOT / "README.md"
    readme.write_text(filled_in(readme.read_text(), action))


if __name__ == "__main__":
    main()
