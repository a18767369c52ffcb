"""The line of a field, for annotations."""

from __future__ import annotations

from typing import Any

import yaml

from aks_action.model.pod_specs import Path


def line_of(text: str, line: int, path: Path) -> int:
    """The line of `path` inside the object that begins at `line`, as far as the path exists.

    Reads the whole text again, so it is for annotations on failures only.
    """
    try:
        for root in yaml.compose_all(text, Loader=yaml.CSafeLoader):
            items = _child(root, "items")[0]
            for node in (root, *(items.value if isinstance(items, yaml.SequenceNode) else ())):
                if node.start_mark.line + 1 == line:
                    return _descend(node, line, path)
    except yaml.YAMLError:
        pass
    return line


def _descend(node: Any, line: int, path: Path) -> int:
    for step in path:
        node, at = _child(node, step)
        if node is None:
            break
        line = at
    return line


def _child(node: Any, step: str | int) -> tuple[Any, int]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line + 1
    return None, 0
