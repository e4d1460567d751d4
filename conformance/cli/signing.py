"""The options that sign a run, shared by ``run`` and ``report``, and what they stand for."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # loaded only by a run that signs: start-up time counts
    from securesystemslib.signer import CryptoSigner

    from conformance.evidence import Packet
    from conformance.evidence.attestation import SignerRole

SignOption = Annotated[
    Path | None, typer.Option("--sign", help="PEM file of a private key: sign the verdict into attestation.json.")
]
RoleOption = Annotated[
    str | None, typer.Option("--signer-role", help="As whom to sign: partner (the default) or operator.")
]
PasswordOption = Annotated[
    str | None,
    typer.Option("--sign-password-variable", help="Environment variable with the password of an encrypted key."),
]


@dataclass(frozen=True, slots=True)
class Signing:
    """A key that was found usable, and the role it signs in."""

    signer: CryptoSigner
    role: SignerRole

    def sign(self, packet: Packet, run_folder: Path) -> str:
        """Sign a run; returns what to tell the user. Raises ``NotSigned``."""
        from conformance.evidence import attestation

        path = attestation.sign(packet, run_folder, self.signer, self.role)
        return f"signed as {self.role} with key {self.signer.public_key.keyid[:16]}: {path}"


def signing(
    key: Path | None, role: str | None, password_variable: str | None, environ: MutableMapping[str, str]
) -> Signing | None:
    """What the options ask for; None when no key is given. Ends the command with exit code 2 when they are wrong.

    The password is taken out of ``environ``, so that no process started later inherits it.
    """
    if key is None:
        for option, value in (("--signer-role", role), ("--sign-password-variable", password_variable)):
            if value is not None:
                raise _wrong(f"{option} says how to sign, and --sign KEY.pem is missing")
        return None
    from conformance.evidence.attestation import SignerRole
    from conformance.evidence.signing_keys import KeyProblem, signer

    if role is not None and role not in set(SignerRole):
        raise _wrong(f"--signer-role {role!r} is not known; choose {', '.join(SignerRole)}")
    password = None
    if password_variable is not None:
        password = environ.pop(password_variable, "")
        if not password:
            raise _wrong(
                f"--sign-password-variable: {password_variable} is not set; expected the password of {key} in it"
            )
    try:
        return Signing(signer(key, password), SignerRole(role or SignerRole.PARTNER))
    except KeyProblem as problem:
        raise _wrong(f"--sign {problem}") from None


def _wrong(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(2)
