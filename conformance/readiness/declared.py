"""What a profile declares, looked at without sending anything: guard, keys, approval, accounts, recipes, webhooks."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.readiness.report import Check, State
from conformance.target import STANDINGS, Account, Target
from conformance.target.sections import RECIPES
from conformance.target.urls import PRODUCTION_HOSTS, host_of


def profile(target: Target, named: str) -> Check:
    """Which profile was loaded, by its digest, and whether the production guard is up. ``named``: as asked for."""
    text = f"{named}, sha256 {target.digests['profile'][:12]}…, environment {target.environment}; "
    reasons = guard_reasons(target)
    guard = f"up: only reads are sent ({', '.join(reasons)})" if reasons else "down"
    return Check("profile", State.NOTE if reasons else State.OK, f"{text}production guard {guard}")


def guard_reasons(target: Target) -> list[str]:
    """Why this target counts as production (design decision 11); empty when it does not."""
    hosts = [host for url in target.base_urls.values() if (host := host_of(url)) in PRODUCTION_HOSTS]
    live = [name for name, account in target.accounts.items() if account.holds_live_key]
    word = ["the profile says so"] if target.environment == "production" else []
    return [*word, *(f"{host} is production" for host in hosts), *(f"account {name} holds a live key" for name in live)]


def key_modes(target: Target) -> Check:
    """Whether the keys' modes, told by their published shapes, fit the environment."""
    modes = {name: _modes(account) for name, account in target.accounts.items()}
    live = sorted(name for name, found in modes.items() if "live" in found and not target.accounts[name].disposable)
    if target.is_production:
        tested = sorted(name for name, found in modes.items() if found != {"live"})
        if tested:
            return Check("key modes", State.WARNING, f"production expects live keys; not so for {', '.join(tested)}")
        return Check("key modes", State.OK, f"live, as production expects ({', '.join(live)})")
    disposable = [name for name, account in target.accounts.items() if account.disposable]
    beside = f"; {', '.join(disposable)} is disposable, made to be refused" if disposable else ""
    return Check("key modes", State.OK, f"no live key among {len(modes)} account(s){beside}")


def _modes(account: Account) -> set[str]:
    keys = (account.secret_key, account.publishable_key)
    return {"live" if key.is_live else "other" for key in keys if key is not None}


def approval(target: Target) -> Check:
    """Whether there is an approval record, and whether it was given for this environment."""
    record = target.approval
    if record is None:
        return Check("approval", State.NOTE, f"no record: {target.lacking('approval')}")
    described = f"for {record.environment}, {len(record.pools)} pool(s), sha256 {record.digest[:12]}…"
    if record.environment != target.environment:
        return Check(
            "approval",
            State.WRONG,
            f"the record is {described}, the target is {target.environment}; name the record of this environment",
        )
    return Check("approval", State.OK, described)


def accounts(target: Target) -> Check:
    """Which accounts there are, and which variable or section would provide each of the others."""
    unset = [name for name in STANDINGS if name in target.missing and name not in target.accounts]
    unnamed = [name for name in STANDINGS if name not in target.accounts and name not in target.missing]
    absent = [f"{name} (export {target.missing[name]})" for name in unset]
    if "publishable_key" in target.missing:
        absent.append(f"the publishable key of approved (export {target.missing['publishable_key']})")
    return _inventory("accounts", target.accounts, absent, unnamed, "[accounts.…]")


def recipes(target: Target) -> Check:
    """Which outcomes the profile says how to bring about."""
    return _inventory("recipes", target.outcomes, [], [n for n in RECIPES if n not in target.outcomes], "[outcomes.…]")


def _inventory(subject: str, have: Iterable[str], unset: list[str], unnamed: list[str], section: str) -> Check:
    parts = [f"have {', '.join(have) or 'none'}"]
    parts += [f"unset: {', '.join(unset)}"] if unset else []
    parts += [f"not in the profile ({section}): {', '.join(unnamed)}"] if unnamed else []
    return Check(subject, State.NOTE if unset or unnamed else State.OK, "; ".join(parts))


def webhooks(target: Target, product: str) -> Check:
    """Whether deliveries of a product can be received and verified."""
    missing = target.lacking("webhooks" if product == "pools" else "gate_webhooks")
    if missing:
        return Check("webhooks", State.NOTE, missing)
    found = target.webhooks[product]
    where = found.public_url or f"{found.listen_host}:{found.listen_port or 'any free port'}"
    return Check("webhooks", State.OK, f"received at {where}, verified by {found.header} ({found.scheme})")


def handler(target: Target) -> Check:
    """Whether there is a handler to be certified."""
    missing = target.lacking("handler")
    if missing or target.handler is None:
        return Check("handler", State.NOTE, missing or "none")
    return Check("handler", State.OK, f"{target.handler.url}, with a probe of its effects")
