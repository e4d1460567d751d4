"""A run spends what its profile allows and no more, and writes nothing to production."""

from __future__ import annotations

from pathlib import Path

import httpx

from conformance.journal import Outcome

from .command import KEY, TIME_PASSES, bare, conformance, judgements, sandbox
from .liars import lying

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


def test_no_more_trades_than_allowed_and_the_limit_is_named(tmp_path: Path) -> None:
    with sandbox("--control") as served:
        profile = bare(tmp_path, served.url, trades=3, further=TIME_PASSES)
        run = conformance("run", "--target", profile, "--output", "run", cwd=tmp_path)
        page = httpx.get(f"{served.url}/pools/trades?limit=100", headers=AUTHORIZED).json()
    assert run.code == 3
    assert 1 <= len(page["trades"]) <= 3
    assert "limits.trades allows 3 trades" in run.out
    assert "could be provided by: the author of the profile" in run.out
    unspent = judgements(tmp_path / "run", "POOLS-TRADES-PAGES")
    assert {j.outcome for j in unspent} == {Outcome.NOT_EVIDENCED}
    assert any("limits.trades allows 3 trades" in j.missing for j in unspent)
    assert "NONCONFORMANT" not in run.out


def test_no_more_fiat_than_allowed(tmp_path: Path) -> None:
    with sandbox("--control") as served:
        profile = bare(tmp_path, served.url, further=TIME_PASSES)
        profile.write_text(profile.read_text().replace('notional = "100000.00"', 'notional = "25.00"'))
        run = conformance("run", "--target", profile, "--step", 5, "--step", 6, cwd=tmp_path)
        page = httpx.get(f"{served.url}/pools/trades?limit=100", headers=AUTHORIZED).json()
    assert run.code == 3
    assert len(page["trades"]) in (1, 2)
    assert "limits.notional allows 25.00" in run.out


def test_production_is_only_read(tmp_path: Path) -> None:
    with sandbox() as served, lying(served.origin) as liar:
        profile = bare(tmp_path, liar.url, environment="production")
        run = conformance("run", "--target", profile, "--output", "run", cwd=tmp_path)
        methods = {asked.method for asked in liar.asked}
    assert methods == {"GET"}
    assert run.code == 3
    assert "bare is production: only reads are sent there, not POST" in run.out
    assert judgements(tmp_path / "run", "POOLS-TRANSACT-ONCE", Outcome.NOT_EVIDENCED)
    assert judgements(tmp_path / "run", "POOLS-BALANCE-CONTEXT", Outcome.PASS)


def test_a_live_key_makes_a_target_production_whatever_the_profile_says(tmp_path: Path) -> None:
    live = "sk_live_0123456789abcdef"
    with sandbox("--mode", "live", OBIT_SANDBOX_APPROVED_SECRET_KEY=live) as served, lying(served.origin) as liar:
        profile = bare(tmp_path, liar.url)
        words = ["run", "--target", profile, "--step", "3", "--step", "5"]
        run = conformance(*words, cwd=tmp_path, OBIT_POOLS_SECRET_KEY=live)
        methods = {asked.method for asked in liar.asked}
    assert methods == {"GET"}
    assert "bare is production: only reads are sent there, not POST" in run.out
