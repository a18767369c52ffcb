"""What an API server's refusal of an apply means, and how to say it.

The server tells a wrong manifest, a missing permission and a field that cannot change by texts
more than by codes; the texts here are those of Kubernetes 1.20 and later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from aks_action.errors import ActionError, ApiError, ApplyError, AuthError, ManifestError, Problem
from aks_action.model.applying.diff import asked_changes
from aks_action.model.manifests import Document, Manifest
from aks_action.model.plan import FieldChange


class Sort(StrEnum):
    """What kind of answer a refusal is."""

    FORBIDDEN = "forbidden"
    IMMUTABLE = "immutable"
    STALE_VERSION = "stale version"
    NO_DRY_RUN = "no dry-run"
    MANIFEST = "manifest"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One apply that the server refused.

    text:   the server's own message, for looking up what it mentions.
    fields: for IMMUTABLE, what the manifest wants to change and the server keeps.
    """

    manifest: Manifest
    sort: Sort
    sentence: str
    text: str = ""
    fields: tuple[FieldChange, ...] = ()

    @property
    def problem(self) -> Problem:
        return Problem(message=self.sentence, source=self.manifest.source)


_UNDECLARED = re.compile(r"(?<!\S)\.((?:\[[^\]]*\]|[^\s:\[])+): field not declared in schema")
_UNKNOWN = re.compile(r'unknown field "([^"]+)"')
_IMMUTABLE = re.compile(
    r"immutable|may not (?:be )?(?:chang|updat)|updates to .* are forbidden|cannot (?:be )?chang"
    r"|can ?not be unset",
    re.IGNORECASE,
)
_ITEM = re.compile(r'\[(?:[A-Za-z]+=("[^"]*"|\w+),?)+\]')
_SORTS = {AuthError.exit_code: Sort.FORBIDDEN, ManifestError.exit_code: Sort.MANIFEST}
_TYPED_PATCH = "failed to create typed patch object"


def read(manifest: Manifest, live: Document | None, error: ApiError) -> Refusal:
    """What the server's answer to an apply (or its dry-run) of `manifest` means."""
    text, ref = error.message, manifest.ref
    fields = _immutable_fields(manifest, live, error) if live is not None else ()
    unknown = _unknown_fields(text)
    if "does not support dry run" in text:
        sort, sentence = Sort.NO_DRY_RUN, str(error)
    elif unknown and live is not None and not _is_about_the_manifest(text):
        sort, sentence = Sort.STALE_VERSION, str(error)
    elif unknown:
        what = f"{ref.api_version} {ref.kind}"
        sort, sentence = Sort.MANIFEST, f"{ref}: {_unknown(unknown, what)}"
    elif fields:
        sort, sentence = Sort.IMMUTABLE, f"{ref}: {_immutable(fields)}"
    else:
        sort, sentence = _SORTS.get(error.exit_code, Sort.CLUSTER), str(error)
    return Refusal(manifest=manifest, sort=sort, sentence=sentence, text=text, fields=fields)


def error_of(refusals: Iterable[Refusal]) -> ActionError:
    """One error with every refusal, of the class of the gravest: manifest, cluster, permission.

    What is not wrong with a manifest but with the cluster or a role is told once, at the first
    object that it was met with.
    """
    found = sorted(refusals, key=lambda each: (each.manifest.source, each.sentence))
    sorts = {each.sort for each in found}
    kind: type[ActionError] = ManifestError
    if sorts <= {Sort.FORBIDDEN, Sort.CLUSTER}:
        kind = ApplyError if Sort.CLUSTER in sorts else AuthError
    alike: dict[object, list[Refusal]] = {}
    for n, each in enumerate(found):
        own = each.sort not in (Sort.FORBIDDEN, Sort.CLUSTER)
        alike.setdefault(n if own else _without_ref(each), []).append(each)
    return kind(*(_shared_problem(group) for group in alike.values()))


def _without_ref(refusal: Refusal) -> str:
    return refusal.sentence.removeprefix(f"{refusal.manifest.ref}: ")


def _shared_problem(refusals: list[Refusal]) -> Problem:
    first = refusals[0]
    if len(refusals) == 1:
        return first.problem
    who = f"{first.manifest.ref} and {len(refusals) - 1} more"
    return Problem(message=f"{who}: {_without_ref(first)}", source=first.manifest.source)


def _is_about_the_manifest(text: str) -> bool:
    """Whether a schema error is about what was sent, not about what is stored.

    A wrong type or an unknown field in an apply is answered with 500 (kubernetes#118476).
    """
    return _TYPED_PATCH in text or "unknown field" in text


def _unknown(paths: list[str], what: str) -> str:
    plural = "are fields" if len(paths) > 1 else "is a field"
    return f"{_listed(paths)} {plural} that {what} does not have. Correct the name or remove it."


def _unknown_fields(text: str) -> list[str]:
    undeclared = [_ITEM.sub(_item_words, path) for path in _UNDECLARED.findall(text)]
    return undeclared + _UNKNOWN.findall(text)


def _item_words(item: re.Match[str]) -> str:
    """`[containerPort=80,protocol="TCP"]` as elsewhere in our paths: `[80,TCP]`."""
    pairs = item[0][1:-1].split(",")
    return f"[{','.join(pair.partition('=')[2].strip(chr(34)) for pair in pairs)}]"


def _immutable_fields(
    manifest: Manifest, live: Document, error: ApiError
) -> tuple[FieldChange, ...]:
    """The fields that the server keeps; empty when that is not (all of) what it complains of."""
    causes = [cause for cause in error.causes if cause.message] or None
    if causes is None or not all(_IMMUTABLE.search(cause.message) for cause in causes):
        return ()
    wanted = asked_changes(live, manifest.document)
    fields: dict[str, FieldChange] = {}
    for cause in causes:
        changeable = _changeable(cause.message)
        inside = [
            change
            for change in wanted
            if _is_inside(change.path, cause.field)
            and not any(_is_inside(change.path, path) for path in changeable)
        ]
        for change in inside or [FieldChange(path=cause.field or "spec")]:
            fields[change.path] = change
    return tuple(fields.values())


def _changeable(message: str) -> list[str]:
    """What `updates … for fields other than 'replicas', 'template' are forbidden` allows.

    A bare name is below `spec`, as the API server writes it for StatefulSets.
    """
    allowed = message.partition("other than")[2]
    names = re.findall(r"[`']([^`']+)[`']", allowed)
    return [name if name.startswith("spec.") else f"spec.{name}" for name in names]


def _is_inside(path: str, outer: str) -> bool:
    """Whether `path` is `outer` or below it; `[*]` in `outer` stands for any item."""
    pattern = re.escape(outer).replace(r"\[\*\]", r"\[[^\]]*\]")
    return not outer or re.match(rf"{pattern}(?:$|[.\[])", path) is not None


def _immutable(fields: tuple[FieldChange, ...]) -> str:
    names = [change.path for change in fields]
    return (
        f"{_listed(names)} cannot be changed on an object that exists. Give the object another "
        "name, or set `force: true` to delete it and create it again."
    )


def _listed(names: list[str]) -> str:
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} and {last}" if first else last
