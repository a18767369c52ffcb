"""What a release tags, from what, and whether that may be done.

All or nothing: every source and every target is known before `decide` is asked, and what it
answers is what is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from aks_action.errors import Conflict, InputError, Problem, RegistryError, raise_all
from aks_action.model.images.references import ImageReference

_VERSION_TAG = re.compile(r"[vV]?[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """What the inputs say about images.

    compose_files: as given; empty for what Compose itself would pick.
    compose_env:   names of the job's variables that Compose gets, beyond what every child gets.
    registry:      `host[:port][/path]`; empty when the images' own names say it.
    named_hosts:   registries that the workflow's author names by other inputs than `registry`.
    login_host:    the registry that the login is of, where the sign-in to Azure gave it.
    token_server:  a host that may get the password, too: what the registry names as its realm.
    tag:           the tag that is pushed, or that a release makes.
    source_tag:    release: a tag of the same repositories; or `repository:tag` in the same
                   registry, where a repository that ends with "/" goes before every image's name.
    services:      names; `("all",)`; empty for those with both `build` and `image`.
    """

    compose_files: tuple[str, ...] = ()
    compose_env: tuple[str, ...] = ()
    registry: str = ""
    named_hosts: frozenset[str] = frozenset()
    login_host: str = ""
    token_server: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    tag: str = "latest"
    source_tag: str = "latest"
    build: bool = False
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A manifest that gets a further name: `source` is what it is called now."""

    source: ImageReference
    target: ImageReference


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChange:
    """One write of a release. `previous` is the digest that the target had; empty for none."""

    release: Release
    digest: str
    previous: str = ""

    @property
    def needed(self) -> bool:
        return self.digest != self.previous


class PublishedHow(StrEnum):
    """What it took: layers were pushed, a tag was made, or all was there already."""

    PUSHED = "pushed"
    TAGGED = "tagged"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An image that the registry has: its name with its tag, and the digest it has there."""

    reference: ImageReference
    digest: str
    action: PublishedHow


def plan_release(targets: Iterable[ImageReference], source_tag: str) -> tuple[Release, ...]:
    """The source of each target: the same repository at `source_tag`, or another one.

    Raises InputError where a source cannot be read or is the target itself.
    """
    releases = tuple(
        Release(source=_source(target, source_tag), target=target)
        for target in dict.fromkeys(targets)
    )
    repository = source_tag.rpartition(":")[0]
    if repository and not repository.endswith("/") and len(releases) > 1:
        raise InputError(
            f'`source-tag` "{source_tag}" names one repository, but {len(releases)} images are '
            f"released: give a tag alone, or a folder that ends with a slash (`staging/:latest`)."
        )
    for release in releases:
        if release.source == release.target:
            raise InputError(
                f"{release.target} would be released as itself: `tag` and `source-tag` are equal."
            )
    return releases


def decide(
    releases: Sequence[Release],
    sources: Mapping[ImageReference, str],
    targets: Mapping[ImageReference, str],
) -> tuple[TagChange, ...]:
    """What each release has to write, once all digests are known; nothing was written yet.

    sources, targets: reference → digest; empty or absent for what the registry does not have.

    Raises RegistryError naming every source that is not there; Conflict naming both digests of
    every version tag that has another image already. A tag that is no version may move.
    """
    raise_all(RegistryError, [_absent(r.source) for r in releases if not sources.get(r.source)])
    changes = tuple(
        TagChange(release=r, digest=sources[r.source], previous=targets.get(r.target, ""))
        for r in releases
    )
    raise_all(Conflict, [_taken(change) for change in changes if _is_conflict(change)])
    return changes


def is_version_tag(tag: str) -> bool:
    """Whether a tag reads as a version (`v1.2.0`, `1.2`): such a tag is never moved."""
    return _VERSION_TAG.match(tag) is not None


def _source(target: ImageReference, source_tag: str) -> ImageReference:
    repository, _, tag = source_tag.rpartition(":")
    try:
        if not repository:
            return target.with_tag(tag)
        path = repository.removeprefix(f"{target.registry}/")
        if path.endswith("/"):
            path += target.repository
        return ImageReference.parse(f"{target.registry}/{path}").with_tag(tag)
    except ValueError as error:
        raise InputError(f"`source-tag` {source_tag}: {error}") from None


def _absent(source: ImageReference) -> Problem:
    return Problem(
        message=f"{source} is not in the registry: push it first, or give another `source-tag`."
    )


def _is_conflict(change: TagChange) -> bool:
    return bool(change.previous) and change.needed and is_version_tag(change.release.target.tag)


def _taken(change: TagChange) -> Problem:
    return Problem(
        message=f"{change.release.target} exists already with {change.previous}, but "
        f"{change.release.source} is {change.digest}. A version is never moved: release a new "
        "version, or delete that tag in the registry."
    )
