"""What a build gets: the builds of the chosen services, and no file from outside.

Compose does not read the compose files again for a build, but the model that came out of them,
cut down to what builds need. Contexts are sent without following links that are in them; what a
builder opens by its name (the Dockerfile, .dockerignore) is looked at here.
https://github.com/compose-spec/compose-spec/blob/main/build.md
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aks_action.environment import Folders
from aks_action.errors import InputError, Problem, raise_all
from aks_action.sources import opening

_MOST_SECRET_BYTES = 512_000
"""BuildKit takes no larger secret."""
_MOST_DOCKERFILE_BYTES = 16 * 1024 * 1024

NameOf = Callable[[str], str]
"""How messages call an absolute path."""

_OF_A_SERVICE = ("image", "build", "platform")
_REMOTE = re.compile(r"(?:https?|git|ssh)://|github\.com/|git@|docker-image://|target:")
"""What the builder fetches as nobody: as open to the author of a Dockerfile by its own lines."""
_SERVICE = "service:"
_LAYOUT = "oci-layout://"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildModel:
    """A project of builds alone, for Compose.

    secrets: content by name, of those that come from files.
    """

    project: dict[str, Any]
    secrets: Mapping[str, bytes]


def build_model(
    project: Mapping[str, Any],
    services: Sequence[str],
    *,
    folders: Folders,
    base: str,
    agent: str,
    name_of: NameOf,
) -> BuildModel:
    """The builds of these services and of those that they build upon.

    project: what Compose made of the compose files, with absolute paths.
    folders: outside of which nothing is built from.
    base:    the folder at which relative paths begin that are left.
    agent:   the socket of the SSH agent that the workflow's author passes on, or empty.
    Raises InputError with every file that is outside.
    """
    chosen = _with_needed(project["services"], services)
    checks = _Checks(folders=folders, base=base, agent=agent, name_of=name_of)
    wanted: set[str] = set()
    for name, service in chosen.items():
        build = service.get("build") or {}
        checks.build(name, build)
        wanted |= {secret["source"] for secret in build.get("secrets") or () if "source" in secret}
    secrets = {
        name: secret for name, secret in (project.get("secrets") or {}).items() if name in wanted
    }
    contents = {
        name: content
        for name, secret in secrets.items()
        if (file := secret.get("file"))
        and (content := checks.content(file, f"The file of the secret {name}", _MOST_SECRET_BYTES))
        is not None
    }
    raise_all(InputError, checks.problems)
    kept = {
        name: {key: service[key] for key in _OF_A_SERVICE if key in service}
        for name, service in chosen.items()
    }
    model = {"name": project.get("name", "builds"), "services": kept, "secrets": secrets}
    return BuildModel(project=model, secrets=contents)


def _with_needed(all_: Mapping[str, Any], services: Sequence[str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    waiting = list(services)
    while waiting:
        name = waiting.pop()
        if name in all_ and name not in chosen:
            chosen[name] = all_[name]
            contexts = (all_[name].get("build") or {}).get("additional_contexts") or {}
            waiting += [
                text.removeprefix(_SERVICE)
                for text in contexts.values()
                if text.startswith(_SERVICE)
            ]
    return chosen


class _Checks:
    def __init__(self, *, folders: Folders, base: str, agent: str, name_of: NameOf) -> None:
        self.problems: list[Problem] = []
        self._folders = folders
        self._roots = folders.roots
        self._base = base
        self._agent = agent
        self._name = name_of

    def build(self, service: str, build: Mapping[str, Any]) -> None:
        of = f"of the build of {service}"
        context = build.get("context") or ""
        self._context(context, f"The context {of}")
        for name, text in (build.get("additional_contexts") or {}).items():
            self._context(text, f"The context {name} {of}")
        if not _is_remote(context) and "dockerfile_inline" not in build:
            self._dockerfile(context, build.get("dockerfile") or "Dockerfile", of)
        for path in _paths_of_caches(build):
            self._located(path, f"The cache {self._name(path)} {of}")
        for entry in build.get("ssh") or ():
            for path in str(entry).partition("=")[2].split(","):
                if path and path != self._agent:
                    self._located(path, f"The SSH key {self._name(path)} {of}")

    def content(self, path: str, said: str, most_bytes: int) -> bytes | None:
        try:
            return opening.content(path, self._roots, most_bytes, self._folders.own)
        except opening.OutsideError:
            self._outside(f"{said}, {self._name(path)},")
        except opening.ForbiddenError:
            self._own(f"{said}, {self._name(path)},")
        except opening.NotRegularError:
            self._wrong(f"{said}, {self._name(path)}, is not a regular file.")
        except opening.TooLargeError:
            self._wrong(f"{said}, {self._name(path)}, has more than {most_bytes:,} bytes.")
        except OSError as error:
            self._wrong(f"{said}, {self._name(path)}, cannot be read: {error.strerror}.")
        return None

    def _context(self, text: str, said: str) -> None:
        if text.startswith(_SERVICE) or _is_remote(text):
            return
        if text.startswith(_LAYOUT):
            text = text.removeprefix(_LAYOUT).partition("@")[0]
        elif "://" in text:
            self._wrong(f"{said}, {text.partition('://')[0]}://…, is of a kind that is not known.")
            return
        self._located(text, f"{said}, {self._name(text)},")

    def _dockerfile(self, context: str, dockerfile: str, of: str) -> None:
        path = os.path.normpath(os.path.join(context, dockerfile))  # noqa: PTH118
        beside = [os.path.join(context, name) for name in ("dockerfile", ".dockerignore")]  # noqa: PTH118
        for each in (path, f"{path}.dockerignore", *beside):
            if os.path.lexists(each):
                self.content(each, f"A file {of}", _MOST_DOCKERFILE_BYTES)

    def _located(self, path: str, said: str) -> None:
        path = os.path.join(self._base, path)  # noqa: PTH118
        try:
            with opening.located(path, self._roots, self._folders.own) as descriptor:
                real = opening.real_path(descriptor)
            # What the workflow itself puts into the workspace is kept out by a .dockerignore.
            in_temp = not opening.is_below(real, self._roots[:1])
            if in_temp and any(opening.is_below(own, [real]) for own in self._folders.own):
                self._own(said)
        except opening.ForbiddenError:
            self._own(said)
        except opening.OutsideError:
            self._outside(said)
        except OSError:
            # The builder says what it misses; only where it is may not be outside.
            if not opening.is_below(os.path.realpath(path), self._roots):
                self._outside(said)

    def _outside(self, said: str) -> None:
        self._wrong(
            f"{said} leads outside of the workspace and the runner's temp folder. Only files "
            "inside of them are built from."
        )

    def _own(self, said: str) -> None:
        self._wrong(
            f"{said} is, or has in it, a file of the job itself, such as its kubeconfig. Builds "
            "get none of these."
        )

    def _wrong(self, message: str) -> None:
        self.problems.append(Problem(message=message))


def _is_remote(context: str) -> bool:
    return bool(_REMOTE.match(context))


def _paths_of_caches(build: Mapping[str, Any]) -> Iterator[str]:
    """Folders of local caches (`type=local,src=…` and `dest=…`)."""
    for entry in (*(build.get("cache_from") or ()), *(build.get("cache_to") or ())):
        fields = next(csv.reader([str(entry)]), [])
        options = [
            (key.strip().lower(), value) for key, _, value in (f.partition("=") for f in fields)
        ]
        if ("type", "local") in options:
            yield from (value for key, value in options if key in ("src", "dest"))
