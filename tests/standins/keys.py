"""The keys that the stand-ins sign with: new ones, or those that a test bed keeps.

An API server trusts one Entra for as long as it runs, so all stand-ins of a test bed share a key.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, kw_only=True)
class Keys:
    """authority: for HTTPS.    entra, registry: for tokens.

    certificate: the registry's, which a registry behind it has to be told.
    """

    authority: trustme.CA
    entra: rsa.RSAPrivateKey
    registry: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def made(cls) -> Keys:
        registry = _key()
        return cls(
            authority=trustme.CA(),
            entra=_key(),
            registry=registry,
            certificate=_certificate(registry),
        )

    @classmethod
    def kept(cls, folder: Path) -> Keys:
        """Those of a folder, made when there are none."""
        if not (folder / "registry.pem").exists():
            cls.made().keep(folder)
        return cls(
            authority=trustme.CA.from_pem(
                (folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes()
            ),
            entra=_read(folder / "entra.key"),
            registry=_read(folder / "registry.key"),
            certificate=x509.load_pem_x509_certificate((folder / "registry.pem").read_bytes()),
        )

    def keep(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "ca.pem").write_bytes(self.authority.cert_pem.bytes())
        (folder / "ca.key").write_bytes(self.authority.private_key_pem.bytes())
        (folder / "entra.key").write_bytes(_pem(self.entra))
        (folder / "registry.key").write_bytes(_pem(self.registry))
        (folder / "registry.pem").write_bytes(self.certificate_pem)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read(path: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry tokens")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
