"""``conformance webhook``: certify a partner's running webhook handler, written in anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conformance.cli.signing import PasswordOption, RoleOption, Signing, SignOption, signing

if TYPE_CHECKING:  # loaded when the command runs
    from conformance.cli.certifying import Asked


def webhook(
    url: Annotated[str, typer.Argument(help="Where the handler takes deliveries, such as http://127.0.0.1:9000/hook.")],
    product: Annotated[str, typer.Option(help="Whose events it is for: pools, gate or both.")] = "both",
    secret_variable: Annotated[
        str, typer.Option(help="Environment variable with the test secret the handler verifies with.")
    ] = "OBIT_WEBHOOK_SECRET",  # noqa: S107 - the name of the variable, not what is in it
    header: Annotated[str, typer.Option(help="The header that carries the signature.")] = "Gate-Signature",
    scheme: Annotated[
        str, typer.Option(help="How deliveries are signed: t-v1-hmac-sha256 or hmac-sha256-hex.")
    ] = "t-v1-hmac-sha256",
    tolerance: Annotated[int, typer.Option(help="Seconds a signed time may lie before or after now.")] = 300,
    effects_url: Annotated[
        str | None, typer.Option(help="Read-only probe that counts effects; {eventId} where the id belongs.")
    ] = None,
    effects_path: Annotated[str | None, typer.Option(help="Where its JSON has the count: count.")] = None,
    effects_command: Annotated[
        str | None,
        typer.Option(help='A command instead, as a JSON list: ["./count", "{eventId}"]. Runs without a shell.'),
    ] = None,
    effects_on: Annotated[
        list[str] | None,
        typer.Option(help="Event type that has an effect at the handler; repeatable. The three of 0Pools have."),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(help="What the account has at 0Gate: rails, customers, kyc_packages; repeatable."),
    ] = None,
    restart_command: Annotated[
        str | None, typer.Option(help="A command that restarts the handler, as a JSON list. Runs without a shell.")
    ] = None,
    confirm_test_handler: Annotated[
        bool, typer.Option("--confirm-test-handler", help="The handler is not on this machine, and it is a test one.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help="Only this requirement; repeatable.")] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; by default a new one under reports/.")] = None,
    seed: Annotated[int, typer.Option(hidden=True, help="Taken for the sake of repeated commands.")] = 0,
    sign: SignOption = None,
    signer_role: RoleOption = None,
    sign_password_variable: PasswordOption = None,
) -> None:
    """Send a handler genuine, forged, late, repeated and broken deliveries, and judge status, time and effects.

    Every event it is sent is invented and says so in its ids. Without a probe nothing shows that it deduplicates.
    """
    del seed  # nothing here is random but the names of the events, which must be new each time
    from conformance.cli import certifying

    signs = signing(sign, signer_role, sign_password_variable, os.environ)
    asked: Asked = certifying.Asked(
        url=url,
        product=product,
        secret_variable=secret_variable,
        header=header,
        scheme=scheme,
        tolerance=tolerance,
        effects_url=effects_url,
        effects_path=effects_path,
        effects_command=effects_command,
        effects_on=tuple(effects_on or ()),
        features=tuple(feature or ()),
        restart_command=restart_command,
        confirmed=confirm_test_handler,
        only=tuple(only or ()),
        output=output,
    )
    raise typer.Exit(_certified(asked, signs))


def _certified(asked: Asked, signs: Signing | None) -> int:
    """Run, sign where that is asked for, and give the exit code."""
    from conformance.cli import certifying
    from conformance.run import UsageProblem

    try:
        packet, folder = certifying.execute(asked, os.environ)
    except UsageProblem as problem:
        typer.echo(str(problem), err=True)
        return 2
    except KeyboardInterrupt:
        return 130
    if signs:
        from conformance.evidence.attestation import NotSigned

        try:
            typer.echo(signs.sign(packet, folder))
        except NotSigned as problem:
            typer.echo(str(problem), err=True)
    return packet.verdict.exit_code
