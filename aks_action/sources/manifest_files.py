"""The manifests of a deploy: every item of the input read, in order, with all problems at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aks_action.clients.clock import TimeLimit
from aks_action.environment import Folders
from aks_action.errors import ActionError, InputError, ManifestError, Problem
from aks_action.model.manifests import ManifestSet
from aks_action.model.shapes import repeated
from aks_action.sources import manifest_paths, opening
from aks_action.sources.encodings import decode
from aks_action.sources.yaml_loader import load

MOST_BYTES = 32 * 1024 * 1024

_URL = re.compile(r"https?://", re.IGNORECASE)

Download = Callable[[str], bytes]
"""The content of a URL; raises InputError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFiles:
    """What was read: objects in order, the names of their files, and what may be a mistake."""

    manifests: ManifestSet
    files: tuple[str, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    key: str
    name: str
    read: Callable[[], bytes]


def read(
    items: Sequence[str],
    folders: Folders,
    download: Download | None = None,
    *,
    limit: TimeLimit | None = None,
) -> ManifestFiles:
    """The objects of all files that the items mean; a file that is named twice is read once.

    items:    paths, globs and URLs, in the order in which they are deployed.
    download: fetches a URL; that of `downloads` when absent, within the limit.

    Raises InputError when only items are at fault, else ManifestError; with every problem.
    """
    problems: list[Problem] = []
    files: dict[str, _File] = {}
    for item in items:
        try:
            for file in _files(item, folders, download or partial(_download, limit)):
                files.setdefault(file.key, file)
        except manifest_paths.NothingFoundError as error:
            problems.append(Problem(message=f"Input `manifests`: {error}"))
    manifests, warnings, wrong = _loaded(files, problems)
    wrong += repeated(manifests)
    if wrong:
        raise ManifestError(*problems, *wrong)
    if problems:
        raise InputError(*problems)
    names = tuple(file.name for file in files.values())
    if not manifests:
        raise ManifestError(f"There is no object in {', '.join(names)}. Nothing can be deployed.")
    return ManifestFiles(manifests=manifests, files=names, warnings=tuple(warnings))


def _loaded(
    files: dict[str, _File], problems: list[Problem]
) -> tuple[ManifestSet, list[Problem], list[Problem]]:
    """The objects of all files, warnings, and problems of what is in them."""
    manifests: ManifestSet = ()
    warnings: list[Problem] = []
    wrong: list[Problem] = []
    for file in files.values():
        try:
            loaded = load(decode(file.read(), file.name), file.name)
        except ManifestError as error:
            wrong += error.problems
            continue
        except ActionError as error:
            problems += error.problems
            continue
        manifests += loaded.manifests
        warnings += loaded.warnings
        wrong += loaded.problems
    return manifests, warnings, wrong


def _files(item: str, folders: Folders, download: Download) -> Iterator[_File]:
    if _URL.match(item):
        # The query may be a secret, so that a URL is called without it.
        yield _File(key=item, name=item.partition("?")[0], read=partial(download, item))
        return
    for path in manifest_paths.find(item, folders):
        name = manifest_paths.name_of(path, folders)
        yield _File(key=str(path), name=name, read=partial(_content, path, name, folders))


def _content(path: Path, name: str, folders: Folders) -> bytes:
    """The bytes of a regular file. Raises InputError, which quotes nothing of it."""
    try:
        return opening.content(path, folders.roots, MOST_BYTES)
    except opening.OutsideError:
        why = (
            "has become a link that leads outside of the workspace and the runner's temp folder. "
            "Only files inside of them are deployed."
        )
    except opening.NotRegularError:
        why = "is not a regular file."
    except opening.TooLargeError:
        why = f"has more than {MOST_BYTES // 1024 // 1024} MB, which is too much for manifests."
    except OSError as error:
        why = f"cannot be read: {error.strerror}."
    raise InputError(f"Input `manifests`: `{name}` {why}")


def _download(limit: TimeLimit | None, url: str) -> bytes:
    from aks_action.sources.downloads import Downloads  # noqa: PLC0415 - costs 60 ms to import

    return Downloads(limit).get(url)
