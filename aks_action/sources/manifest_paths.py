"""Which files an item of the `manifests` input means.

Files by name, folders with everything below them, globs. Nothing outside of the workspace and
the runner's temp folder is touched, whatever links say, and nothing is ever guessed: an item
without a file is a problem.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from aks_action.environment import Folders
from aks_action.sources.opening import OutsideError, is_below, names_in

EXTENSIONS = (".yml", ".yaml", ".json")
"""Of the files that are taken from folders, in any case. A file given by name may have any."""

_WILDCARDS = re.compile(r"[*?\[]")
_NOT_LOOKED_INTO = frozenset({".git"})


class NothingFoundError(Exception):
    """An item means no file; the text is a whole sentence."""


def find(item: str, folders: Folders) -> list[Path]:
    """The real paths that an item means; those below a folder in byte order of their names.

    Raises NothingFoundError for an item that is absent, outside, empty or unreadable.
    """
    if "\0" in item:
        raise NothingFoundError(f"{item!r} has a zero byte in it, which no path can have.")
    path = _located(item, folders)
    try:
        if os.path.lexists(path):
            real = _allowed(path, item, folders)
            found = [real] if not real.is_dir() else _below(real, item, folders)
        elif _WILDCARDS.search(item):
            found = _matching(path, item, folders)
        else:
            raise NothingFoundError(
                f"`{item}` does not exist in the workspace. Is the repository checked out, and "
                "is the path relative to its root?"
            )
    except OSError as error:
        raise NothingFoundError(f"`{item}` cannot be read: {error.strerror}.") from None
    return found


def name_of(path: Path, folders: Folders) -> str:
    """How messages call a file: relative to the workspace, if it is there."""
    real, workspace = os.path.realpath(path), os.path.realpath(folders.workspace)
    name = os.path.relpath(real, workspace) if is_below(real, [workspace]) else real
    # Names that are no UTF-8 could not be printed.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _located(item: str, folders: Folders) -> Path:
    """The path of an item in this process' own world."""
    if not Path(item).is_absolute():
        return folders.workspace / item
    path = os.path.normpath(item)
    if is_below(path, [os.path.normpath(folders.workspace)]):
        return Path(path)
    for host in folders.host_workspaces:
        if is_below(path, [os.path.normpath(host)]):
            return folders.workspace / os.path.relpath(path, host)
    try:
        return folders.seen(path)
    except OSError:
        return Path(path)


def _allowed(path: Path, item: str, folders: Folders) -> Path:
    real = os.path.realpath(path)
    if not is_below(real, folders.roots):
        raise _outside(path, item, linked=real != os.path.normpath(path))
    return Path(real)


def _outside(path: Path, item: str, *, linked: bool) -> NothingFoundError:
    link = " (through a link)" if linked else ""
    which = f": `{path.name}`" if path.name and path.name not in item else ""
    return NothingFoundError(
        f"`{item}` leads outside of the workspace and the runner's temp folder{link}{which}. "
        "Only files inside of them are deployed."
    )


def _below(folder: Path, item: str, folders: Folders) -> list[Path]:
    found = [
        _allowed(path, item, folders)
        for path in _walk(folder, frozenset(), item, folders)
        if path.suffix.lower() in EXTENSIONS
    ]
    if not found:
        raise NothingFoundError(
            f"The folder `{item}` has no manifests: no file that ends in {_listed(EXTENSIONS)}."
        )
    return found


def _matching(path: Path, item: str, folders: Folders) -> list[Path]:
    parts = PurePosixPath(path).parts
    first = next(index for index, part in enumerate(parts) if _WILDCARDS.search(part))
    base = Path(*parts[:first])
    pattern = _pattern(parts[first:])
    # `*.tpl` asks for that extension; `*` and `web-*` mean the manifests among the files.
    any_extension = not _WILDCARDS.search(PurePosixPath(parts[-1]).suffix or "*")
    found: list[Path] = []
    if base.is_dir():
        real = _allowed(base, item, folders)
        found = [
            _allowed(each, item, folders)
            for each in _walk(real, frozenset(), item, folders)
            if pattern.fullmatch(each.relative_to(real).as_posix())
            and (any_extension or each.suffix.lower() in EXTENSIONS)
        ]
    if not found:
        shown = os.path.relpath(base, folders.workspace)
        where = f"`{shown}`" if base.is_dir() else f"`{shown}`, which does not exist"
        raise NothingFoundError(f"`{item}` matches no manifest (looked in {where}).")
    return found


def _walk(folder: Path, above: frozenset[str], item: str, folders: Folders) -> Iterator[Path]:
    """All files below a folder, by the bytes of their names, sub-folders in their place."""
    real = str(_allowed(folder, item, folders))
    if real in above:
        return  # a link to a folder that it is in
    try:
        entries = names_in(folder, folders.roots)
    except OutsideError:  # it has become a link since it was looked at
        raise _outside(folder, item, linked=True) from None
    for name, is_folder in entries:
        if not is_folder:
            yield folder / name
        elif name not in _NOT_LOOKED_INTO:
            yield from _walk(folder / name, above | {real}, item, folders)


def _pattern(parts: tuple[str, ...]) -> re.Pattern[str]:
    """Shell wildcards as an expression: `**` is any depth; a folder that matches is taken whole."""
    text = ""
    for part in parts:
        text += r"(?:(?!\.)[^/]+/)*" if part == "**" else _segment(part) + "/"
    any_below = r"(?!\.)[^/]+" if parts[-1] == "**" else "(?:/.*)?"
    return re.compile(text.removesuffix("/") + any_below, re.DOTALL)


def _segment(part: str) -> str:
    text = ""
    position = 0
    while position < len(part):
        char = part[position]
        closing = part.find("]", position + 2) if char == "[" else -1
        if closing > 0:
            inner = part[position + 1 : closing].replace("\\", "\\\\").replace("[", "\\[")
            text += f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]"
            position = closing
        else:
            text += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
        position += 1
    # As in a shell, a wildcard at the start is not for hidden names.
    return (r"(?!\.)" if part[0] in "*?[" else "") + text


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words[:-1]) + f" or `{words[-1]}`"
