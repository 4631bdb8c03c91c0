"""The report on follow-ups: recall by kind, and for each conversation what its last turn was read as and found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from app.dialogues import DialogueOutcome, DialogueScores, DialogueVerdict, score_dialogues
from app.report_gold import found_list
from app.report_page import filters, page, table, tiles, words
from app.runs import RunFacts

COLUMNS = ("last turns", "count", "with history", "without", "difference")
TITLE = "the gold section among the first 5 found for the last turn"
OUTCOMES: Mapping[DialogueOutcome, str] = {
    "ok": "found",
    "later": "found later than without the history",
    "missed": "not found",
}


def dialogues_report(facts: RunFacts, verdicts: Sequence[DialogueVerdict]) -> str:
    """The whole HTML file."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    present = [(name, title, counts[name]) for name, title in OUTCOMES.items() if counts[name]]
    buttons, style = filters([("all", "all", len(verdicts)), *present])
    *_, whole = score_dialogues(verdicts)
    body = [
        tiles(_headline(whole)),
        f'<h2>By kind</h2><p class="about">{escape(TITLE.capitalize())}.</p>',
        table(COLUMNS, dialogue_rows(verdicts)),
        "<h2>Conversations</h2>",
        buttons,
        *(_conversation(verdict) for verdict in verdicts),
    ]
    return page("Evaluation: follow-ups", facts, body, style=style)


def dialogue_rows(verdicts: Sequence[DialogueVerdict]) -> list[tuple[str, ...]]:
    """A row a group, for COLUMNS."""
    return [
        (each.group, f"{each.count:,}", f"{each.recall_with:.3f}", f"{each.recall_without:.3f}", f"{each.gain:+.3f}")
        for each in score_dialogues(verdicts)
    ]


def _headline(whole: DialogueScores) -> list[tuple[str, str]]:
    return [
        ("Conversations", f"{whole.count:,}"),
        ("Found with the history", f"{whole.recall_with:.1%}"),
        ("Found without it", f"{whole.recall_without:.1%}"),
        ("Difference", f"{whole.gain:+.1%}"),
    ]


def _conversation(verdict: DialogueVerdict) -> str:
    mark = f'<span class="mark {verdict.outcome}">{escape(OUTCOMES[verdict.outcome])}</span>'
    turns = "".join(f"<li>{words(turn)}</li>" for turn in (*verdict.earlier, verdict.question))
    place = f"<p>{words(verdict.gold_place)}</p>" if verdict.gold_place else ""
    without = f"rank {verdict.rank_without}" if verdict.rank_without else "not among the first five"
    return (
        f'<details class="{verdict.outcome}"><summary>{mark}{words(verdict.question)} '
        f'<span class="about">{words(verdict.kind)}</span></summary>'
        f"<div><h3>Turns</h3><ol>{turns}</ol><h3>Searched for</h3><p>{words(verdict.asked)}</p>"
        f"<h3>Wanted</h3>{place}{found_list(verdict.found)}"
        f'<p class="about">Without the history: {without}.</p></div></details>'
    )
