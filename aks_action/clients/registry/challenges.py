"""How a registry asks for a sign-in: the `WWW-Authenticate` header (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode, urlsplit, urlunsplit

_SCHEME = re.compile(r"(?:^|,)\s*(basic|bearer)(?=\s|$)", re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Za-z_]+)="([^"]*)"|([A-Za-z_]+)=([^\s,"]+)')
_LONGEST = 4096


class Scheme(StrEnum):
    """The ways of signing in that registries use."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What was asked for. `realm` is the token server's URL for BEARER."""

    scheme: Scheme
    realm: str = ""
    service: str = ""
    scope: str = ""

    def token_url(self, scopes: tuple[str, ...]) -> str:
        """Where a token for these scopes is asked for (distribution's token specification)."""
        parts = urlsplit(self.realm)
        query = [("service", self.service)] if self.service else []
        query += [("scope", scope) for scope in scopes or ((self.scope,) if self.scope else ())]
        text = "&".join(filter(None, (parts.query, urlencode(query))))
        return urlunsplit((parts.scheme, parts.netloc, parts.path, text, ""))


NO_CHALLENGE = Challenge(scheme=Scheme.NONE)


def read_challenge(header: str) -> Challenge:
    """The best challenge of a header: a token where one is offered, else the password itself."""
    found = NO_CHALLENGE
    header = header[:_LONGEST]
    marks = list(_SCHEME.finditer(header))
    for number, mark in enumerate(marks, start=1):
        text = header[mark.end() : marks[number].start() if number < len(marks) else None]
        values = {
            (match[1] or match[3]).lower(): match[2] or match[4] or ""
            for match in _PARAMETER.finditer(text)
        }
        if mark[1].lower() == "bearer" and _is_url(values.get("realm", "")):
            return Challenge(
                scheme=Scheme.BEARER,
                realm=values["realm"],
                service=values.get("service", ""),
                scope=values.get("scope", ""),
            )
        if mark[1].lower() == "basic":
            found = Challenge(scheme=Scheme.BASIC, realm=values.get("realm", ""))
    return found


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError:
        return False
