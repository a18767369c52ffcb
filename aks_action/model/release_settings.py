"""What the user asked to be remembered of a release, gone back to and pruned, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass

GUARDED_KINDS = frozenset(
    {
        "Namespace",
        "PersistentVolumeClaim",
        "CustomResourceDefinition",
        "PersistentVolume",
    }
)
"""Kinds whose objects take others or data with them; they are pruned only when named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    """The inputs about a release.

    name:        under which its records are found; empty: nothing is remembered.
    to:          where a rollback goes: a version, the number of a record, or a commit; empty: to
                 the last good record before what is there now.
    prune:       whether what is no longer in the manifests is deleted.
    prune_kinds: those of `GUARDED_KINDS` that are deleted, too.
    """

    name: str = ""
    to: str = ""
    prune: bool = False
    prune_kinds: frozenset[str] = frozenset()
