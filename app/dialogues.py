"""Measures follow-ups: is the gold section found for the last turn of a conversation, with its history and without?"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from app.answering.ports import QuestionAnswerer
from app.answering.rewording import make_standalone
from app.answering.types import Passage, Question, SearchScope, Turn
from app.chat_models.base import ChatModel
from app.evaluation import FoundSection, found_section
from app.gold import GoldQuestion
from kb.access import Principal
from kb.errors import ConfigError

# The gold section is looked for among that many.
DEPTH = 5
# Found; found later than without the history; not found.
DialogueOutcome: TypeAlias = Literal["ok", "later", "missed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A conversation. `turns`: oldest first; `gold`: where the last one is answered; `kind`: what its last turn does,
    such as `pronoun` or `switch`; `half`: which part of the set it belongs to."""

    turns: tuple[str, ...]
    gold: GoldQuestion
    kind: str
    half: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueVerdict:
    """`earlier`: the turns before the last, oldest first; `question`: the last; `asked`: as it was searched for;
    `found`: what that found, best first. Ranks: of the gold section, 1 for the best; None: not among the first five."""

    kind: str
    half: str
    earlier: tuple[str, ...]
    question: str
    asked: str
    gold_place: str | None
    found: tuple[FoundSection, ...]
    rank_with: int | None
    rank_without: int | None

    @property
    def outcome(self) -> DialogueOutcome:
        """Did the history help, hurt, or change nothing that counts?"""
        if self.rank_with is None:
            return "missed"
        is_earlier_without = self.rank_without is not None and self.rank_without < self.rank_with
        return "later" if is_earlier_without else "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueScores:
    """Recall among the first five, 0…1, of the last turns of a group."""

    group: str
    count: int
    recall_with: float
    recall_without: float

    @property
    def gain(self) -> float:
        """What the history adds, −1…1."""
        return self.recall_with - self.recall_without


def holds_dialogues(path: Path) -> bool:
    """Is this a file of conversations, rather than of single questions?"""
    try:
        with path.open(encoding="utf-8") as lines:
            first = json.loads(lines.readline())
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and "turns" in first


def read_dialogues(path: Path) -> list[Dialogue]:
    """The conversations of a JSON-lines file. Raises ConfigError naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"cannot read {path}: {exc}") from exc
    return [_dialogue(line, where=f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


async def judge_dialogues(
    dialogues: Iterable[Dialogue], answerer: QuestionAnswerer, principal: Principal, *, chat_model: ChatModel | None
) -> AsyncIterator[DialogueVerdict]:
    """A verdict for each. Earlier turns are really answered, word for word; `chat_model` None: reworded by rules."""
    for each in dialogues:
        earlier: list[Turn] = []
        for text in each.turns[:-1]:
            question = Question(text=text, mode="strict", earlier=tuple(earlier))
            answer = await answerer.answer(question, principal)
            headings = tuple(" › ".join((cited.title, *cited.heading_path)) for cited in answer.citations)
            earlier.append(Turn(question=text, headings=headings))
        last = each.turns[-1]
        asked = await make_standalone(last, earlier, chat_model=chat_model, deadline_seconds=15)
        found = await answerer.search(asked, principal, scope=SearchScope(), count=DEPTH)
        alone = await answerer.search(last, principal, scope=SearchScope(), count=DEPTH)
        yield DialogueVerdict(
            kind=each.kind,
            half=each.half,
            earlier=each.turns[:-1],
            question=last,
            asked=asked,
            gold_place=each.gold.place,
            found=tuple(found_section(each.gold, passage, rank=rank) for rank, passage in enumerate(found, start=1)),
            rank_with=_rank(each.gold, found),
            rank_without=_rank(each.gold, alone),
        )


def score_dialogues(verdicts: Sequence[DialogueVerdict]) -> list[DialogueScores]:
    """The scores of each kind, of each half, and of all."""
    groups: dict[str, list[DialogueVerdict]] = {}
    for name in ("kind", "half"):
        for verdict in verdicts:
            groups.setdefault(getattr(verdict, name), []).append(verdict)
    groups["all"] = list(verdicts)
    return [
        DialogueScores(
            group=group,
            count=len(those),
            recall_with=sum(verdict.rank_with is not None for verdict in those) / len(those),
            recall_without=sum(verdict.rank_without is not None for verdict in those) / len(those),
        )
        for group, those in groups.items()
    ]


# A line of a foreign file: its shape is checked here.
def _dialogue(line: str, *, where: str) -> Dialogue:
    try:
        record: Mapping[str, Any] = json.loads(line)
        turns = tuple(str(turn) for turn in record["turns"])
        gold = GoldQuestion(
            question=turns[-1], answers=(), page=str(record["page"]), heading=record.get("heading"), is_answerable=True
        )
        return Dialogue(turns=turns, gold=gold, kind=str(record["kind"]), half=str(record.get("half", "whole set")))
    except (ValueError, KeyError, TypeError, IndexError):
        raise ConfigError(
            f'{where}: a conversation is a JSON object with "turns" (a list), "page" and "kind"'
        ) from None


def _rank(gold: GoldQuestion, found: Sequence[Passage]) -> int | None:
    ranks = (
        rank
        for rank, passage in enumerate(found, start=1)
        if gold.is_section(passage.document_id, passage.title, passage.heading_path)
    )
    return next(ranks, None)
