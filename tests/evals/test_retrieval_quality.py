"""Retrieval with the starter embedder, against thresholds a little below what was measured (docs/evaluation.md)."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.cli.rating import run_suites
from app.rating import SuiteRun
from app.settings import Settings
from kb.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT.parent / "shared/data"
# The small ones: a few minutes on two cores. `footnote eval --suite all` measures every one.
NAMES = ("limit-small", "legal-summarization", "northwind-handbook")

pytestmark = [
    pytest.mark.evals,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not COLLECTIONS.is_dir(), reason="the open collections are not beside the repository"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[SuiteRun]:
    settings = load_settings(Settings, ROOT / "demo/footnote.toml", data_dir=tmp_path_factory.mktemp("unused"))
    home = tmp_path_factory.mktemp("suites")
    return asyncio.run(run_suites(settings, NAMES, root=COLLECTIONS, keep=home, is_quiet=True))


@pytest.mark.parametrize(("place", "least"), [(0, 0.98), (1, 0.645), (2, 0.73)], ids=NAMES)
def test_a_collections_pages_are_found_in_good_order(runs: Sequence[SuiteRun], place: int, least: float) -> None:
    assert runs[place].scores["footnote"].ndcg_10 >= least


@pytest.mark.parametrize("place", range(len(NAMES)), ids=NAMES)
def test_the_whole_path_is_never_worse_than_one_of_its_parts(runs: Sequence[SuiteRun], place: int) -> None:
    scores = runs[place].scores
    assert scores["footnote"].ndcg_10 >= max(scores["words"].ndcg_10, scores["embedder"].ndcg_10)
