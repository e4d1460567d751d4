"""The commands of ``conformance`` put together."""

from __future__ import annotations

import typer

from conformance.cli.doctor import doctor
from conformance.cli.faults import faults
from conformance.cli.init import init
from conformance.cli.judge import judge
from conformance.cli.observe import observe
from conformance.cli.packet import packet
from conformance.cli.reconcile import reconcile
from conformance.cli.report import report
from conformance.cli.requirements import requirements
from conformance.cli.run import run
from conformance.cli.sandbox import sandbox
from conformance.cli.verify import verify
from conformance.cli.webhook import webhook

app = typer.Typer(
    help="Certify a 0Bit environment, or an integration with it, against the published contract.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(init)
app.command()(doctor)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})(
    sandbox
)
app.command()(observe)
app.command()(judge)
app.command()(webhook)
app.command()(reconcile)
app.command()(packet)
app.command()(report)
app.command()(verify)
app.command()(requirements)
app.command()(faults)
