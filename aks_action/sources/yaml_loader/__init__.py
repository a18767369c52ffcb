"""The one door to YAML: the objects of a text, read as kubectl reads them, with their lines."""

from __future__ import annotations

from dataclasses import dataclass

from aks_action.errors import Problem
from aks_action.model.manifests import Manifest, ManifestSet
from aks_action.model.shapes import manifests_of
from aks_action.sources import json_loader
from aks_action.sources.yaml_loader.lines import line_of
from aks_action.sources.yaml_loader.outline import MOST_VALUES, Outline, Tree, outline
from aks_action.sources.yaml_loader.reader import documents
from aks_action.sources.yaml_loader.values import MOST_LEVELS, Parsed, Values

__all__ = ["MOST_VALUES", "Loaded", "Outline", "Tree", "line_of", "load", "outline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a text holds: its objects in order, all that is wrong, and what may be wrong."""

    manifests: ManifestSet = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def load(text: str, file: str) -> Loaded:
    """The objects of all YAML or JSON documents of a text; empty documents are skipped.

    file: how messages and `Manifest.source` call it. Nothing in a text raises: a syntax error
    ends its own document, and reading goes on at the next `---`.
    """
    values = Values(file)
    in_json = json_loader.documents(text, most_levels=MOST_LEVELS)
    if in_json is not None:
        parsed = [Parsed(value=value, line=line) for value, line in in_json]
    else:
        parsed = list(documents(text, values))
    manifests: list[Manifest] = []
    for each in parsed:
        found, problems = manifests_of(each.value, file, each.line_of)
        manifests += found
        values.problems += problems
    return Loaded(
        manifests=tuple(manifests),
        problems=tuple(sorted(values.problems, key=_line)),
        warnings=tuple(values.warnings),
    )


def _line(problem: Problem) -> int:
    return problem.source.line if problem.source else 0
