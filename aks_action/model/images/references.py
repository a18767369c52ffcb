"""Image references: `registry/repository:tag@digest`, read as Docker and containerd read them.

The rules are those of the distribution project's reference grammar: the first part of a name is
a registry only if it has a dot or a port, is `localhost` or has a capital letter; everything
else is on Docker Hub, whose official images live in `library/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

DOCKER_HUB = "docker.io"

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(
    rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[0-9a-fA-F:]+\])(?::(?P<port>[0-9]{{1,5}}))?"
)
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PATH_PART}(?:/{_PATH_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ImageReference:
    """One image's name, taken apart and complete: `nginx` is `docker.io` + `library/nginx`.

    `tag` and `digest` (`sha256:…`) are empty where the text had none; nothing is made up
    (`latest` is `tag_or_latest`). Two references that name the same image in different spellings
    are equal.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read `[registry/]path[:tag][@digest]`.

        Raises ValueError with one sentence; the caller knows the place and adds it.
        """
        name, at, digest = text.partition("@")
        if at:
            _check_digest(digest, text)
        head, colon, tag = name.rpartition(":")
        if colon and "/" not in tag:
            _check_tag(tag, text)
            name = head
        else:
            tag = ""
        registry, repository = _split_registry(name)
        _check_name(registry, repository, text)
        return cls(registry=registry, repository=repository, tag=tag, digest=digest)

    @classmethod
    def try_parse(cls, text: str) -> ImageReference | None:
        """The reference, or None for what is none (a template's `$(IMAGE)`, an empty field)."""
        try:
            return cls.parse(text)
        except ValueError:
            return None

    @property
    def name(self) -> str:
        """`registry/repository` in full: the key by which images are matched."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar_name(self) -> str:
        """The name as people write it: no `docker.io/`, no `library/`."""
        if self.registry != DOCKER_HUB:
            return self.name
        official = self.repository.removeprefix("library/")
        short = self.repository if "/" in official else official
        # `docker.io/0.0/app` must not become an image of a registry called 0.0.
        return short if _split_registry(short)[0] == DOCKER_HUB else self.name

    @property
    def normalized(self) -> str:
        """The whole reference with the registry spelled out."""
        return self.name + self._suffix

    @property
    def familiar(self) -> str:
        """The whole reference as `docker` prints it."""
        return self.familiar_name + self._suffix

    @property
    def tag_or_latest(self) -> str:
        """The tag that an engine would take."""
        return self.tag or "latest"

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def same_repository(self, other: ImageReference) -> bool:
        """Whether both name the same repository, whatever their tags and digests."""
        return self.name == other.name

    def with_tag(self, tag: str) -> ImageReference:
        """The same repository under another tag; the digest goes, as it was the old tag's.

        Raises ValueError when `tag` cannot be a tag.
        """
        _check_tag(tag, tag)
        return replace(self, tag=tag, digest="")

    def with_digest(self, digest: str) -> ImageReference:
        """The same reference pinned: `repository:tag@digest`. Raises ValueError."""
        _check_digest(digest, digest)
        return replace(self, digest=digest)

    def __str__(self) -> str:
        return self.familiar


def is_registry(text: str) -> bool:
    """Whether `text` can be a registry's host with an optional port, as in `ghcr.io:443`."""
    match = _DOMAIN.fullmatch(text)
    return match is not None and 0 < int(match["port"] or 443) < 65536


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not is_host:
        registry, repository = DOCKER_HUB, name
    else:
        registry, repository = first, rest
    if registry == "index.docker.io":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


def _check_name(registry: str, repository: str, text: str) -> None:
    path = repository.removeprefix("library/") if registry == DOCKER_HUB else repository
    if not path:
        raise ValueError(f'"{text}" is not an image reference: it has no repository.')
    if not is_registry(registry):
        raise ValueError(f'"{text}" is not an image reference: "{registry}" is no registry host.')
    if not _PATH.fullmatch(repository):
        hint = " (a repository is lower case)" if _PATH.fullmatch(repository.lower()) else ""
        raise ValueError(f'"{text}" is not an image reference: "{path}" is no repository{hint}.')
    if len(repository) > _LONGEST_NAME:
        raise ValueError(
            f'"{text[:60]}…" is not an image reference: its repository has {len(repository)} '
            f"characters, {_LONGEST_NAME} are allowed."
        )
    if re.fullmatch(r"[0-9a-f]{64}", path):
        raise ValueError(f'"{text}" is not an image reference: it is the id of an image.')


def _check_tag(tag: str, text: str) -> None:
    if not _TAG.fullmatch(tag):
        place = f' in "{text}"' if tag != text else ""
        raise ValueError(
            f'"{tag}"{place} is not a tag: 1 to 128 letters, digits, "_", "." and "-", '
            'not beginning with "." or "-".'
        )


def _check_digest(digest: str, text: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f'"{text}" has no valid digest after "@": expected sha256: and 64 hex.')
