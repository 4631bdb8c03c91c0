"""Answer quality with the starter models. The demo's plainly asked questions as a whole: test_gate.py."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.answering.checking import SentenceChecker
from app.evaluation import Verdict, judge
from app.gold import read_gold
from app.scoring import score
from app.settings import Settings
from app.wiring import open_answer_side
from bench.fitting import auroc, macro_f1
from ingest.wiring import sync_sources
from kb.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
OPEN_DATA = ROOT.parent / "shared/data"
# A question of each page in the plainly asked set costs seconds with a chat model; a sample shows that it is used.
GROUNDED_QUESTIONS = 12

pytestmark = [pytest.mark.evals, pytest.mark.timeout(1800)]


def demo_settings(home: Path, *, mode: str) -> Settings:
    """The demo, stored in `home`."""
    settings = load_settings(Settings, ROOT / "demo/footnote.toml", data_dir=home)
    return settings.model_copy(update={"answering": settings.answering.model_copy(update={"mode": mode})})


async def asked(home: Path, *, mode: str, gold_file: str, every: int = 1) -> list[Verdict]:
    """The verdicts on the demo's questions."""
    settings = demo_settings(home, mode=mode)
    async with open_answer_side(settings) as side:
        await sync_sources(side.knowledge_base)
        gold = read_gold(ROOT / "demo" / gold_file)[::every]
        catalogue = side.knowledge_base.catalogue
        return [verdict async for verdict in judge(gold, side.answerer, catalogue, tenant=settings.tenant)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


async def test_hard_questions_break_no_quote_and_no_link(home: Path) -> None:
    scores = score(await asked(home, mode="strict", gold_file="gold-hard.jsonl"))
    assert (scores.invalid_quotes, scores.broken_links) == (0, 0)


async def test_the_chat_model_makes_no_answer_worse(home: Path) -> None:
    every = max(1, len(read_gold(ROOT / "demo/gold.jsonl")) // GROUNDED_QUESTIONS)
    strict = await asked(home, mode="strict", gold_file="gold.jsonl", every=every)
    grounded = await asked(home, mode="grounded", gold_file="gold.jsonl", every=every)
    assert _right(strict) <= _right(grounded)


@pytest.mark.parametrize(
    ("path", "least_auroc", "least_f1"),
    [("attributionbench/dev.jsonl", 0.78, 0.70), ("wice/oracle-dev.jsonl", 0.80, 0.70)],
)
def test_the_sentence_check_tells_supported_claims_from_others(path: str, least_auroc: float, least_f1: float) -> None:
    if not (OPEN_DATA / path).exists():
        pytest.skip("the open data is not here")
    import numpy as np

    lines = [json.loads(line) for line in (OPEN_DATA / path).read_text(encoding="utf-8").splitlines()]
    checker = SentenceChecker()
    verdicts = [checker.check(line["claim"], line["evidence"]) for line in lines]
    is_supported = np.array([line["supported"] for line in lines])
    # The stored model was trained on these lines: this keeps it in step with the code, bench/training.py measures it.
    assert auroc(is_supported, np.array([verdict.score for verdict in verdicts])) >= least_auroc
    assert macro_f1(is_supported, np.array([verdict.is_supported for verdict in verdicts])) >= least_f1


def _right(verdicts: Sequence[Verdict]) -> set[str]:
    return {verdict.question for verdict in verdicts if verdict.is_right}
