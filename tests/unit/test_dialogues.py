"""Follow-ups measured: what a conversation file says, and what is counted."""

import json
from collections import Counter
from pathlib import Path

import pytest

from app.dialogues import DialogueVerdict, holds_dialogues, judge_dialogues, read_dialogues, score_dialogues
from kb.errors import ConfigError
from tests.fakes.answering import ANYONE, make_answerer
from tests.fakes.verdicts import make_dialogue

DEMO = Path(__file__).parents[2] / "demo"


def verdict(kind: str, rank_with: int | None, rank_without: int | None) -> DialogueVerdict:
    return make_dialogue(kind, rank_with=rank_with, rank_without=rank_without)


def test_the_demo_set_is_of_conversations_over_pages_that_exist() -> None:
    path = DEMO / "conversations.jsonl"
    dialogues = read_dialogues(path)
    assert holds_dialogues(path)
    assert not holds_dialogues(DEMO / "gold.jsonl")
    assert sum(len(each.turns) - 1 for each in dialogues) >= 60
    assert min(Counter(each.kind for each in dialogues).values()) >= 10
    for each in dialogues:
        headings = [line.strip("# ") for line in (DEMO / "wiki" / str(each.gold.page)).read_text().splitlines()]
        assert each.gold.heading in headings, each


def test_recall_is_counted_by_kind_half_and_in_all() -> None:
    scores = score_dialogues([verdict("a", 1, None), verdict("a", 5, 2), verdict("b", None, 1)])
    assert [(each.group, each.count) for each in scores] == [("a", 2), ("b", 1), ("h", 3), ("all", 3)]
    assert [each.recall_with for each in scores[:2]] == [1.0, 0.0]
    assert [each.recall_without for each in scores[:2]] == [0.5, 1.0]


async def test_a_last_turn_is_searched_for_with_its_history_and_without(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    record = {"turns": ["Where is the Porto office?", "And Halifax?"], "page": "Annual leave", "kind": "ellipsis"}
    path.write_text(json.dumps(record))
    (found,) = [each async for each in judge_dialogues(read_dialogues(path), make_answerer(), ANYONE, chat_model=None)]
    assert (found.question, found.asked) == ("And Halifax?", "Where is the Halifax office?")
    assert (found.rank_with, found.rank_without) == (1, 1)
    assert (found.earlier, found.found[0].is_gold) == (("Where is the Porto office?",), True)


@pytest.mark.parametrize(
    ("rank_with", "rank_without", "outcome"),
    [(1, None, "ok"), (2, 2, "ok"), (2, 1, "later"), (None, 1, "missed"), (None, None, "missed")],
)
def test_a_history_helps_or_hurts(rank_with: int | None, rank_without: int | None, outcome: str) -> None:
    assert verdict("a", rank_with, rank_without).outcome == outcome


@pytest.mark.parametrize("line", ["{}", "[]", '{"turns": [], "page": "x", "kind": "y"}', "no JSON"])
def test_a_line_that_is_no_conversation_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(line)
    with pytest.raises(ConfigError, match=r"some.jsonl:1: a conversation is"):
        read_dialogues(path)
