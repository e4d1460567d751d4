"""Who is calling: the keys of every standing, and the checks of key, mode and kind (gates 2 to 4).

What an account may do once it is known is decided by the product.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from conformance.sandbox.refusal import Refusal

WRONG_MODE = "wrong_mode"


class Kind(StrEnum):
    """What a key may be used for."""

    SECRET = "secret"  # noqa: S105 - the word, not a secret
    PUBLISHABLE = "publishable"


class KeyringError(ValueError):
    """Two standings were given the same key."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A known key: whose it is, of which kind and for which mode."""

    account: str
    kind: Kind
    mode: str


@dataclass(frozen=True, slots=True)
class Keyring:
    """All known keys, and the webhook secret of each account."""

    credentials: Mapping[str, Credential]
    webhook_secrets: Mapping[str, str]


def other_mode(mode: str) -> str:
    return "live" if mode == "test" else "test"


def from_environment(environment: Mapping[str, str], accounts: Iterable[str], mode: str) -> Keyring:
    """Keys from ``OBIT_SANDBOX_<ACCOUNT>_SECRET_KEY``, ``_PUBLISHABLE_KEY`` and ``_WEBHOOK_SECRET``.

    Unset or empty variables fall back to fixed development values such as ``sk_test_sandbox_approved``, which
    open nothing but this sandbox. Raises ``KeyringError`` when one key would belong to two accounts.
    """
    credentials: dict[str, Credential] = {}
    webhook_secrets: dict[str, str] = {}
    for account in accounts:
        prefix = f"OBIT_SANDBOX_{account.upper()}"
        its_mode = other_mode(mode) if account == WRONG_MODE else mode
        for kind, short in ((Kind.SECRET, "sk"), (Kind.PUBLISHABLE, "pk")):
            variable = f"{prefix}_{kind.name}_KEY"
            key = environment.get(variable) or f"{short}_{its_mode}_sandbox_{account}"
            if key in credentials:
                raise KeyringError(f"{variable} holds a key that another account or kind already has")
            credentials[key] = Credential(account, kind, its_mode)
        webhook_secrets[account] = environment.get(f"{prefix}_WEBHOOK_SECRET") or f"whsec_sandbox_{account}"
    return Keyring(credentials, webhook_secrets)


def authenticate(keyring: Keyring, authorization: str | None) -> Credential:
    """The credential named by ``Authorization: Bearer <key>``; 401 when there is none that is known."""
    scheme, _, key = (authorization or "").partition(" ")
    credential = keyring.credentials.get(key.strip()) if scheme.lower() == "bearer" else None
    if credential is None:
        raise Refusal(401, "unauthorized", "a valid API key is required", {"WWW-Authenticate": "Bearer"})
    return credential


def check_mode(credential: Credential, mode: str) -> None:
    """403 ``key_mode_mismatch`` for a key of the other environment."""
    if credential.mode != mode:
        raise Refusal(403, "key_mode_mismatch", "this key belongs to the other environment")


def check_kind(credential: Credential, accepted: tuple[Kind, ...]) -> None:
    """403 ``key_mode_mismatch`` for a publishable key on a server operation; pages also give 401."""
    if credential.kind not in accepted:
        raise Refusal(403, "key_mode_mismatch", "this operation needs a secret key")
