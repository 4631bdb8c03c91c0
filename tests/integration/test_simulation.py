"""Lives of a knowledge base whose syncs die at any await: every promise holds, and a broken protocol is noticed."""

import pytest

from bench.simulation import live
from kb.catalogue.documents import DocumentStore

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("first", range(0, 50, 5))
def test_syncs_that_die_at_any_await_lose_tear_mix_and_leak_nothing(first: int) -> None:
    lives = [live(seed) for seed in range(first, first + 5)]
    assert {seed: faults for seed, _, faults in lives if faults} == {}
    assert sum(facts["deaths"] for _, facts, _ in lives) > 0
    assert sum(facts["pages looked for"] for _, facts, _ in lives) > 0


def test_a_life_is_lived_again_the_same() -> None:
    assert live(3) == live(3)


def test_a_commit_before_the_flush_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(*arguments: object, **named: object) -> None:
        return None

    monkeypatch.setattr("bench.simulated_process.MortalIndex.flush", forget)
    # The death must fall between a commit and the index's own time to write: one life in eight has such a one.
    assert any(live(seed)[2] for seed in range(60))


def test_a_removal_that_is_not_carried_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def keep(store: DocumentStore, tenant: str, document_id: str, *, reason: str) -> None:
        return None

    monkeypatch.setattr(DocumentStore, "tombstone", keep)
    assert any(live(seed)[2] for seed in range(10))
