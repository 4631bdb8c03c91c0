"""`footnote demo`: sync, three questions, serve; or one question."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from app.answering.types import Question
from app.cli.preparing import prepare_chat_model
from app.cli.printing import make_console, print_answer
from app.cli.running import OUR_MISTAKE, global_options, run
from app.cli.serving import serve_until_stopped
from app.cli.syncing import sync_and_show
from app.settings import Settings
from app.wiring import AnswerSide, open_answer_side

# The wiki cannot answer the last one: it tells of dogs in the offices, and of no other animal.
QUESTIONS = (
    "How many days of annual leave can I carry over?",
    "How do I roll back a bad Kestrel firmware update?",
    "May I bring my parrot to the Porto office?",
)


def demo(
    context: typer.Context,
    *,
    question: Annotated[str | None, typer.Option("--ask", metavar="QUESTION", help="Ask this and exit.")] = None,
) -> None:
    """Sync the configured sources, answer three questions, then serve until Ctrl-C."""
    settings = global_options(context).settings()
    is_synced = run(_sync_and_ask(settings, (question,) if question is not None else QUESTIONS))
    if not is_synced:
        raise typer.Exit(OUR_MISTAKE)
    if question is None:
        run(serve_until_stopped(settings))


async def _sync_and_ask(settings: Settings, questions: tuple[str, ...]) -> bool:
    async with open_answer_side(settings) as side:
        reports = await sync_and_show(side.knowledge_base, [])
        if any(report.reason for report in reports):
            return False
        await prepare_chat_model(side)
        for question in questions:
            await _ask(make_console(), side, question)
    return True


async def _ask(console: Console, side: AnswerSide, question: str) -> None:
    console.print()
    console.print(Text(question, style="bold"))
    principal = await side.knowledge_base.catalogue.access.principal(side.settings.tenant, None)
    print_answer(console, await side.answerer.answer(Question(text=question), principal))
