"""What a compose file leads to: the files that Compose reads because of it, and the variables.

Positions are those of https://github.com/compose-spec/compose-spec (include, extends, label_file).
A key that stands twice, or comes by `<<`, counts with all of its values: what is not read is
checked in vain, what is not checked may be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aks_action.sources.yaml_loader import Outline, Tree

_VARIABLE = re.compile(r"\$(?:\$|\{?([A-Za-z_][A-Za-z0-9_]*))")
_NO_VALUE = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """One entry of `include`. Of several `project_directory` any may be the one that counts."""

    paths: tuple[str, ...]
    env_files: tuple[str, ...] = ()
    project_directories: tuple[str, ...] = ()

    def texts(self) -> Iterator[str]:
        yield from (*self.paths, *self.env_files, *self.project_directories)


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """As they stand in the file, variables included.

    extended: files of `extends`.     asked: names of variables that are asked for.
    """

    includes: tuple[Include, ...] = ()
    extended: tuple[str, ...] = ()
    label_files: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()

    def texts(self) -> Iterator[str]:
        for include in self.includes:
            yield from include.texts()
        yield from (*self.extended, *self.label_files)


def references(outline: Outline) -> References:
    """What the documents of one file lead to."""
    includes: list[Include] = []
    extended: list[str] = []
    label_files: list[str] = []
    asked = {name for text in outline.variable_texts for name in variables(text)}
    for root in outline.documents:
        includes += [_include(entry) for value in _get(root, "include") for entry in _list(value)]
        for container in _containers(root):
            extended += [
                text
                for extends in _get(container, "extends")
                for file in _get(extends, "file")
                for text in _texts(file)
            ]
            label_files += [
                text for value in _get(container, "label_file") for text in _texts(value)
            ]
            asked |= set(_asked_by_name(container))
        for section in ("secrets", "configs"):
            for entry in _entries(root, section):
                asked |= {text for value in _get(entry, "environment") for text in _texts(value)}
    return References(
        includes=tuple(includes),
        extended=tuple(extended),
        label_files=tuple(label_files),
        asked=frozenset(asked),
    )


def variables(text: str) -> Iterator[str]:
    """The names of all variables in a text, those in defaults of others included."""
    return (match[1] for match in _VARIABLE.finditer(text) if match[1])


def _include(entry: Tree) -> Include:
    if isinstance(entry, str):
        return Include(paths=(entry,))
    return Include(
        paths=_all_texts(entry, "path"),
        env_files=_all_texts(entry, "env_file"),
        project_directories=_all_texts(entry, "project_directory"),
    )


def _containers(root: Tree) -> Iterator[Tree]:
    """Everything that is configured as a container is: services, jobs, what runs before them."""
    for section in ("services", "jobs"):
        for container in _entries(root, section):
            yield container
            for hooks in _get(container, "pre_start"):
                yield from _list(hooks)


def _asked_by_name(container: Tree) -> Iterator[str]:
    """Variables without a value, which Compose takes from its environment."""
    builds = _get(container, "build")
    for value in (
        *_get(container, "environment"),
        *(args for b in builds for args in _get(b, "args")),
    ):
        if isinstance(value, dict):
            yield from (name for name, given in value.items() if any(v in _NO_VALUE for v in given))
        else:
            yield from (text for text in _texts(value) if "=" not in text)


def _entries(root: Tree, section: str) -> Iterator[Tree]:
    for entries in _get(root, section):
        if isinstance(entries, dict):
            for values in entries.values():
                yield from values


def _get(tree: Tree, key: str) -> list[Tree]:
    return tree.get(key, []) if isinstance(tree, dict) else []


def _list(tree: Tree) -> list[Tree]:
    return tree if isinstance(tree, list) else [tree]


def _texts(tree: Tree) -> list[str]:
    return [text for text in _list(tree) if isinstance(text, str) and text]


def _all_texts(tree: Tree, key: str) -> tuple[str, ...]:
    return tuple(text for value in _get(tree, key) for text in _texts(value))
