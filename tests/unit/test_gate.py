"""The gate: how likely the passages hold the answer."""

from pathlib import Path

import pytest

from app.answering.evidence import EvidenceFinder
from app.answering.gate import answerable_probability, gate_features
from app.answering.weights import linear_model
from kb.embedders import sentence_transformers
from kb.http import HttpClients
from tests.fakes.answering import LEAVE, PUMPS, make_embedder, make_passage

PASSAGES = (make_passage(LEAVE), make_passage(PUMPS, title="Pumps", dense=0.3))


async def probability_of(question: str) -> float:
    evidence = await EvidenceFinder(make_embedder()).find(question, PASSAGES)
    return answerable_probability(gate_features(question, evidence, PASSAGES))


@pytest.mark.parametrize(
    ("answered", "near_miss"),
    [
        (
            "How many days of annual leave do staff in Gdańsk get?",
            "How many days of annual leave do staff in Oslo get?",
        ),
        ("At how many metres does the alarm sound?", "At how many metres does the siren in Porto light up?"),
        ("Where does the pump stop?", "Who sells the pump to the harbour office?"),
        ("Are contractors entitled to annual leave?", "What does a parking space cost?"),
    ],
)
async def test_a_near_miss_is_less_likely_answered(answered: str, near_miss: str) -> None:
    assert await probability_of(near_miss) < await probability_of(answered)


def test_a_missing_word_never_makes_an_answer_likelier() -> None:
    weights = dict(zip(linear_model("gate").names, linear_model("gate").weights, strict=True))
    against = ("missing", "lost", "opposite")
    assert all(weight <= 0 for name, weight in weights.items() if any(word in name for word in against))


def test_a_nearer_passage_never_makes_an_answer_less_likely() -> None:
    weights = dict(zip(linear_model("gate").names, linear_model("gate").weights, strict=True))
    assert all(weight >= 0 for name, weight in weights.items() if "cosine" in name or name.startswith("dense"))


async def test_the_gate_finds_all_the_features_it_was_trained_on() -> None:
    evidence = await EvidenceFinder(make_embedder()).find("Where does the pump stop?", PASSAGES)
    features = gate_features("Where does the pump stop?", evidence, PASSAGES)
    assert set(linear_model("gate").names) <= features.keys()


async def test_the_starters_pieces_tell_what_is_spoken_of() -> None:
    embedder = sentence_transformers.build(sentence_transformers.Config(), data_dir=Path(), http=HttpClients())
    finder = EvidenceFinder(embedder)

    async def estimated(question: str) -> float:
        found = await finder.find(question, PASSAGES)
        assert set(linear_model("spoken").names) <= gate_features(question, found, PASSAGES).keys()
        return answerable_probability(gate_features(question, found, PASSAGES))

    assert await estimated("How many days of annual leave do staff in Gdańsk get?") > 0.5
    assert await estimated("Who is the deputy of the harbour master?") < 0.01


async def test_another_embedders_pieces_are_not_weighed() -> None:
    found = await EvidenceFinder(make_embedder()).find("Where does the pump stop?", PASSAGES)
    assert not any(name.startswith("spoken") for name in found[0].features)


def test_nothing_that_is_spoken_of_speaks_against_an_answer() -> None:
    spoken = linear_model("spoken")
    assert all(weight >= 0 for name, weight in zip(spoken.names, spoken.weights, strict=True) if "lost" not in name)
