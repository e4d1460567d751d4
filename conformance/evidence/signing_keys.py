"""Reading the PEM keys an attestation is signed and verified with. What a key's file holds is never repeated.

What gets signed, and what a signature is worth, is next door (``attestation``, ``verification``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the libraries are loaded only by a run that signs: start-up time counts
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from securesystemslib.signer import CryptoSigner, SSlibKey

LARGEST = 1 << 16
"""Bytes. The PEM file of a key takes a few thousand."""

SMALLEST_RSA = 2048
"""Bits."""

KINDS = f"Ed25519, ECDSA (P-256, P-384 or P-521) or RSA ({SMALLEST_RSA} bits or more)"
PRIVATE = f"the PEM file of one private key, {KINDS}"
PUBLIC = f"the PEM file of one public key (BEGIN PUBLIC KEY), {KINDS}"


class KeyProblem(Exception):
    """A key cannot be used: names the file, what was found and what was expected, and nothing of its content."""


def signer(path: Path, password: str | None) -> CryptoSigner:
    """The signer a private key stands for. ``password`` is None for a key that is not encrypted.

    Raises ``KeyProblem``.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    pem = _read(path, PRIVATE)
    # Raised from None throughout: a library's own words could quote the file.
    try:
        private: PrivateKeyTypes = load_pem_private_key(pem, None if password is None else password.encode())
    except TypeError:
        found = "it is encrypted, and no password was given" if password is None else "it is not encrypted"
        fix = "; name its variable with" if password is None else ": leave out"
        raise KeyProblem(f"{path}: {found}{fix} --sign-password-variable") from None
    except ValueError:
        if password is not None and b"PRIVATE KEY" in pem:
            raise KeyProblem(
                f"{path}: the password does not open it; expected the password of this key, and {PRIVATE}"
            ) from None
        raise KeyProblem(f"{path}: found {_label(pem)}; expected {PRIVATE}") from None
    except UnsupportedAlgorithm:
        raise KeyProblem(f"{path}: found a key of another kind; expected {PRIVATE}") from None
    public = _usable(path, private.public_key(), PRIVATE)
    return CryptoSigner(private, public)


def verifier(path: Path) -> SSlibKey:
    """The public key a signature is checked with. Raises ``KeyProblem``."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _read(path, PUBLIC)
    try:
        public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblem(f"{path}: found {_label(pem)}; expected {PUBLIC}") from None
    return _usable(path, public, PUBLIC)


def _usable(path: Path, public: object, expected: str) -> SSlibKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from securesystemslib.signer import SSlibKey

    if not isinstance(public, Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey):
        raise KeyProblem(f"{path}: found a key of another kind; expected {expected}")
    if isinstance(public, RSAPublicKey) and public.key_size < SMALLEST_RSA:
        raise KeyProblem(f"{path}: found an RSA key of {public.key_size} bits; expected {expected}")
    try:
        return SSlibKey.from_crypto(public)
    except ValueError:
        raise KeyProblem(f"{path}: found a key on a curve nobody verifies; expected {expected}") from None


def _read(path: Path, expected: str) -> bytes:
    try:
        with path.open("rb") as file:
            pem = file.read(LARGEST + 1)
    except OSError as problem:
        raise KeyProblem(f"{path}: cannot be read ({problem.strerror}); expected {expected}") from None
    if len(pem) > LARGEST:
        raise KeyProblem(f"{path}: found more than {LARGEST} bytes; expected {expected}")
    return pem


def _label(pem: bytes) -> str:
    """What a PEM file says it is, which is no secret."""
    found = re.search(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----", pem)
    return f"{found[1].decode()!r} that does not read as one" if found else "no PEM"
