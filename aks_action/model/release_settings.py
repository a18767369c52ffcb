"""What the user asked to be remembered of a release, gone back to and pruned, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass, field

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
class RollbackScope:
    """What a record may hold besides objects of the release's own namespace.

    namespaces: other namespaces.    cluster: whatever is cluster-scoped.
    host:       pods that reach their node.
    kinds:      `Kind` or `Kind.group`, as kubectl writes it: cluster-scoped ones, and those that
                give rights.
    """

    namespaces: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    cluster: bool = False
    host: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    """The inputs about a release.

    name:        under which its records are found; empty: nothing is remembered.
    to:          where a rollback goes: a version, the number of a record, or a commit; empty: to
                 the last good record before what is there now.
    prune:       whether what is no longer in the manifests is deleted.
    prune_kinds: those of `GUARDED_KINDS` that are deleted, too.
    scope:       what records may hold.
    keys:        sign records: the first one writes, all are believed; none: nothing is signed.
    """

    name: str = ""
    to: str = ""
    prune: bool = False
    prune_kinds: frozenset[str] = frozenset()
    scope: RollbackScope = RollbackScope()
    keys: tuple[str, ...] = field(default=(), repr=False)
