"""`footnote eval CONVERSATIONS.jsonl`: follow-ups measured."""

from pathlib import Path

from rich.console import Console
from rich.progress import track

from app.cli.printing import make_console, print_line, print_table
from app.dialogues import Dialogue, DialogueVerdict, judge_dialogues, read_dialogues
from app.report_dialogues import COLUMNS, TITLE, dialogue_rows
from app.settings import Settings


async def measure_dialogues(settings: Settings, path: Path, *, is_quiet: bool) -> list[DialogueVerdict]:
    """A verdict on each conversation of the file. Raises ConfigError."""
    from app.wiring import open_answer_side

    console = Console(stderr=True)
    dialogues = read_dialogues(path)
    verdicts: list[DialogueVerdict] = []
    async with open_answer_side(settings) as side:
        chat_model = side.chat_model if settings.answering.follow_ups == "chat_model" else None
        principal = await side.knowledge_base.catalogue.access.principal(settings.tenant, None)
        shown = track(dialogues, "asking", console=console, disable=is_quiet or not console.is_terminal)
        for each in shown:
            one: list[Dialogue] = [each]
            async for verdict in judge_dialogues(one, side.answerer, principal, chat_model=chat_model):
                verdicts.append(verdict)
    return verdicts


def print_dialogues(verdicts: list[DialogueVerdict], *, show_wrong: bool) -> None:
    """A line a group; `show_wrong`: and each last turn that was not found, or found later than without history."""
    console = make_console()
    print_table(console, COLUMNS, dialogue_rows(verdicts), title=TITLE)
    for verdict in verdicts if show_wrong else ():
        if verdict.outcome != "ok":
            ranks = f"rank {verdict.rank_with or '–'}, without history {verdict.rank_without or '–'}"
            print_line(console, f"\n{verdict.question}\n  asked as: {verdict.asked}\n  {ranks}")
