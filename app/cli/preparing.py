"""Getting the chat model ready before a question waits for it, and saying so when that takes long."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import typer

from kb.errors import ModelError

if TYPE_CHECKING:
    from app.wiring import AnswerSide


async def prepare_chat_model(side: "AnswerSide") -> None:
    """Load the chat model; what is done once for a machine is said on stderr. A model that cannot be loaded is said
    too, and questions are then answered with the pages' own sentences."""
    has_begun = False
    try:
        async with aclosing(side.chat_model.prepare()) as lines:
            async for line in lines:
                if not has_begun:
                    typer.echo("preparing the chat model for this machine, once:", err=True)
                has_begun = True
                typer.echo(f"  {line}", err=True)
    except ModelError as exc:
        typer.echo(f"footnote: the chat model cannot be used: {exc}", err=True)
