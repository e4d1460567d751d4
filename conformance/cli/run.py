"""``conformance run``: judge a target and leave with the verdict's exit code."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conformance.cli.signing import PasswordOption, RoleOption, Signing, SignOption, signing

if TYPE_CHECKING:  # loaded when a run starts
    from conformance.evidence import Packet

StatementsOption = Annotated[
    list[Path] | None, typer.Option(help="TOML file with what its owner states for the launch packet; repeatable.")
]

PLUGINS = (
    "cacheprovider",
    "terminal",
    "junitxml",
    "pastebin",
    "stepwise",
    "doctest",
    "unittest",
    "faulthandler",
    "unraisableexception",
    "threadexception",
)
"""Parts of pytest a run has no use for; what the user sees comes from the evidence."""


FOREIGN = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
"""Variables with which users steer pytest sessions of their own; here they would select and change scenarios."""


def run(
    target: Annotated[str | None, typer.Option(help="Profile name or file; without it the embedded sandbox.")] = None,
    tier: Annotated[str, typer.Option(help="smoke, certify or regress.")] = "certify",
    scope: Annotated[str | None, typer.Option(help="partner or operator.")] = None,
    step: Annotated[list[int] | None, typer.Option(help="Only this step of the smoke plan; repeatable.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this requirement; repeatable.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides everything random.")] = None,
    budget: Annotated[float | None, typer.Option(help="Seconds of generated traffic (regress; 60).")] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; by default a new one under reports/.")] = None,
    known_failures: Annotated[Path | None, typer.Option(help="TOML file of known failures.")] = None,
    product: Annotated[list[str] | None, typer.Option(help="Only this product: pools or gate; repeatable.")] = None,
    skip_machines: Annotated[
        bool, typer.Option("--skip-machines", help="Leave the state machines out: quicker, never launch evidence.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="End once a requirement that was asked for has failed.")
    ] = False,
    sandbox_fault: Annotated[list[str] | None, typer.Option(help="Seed a fault into the embedded sandbox.")] = None,
    sandbox_dialect: Annotated[list[str] | None, typer.Option(help="Legal variation of the embedded sandbox.")] = None,
    partner_fault: Annotated[str | None, typer.Option(help="Seed a fault into the example partner.")] = None,
    cards_fault: Annotated[str | None, typer.Option(help="Seed a fault into the example card program.")] = None,
    statements: StatementsOption = None,
    controlled_order: Annotated[
        bool, typer.Option("--controlled-order", help="Production: place the one first order, and nothing else.")
    ] = False,
    max_amount: Annotated[
        str | None, typer.Option(help="With --controlled-order: EUR it may cost at the most, fees included: 25.00.")
    ] = None,
    orders_fault: Annotated[str | None, typer.Option(help="Seed a fault into the example order client.")] = None,
    sign: SignOption = None,
    signer_role: RoleOption = None,
    sign_password_variable: PasswordOption = None,
) -> None:
    """Judge a target: every requirement gets a verdict, the run gets one, and the evidence is written."""
    from conformance.run import Options

    if target == "":
        typer.echo(
            "--target is empty: name a profile or a file, or leave the option out for the embedded sandbox",
            err=True,
        )
        raise typer.Exit(2)
    signs = signing(sign, signer_role, sign_password_variable, os.environ)
    options = Options(
        target=target,
        tier=tier,
        scope=scope,
        steps=tuple(step or ()),
        only=tuple(only or ()),
        seed=seed,
        budget=budget,
        output=output,
        known_failures=known_failures,
        products=tuple(product or ()),
        machines=not skip_machines,
        fail_fast=fail_fast,
        faults=tuple(sandbox_fault or ()),
        dialects=tuple(sandbox_dialect or ()),
        partner_fault=partner_fault,
        cards_fault=cards_fault,
        orders_fault=orders_fault,
        statements=tuple(statements or ()),
    )
    if controlled_order or max_amount is not None:
        from conformance.cli import controlled

        raise typer.Exit(controlled.execute(options, max_amount, signs, asked=controlled_order))
    raise typer.Exit(execute(options, signs))


def _cache() -> Path:
    """Where Hypothesis keeps its tables from run to run; left to itself, wherever the user happens to be."""
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        caches = Path(tempfile.gettempdir())
    return caches / "obit-conformance"


def execute(options: object, signs: Signing | None) -> int:
    """Prepare, run the scenarios under pytest in this process, sign, and return the verdict's exit code."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(_cache()))
    import pytest
    from rich.console import Console

    from conformance import plugin
    from conformance.progress import Progress
    from conformance.run import Options, UsageProblem, prepare

    assert isinstance(options, Options)
    try:
        prepared = prepare(options, os.environ)
        reachable = plugin.tried(prepared)
    except UsageProblem as problem:
        typer.echo(str(problem), err=True)
        return 2
    held = plugin.Session(prepared, prepared.benches[0], controller=True, reachable=reachable)
    # Scenarios speak through their judge, never by bare asserts that would want rewriting.
    arguments = ["--pyargs", "conformance.scenarios", "-p", "no:randomly", "--import-mode=importlib", "--assert=plain"]
    arguments += [word for name in PLUGINS for word in ("-p", f"no:{name}")]
    arguments += ["-c", os.devnull, "--rootdir", str(Path(plugin.__file__).parent)]
    progress = Progress(Console(stderr=True), prepared)
    try:
        with progress:
            code = pytest.main(arguments, plugins=[held, plugin, progress])
    except KeyboardInterrupt:
        return 130
    if held.packet is None:
        typer.echo(f"the scenarios could not be run (pytest ended with {code})", err=True)
        return 4
    if signs:
        sign_run(signs, held.packet, prepared.folder)
    return 130 if held.interrupted else held.packet.verdict.exit_code


def sign_run(signs: Signing, packet: Packet, run_folder: Path) -> None:
    """Sign the run, or say why it is not signed: the verdict stands either way."""
    from conformance.evidence.attestation import NotSigned

    try:
        typer.echo(signs.sign(packet, run_folder))
    except NotSigned as problem:
        typer.echo(str(problem), err=True)
