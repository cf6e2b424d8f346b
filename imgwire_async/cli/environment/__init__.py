"""The commands for the environment of a key: CORS origins, custom domain, metrics, and the key itself."""

from __future__ import annotations

from typing import Final

import typer

from imgwire_async.cli.environment.domain import domain
from imgwire_async.cli.environment.key import whoami
from imgwire_async.cli.environment.login import NO_KEY, login, logout
from imgwire_async.cli.environment.metrics import metrics
from imgwire_async.cli.environment.origins import cors

_SUBJECT: Final = "Environment"


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(rich_help_panel=_SUBJECT, context_settings=NO_KEY)(login)
    app.command(rich_help_panel=_SUBJECT)(logout)
    app.add_typer(cors, name="cors", rich_help_panel=_SUBJECT)
    app.add_typer(domain, name="domain", rich_help_panel=_SUBJECT)
    app.command(rich_help_panel=_SUBJECT)(metrics)
    app.command(rich_help_panel=_SUBJECT)(whoami)
