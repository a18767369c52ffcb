"""One record, and one attempt at one: what they hold, apart from how it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aks_action.model.manifests import ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Which version, of which commit, was deployed by which run of whom, and when.

    run: the run's id.    url: its page.    at: RFC 3339, in UTC.
    """

    version: str
    commit: str = ""
    run: str = ""
    url: str = ""
    actor: str = ""
    at: str = ""

    def __str__(self) -> str:
        """`v1.2.0, 2026-01-31 by octocat`."""
        by = f" by {self.actor}" if self.actor else ""
        return f"{self.version}, {self.at[:10]}{by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An object of a release; `uid` tells it from another that came to have its name."""

    ref: ObjectRef
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a deploy left healthy.

    number:      of the record, the first is 1; the one of an attempt that failed is left out.
    digest:      of the objects, see `packing.digest_of`.
    images:      every image of the objects → its digest, empty where that is not known.
    rollback_of: the number of the record that was gone back to; 0 for a deploy.
    pruned:      whether what the release had no longer was deleted.
    parts:       in how many Secrets of their own the packed objects are; 0: in the record's.
    packed:      the packed objects, where they are in the record's own Secret.
    sources:     where they stood, packed; see `Objects`.
    """

    release: str
    namespace: str
    number: int
    stamp: Stamp
    digest: str
    images: Mapping[str, str] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    rollback_of: int = 0
    pruned: bool = False
    parts: int = 0
    packed: bytes = field(default=b"", repr=False)
    sources: bytes = field(default=b"", repr=False)

    @property
    def origin(self) -> int:
        """The number of the record that first had this content, as far as rollbacks tell."""
        return self.rollback_of or self.number

    def __str__(self) -> str:
        """`v1.2.0 (record 3)`, as a person would ask for it."""
        return f"{self.stamp.version} (record {self.number})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What was begun last; it has succeeded if there is a record of its number.

    strategy:    how it was deployed.
    rollback_of: see `Record`.
    target:      the number of the record that is gone back to; 0 for a deploy, and where a version
                 that did not say so yet began it.
    parts:       how many Secrets of parts its record may have left behind.
    error:       why it failed; empty while it runs, and when it was cut off.
    """

    number: int
    stamp: Stamp
    strategy: str = "basic"
    rollback_of: int = 0
    target: int = 0
    parts: int = 0
    error: str = ""
