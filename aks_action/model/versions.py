"""What kind of release a version names: it decides which environment the release goes to."""

from __future__ import annotations

import re
from enum import StrEnum


class ReleaseType(StrEnum):
    """The kinds of release; NONE for what is no version, like `latest`, or an unknown one."""

    STABLE = "stable"
    RC = "rc"
    BETA = "beta"
    ALPHA = "alpha"
    NONE = ""


_VERSION = re.compile(
    r"v?\d+(?:\.\d+)*"  # v1.2.0
    r"(?:[-._]?(?P<pre>[a-z]+)[-._]?\d*(?:\.\d+)*)?"  # -rc.1, rc1, -beta.2, a1
    r"(?:\+[0-9a-z.-]+)?",  # +build.5, which says nothing about the kind (SemVer 2.0, item 10)
    re.IGNORECASE,
)
_TYPES = {
    "rc": ReleaseType.RC,
    "c": ReleaseType.RC,
    "beta": ReleaseType.BETA,
    "b": ReleaseType.BETA,
    "alpha": ReleaseType.ALPHA,
    "a": ReleaseType.ALPHA,
}


def release_type(version: str) -> ReleaseType:
    """The kind of release that `version` is, by SemVer 2.0 and PEP 440 spellings.

    A pre-release of another name (`v1.0.0-dev`) is NONE: it must never pass for a stable one.
    """
    match = _VERSION.fullmatch(version)
    if not match:
        return ReleaseType.NONE
    pre = match["pre"]
    return _TYPES.get(pre.lower(), ReleaseType.NONE) if pre else ReleaseType.STABLE
