"""A run of the evaluation as JSON: what was measured on what, every score, and every verdict or rating."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.dialogues import DialogueVerdict, score_dialogues
from app.evaluation import Verdict
from app.rating import SuiteRun
from app.scoring import Scores

# Raised when a field that `--compare` reads changes its name or meaning.
RUN_FORMAT = 2
RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What was measured. `made_at`: ISO 8601, UTC; `answerable_above`: the gate's threshold, 0…1."""

    measured: str
    made_at: str
    embedder: str
    chat_model: str
    mode: str
    sections: int
    answerable_above: float


def gold_json(facts: RunFacts, scores: Scores, verdicts: Sequence[Verdict]) -> str:
    """Scores and every verdict, for machines and for `--compare`."""
    told = [asdict(each) | {"outcome": each.outcome} for each in verdicts]
    run = {"format": RUN_FORMAT, "facts": asdict(facts), "scores": asdict(scores), "verdicts": told}
    return json.dumps(run, ensure_ascii=False, indent=1)


def suites_json(facts: RunFacts, runs: Sequence[SuiteRun]) -> str:
    """Scores and every rating, for machines and for `--compare`."""
    suites = {
        run.suite.name: {
            "scores": {name: asdict(scores) for name, scores in run.scores.items()},
            "queries": [asdict(rating) for rating in run.ratings["footnote"]],
        }
        for run in runs
    }
    return json.dumps({"format": RUN_FORMAT, "facts": asdict(facts), "suites": suites}, ensure_ascii=False, indent=1)


def dialogues_json(facts: RunFacts, verdicts: Sequence[DialogueVerdict]) -> str:
    """Scores of each group of conversations and every verdict, for machines and for `--compare`."""
    scores = {each.group: asdict(each) | {"gain": each.gain} for each in score_dialogues(verdicts)}
    told = [asdict(each) | {"outcome": each.outcome} for each in verdicts]
    run = {"format": RUN_FORMAT, "facts": asdict(facts), "conversations": {"scores": scores, "verdicts": told}}
    return json.dumps(run, ensure_ascii=False, indent=1)
