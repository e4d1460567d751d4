"""Key pairs as PEM files, made for the tests and thrown away with them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

PASSWORD = "correct horse battery staple"

MAKERS = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
}
USABLE = tuple(MAKERS)


@cache
def private(kind: str) -> PrivateKeyTypes:
    """One key of each kind."""
    others = {
        "ed448": ed448.Ed448PrivateKey.generate,
        "ecdsa-secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
        "rsa-1024": lambda: rsa.generate_private_key(65537, 1024),
        "another ed25519": ed25519.Ed25519PrivateKey.generate,
    }
    made: PrivateKeyTypes = (MAKERS | others)[kind]()
    return made


def private_pem(kind: str = "ed25519", password: str | None = None) -> bytes:
    """The private key as a PEM file holds it."""
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    return private(kind).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(kind: str = "ed25519") -> bytes:
    """The public key as a PEM file holds it."""
    return private(kind).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def written(folder: Path, kind: str = "ed25519", password: str | None = None) -> tuple[Path, Path]:
    """Private and public key as files."""
    private_file, public_file = folder / f"{kind}.pem", folder / f"{kind}.pub.pem"
    private_file.write_bytes(private_pem(kind, password))
    public_file.write_bytes(public_pem(kind))
    return private_file, public_file
