"""How a registry asks for a sign-in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.clients.registry.challenges import Challenge, Scheme, read_challenge

BEARER = 'Bearer realm="https://auth.x.io/token",service="x.io",scope="repository:a:pull"'
TOKEN = Challenge(
    scheme=Scheme.BEARER,
    realm="https://auth.x.io/token",
    service="x.io",
    scope="repository:a:pull",
)


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (BEARER, TOKEN),
        (BEARER.replace("Bearer", "bearer"), TOKEN),
        (f'Basic realm="x", {BEARER}', TOKEN),
        (f'{BEARER}, Basic realm="x"', TOKEN),
        ('Basic realm="Registry Realm"', Challenge(scheme=Scheme.BASIC, realm="Registry Realm")),
        ("Basic", Challenge(scheme=Scheme.BASIC)),
        ("BASIC realm=plain", Challenge(scheme=Scheme.BASIC, realm="plain")),
        ("", Challenge(scheme=Scheme.NONE)),
        ("Negotiate", Challenge(scheme=Scheme.NONE)),
        ('Bearer realm="http://[x"', Challenge(scheme=Scheme.NONE)),
        ('Bearer error="invalid_token"', Challenge(scheme=Scheme.NONE)),
    ],
)
def test_the_header_is_read(header: str, challenge: Challenge) -> None:
    """A token is taken where one is offered; else the password itself."""
    assert read_challenge(header) == challenge


def test_where_a_token_is_asked_for() -> None:
    """All rights in one question; the realm's own query stays."""
    assert TOKEN.token_url(("repository:a/b:pull,push", "repository:c:pull")) == (
        "https://auth.x.io/token?service=x.io&scope=repository%3Aa%2Fb%3Apull%2Cpush"
        "&scope=repository%3Ac%3Apull"
    )
    bare = Challenge(scheme=Scheme.BEARER, realm="https://x.io/t?a=1", scope="s")
    assert bare.token_url(()) == "https://x.io/t?a=1&scope=s"


@given(st.text('Bearer Basic realm="=,x:/\\', max_size=200))
def test_any_header_is_read(header: str) -> None:
    """Garbage is no challenge, or one that can be used."""
    challenge = read_challenge(header)
    assert (challenge.scheme is not Scheme.BEARER) or challenge.realm
