"""The gate: how likely the passages hold the answer."""

import pytest

from app.answering.evidence import EvidenceFinder
from app.answering.gate import answerable_probability, gate_features
from app.answering.weights import linear_model
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
