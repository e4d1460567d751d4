"""Profiles for the doctor's tests: a running sandbox described as somebody else's, by a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Doctor = Callable[..., Result]
"""``conformance doctor`` with these words."""

BARE = """
[target]
name = "elsewhere"
environment = "{environment}"
{approval}

[target.pools]
base_url = "{url}"

[accounts.approved]
secret_key = "THEIR_KEY"

[accounts.other_partner]
secret_key = "OTHER_KEY"

[limits]
trades = {trades}
notional = "{notional}"
requests_per_second = 1000

[patience]
settle = 10
request = 5
delivery = {delivery}
poll_every = 0.05
"""

WEBHOOKS = """
[webhooks.pools]
secret = "THEIR_HOOK"
header = "{header}"

[outcomes.webhook_endpoint]
calls = [{{ url = "/_sandbox/webhooks/endpoint", body = {{ account = "{{account}}", url = "{{url}}" }} }}]
"""

APPROVAL = """
partner_id = "approved"
product = "wallet"
requested_pools = ["EUR-USDT"]
approved_environment = "{environment}"
approved_sides = ["buy"]
funding_model = "prefunded_balance"
webhook_verified = true
support_escalation_ready = true
"""


def written(
    folder: Path,
    url: str,
    *,
    environment: str = "sandbox",
    trades: int = 100,
    notional: str = "5000.00",
    delivery: int = 10,
    approved_for: str = "",
    header: str = "",
) -> str:
    """A profile as a file; with an approval record for ``approved_for``, with webhooks where a ``header`` is given."""
    approval = ""
    if approved_for:
        (folder / "approval.toml").write_text(APPROVAL.format(environment=approved_for))
        approval = 'approval = "approval.toml"'
    text = BARE.format(
        environment=environment, approval=approval, url=url, trades=trades, notional=notional, delivery=delivery
    )
    if header:
        text += WEBHOOKS.format(header=header)
    path = folder / "elsewhere.toml"
    path.write_text(text)
    return str(path)
