"""JSON Web Tokens as an OpenID provider signs them (RFC 7515, 7517, 7519)."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm


class Issuer:
    """Signs by an RSA key, and checks what it has signed. key: None for one of its own."""

    def __init__(self, url: str, key: rsa.RSAPrivateKey | None = None) -> None:
        self.url = url
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self.key.public_key().public_numbers()
        self.kid = hashlib.sha256(str(numbers.n).encode()).hexdigest()[:32]

    def sign(self, seconds: float, **claims: Any) -> str:
        """A token that lives `seconds`."""
        now = time.time()
        times = {"iat": int(now), "nbf": int(now), "exp": int(now + seconds)}
        return jwt.encode(
            {"iss": self.url, **times, **claims},
            self.key,
            algorithm="RS256",
            headers={"kid": self.kid},
        )

    def read(self, token: str, audience: str) -> dict[str, Any]:
        """The claims, after all checks. Raises jwt.InvalidTokenError."""
        return jwt.decode(
            token,
            self.key.public_key(),
            algorithms=["RS256"],
            audience=audience,
            issuer=self.url,
            options={"require": ["exp", "iat", "sub"]},
        )

    def keys(self) -> dict[str, Any]:
        """The JWK set."""
        key = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**key, "kid": self.kid, "use": "sig", "alg": "RS256"}]}
