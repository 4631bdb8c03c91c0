"""The stored models and how they add up."""

from importlib.resources import files

import pytest

from app.answering.weights import LinearModel, TreeModel, linear_model, probability, tree_model


def test_a_linear_model_adds_standardised_features() -> None:
    scorer = LinearModel(names=("a", "b"), means=(1.0, 0.0), scales=(2.0, 1.0), weights=(3.0, -1.0), bias=0.5)
    assert scorer.score({"a": 3.0, "b": 2.0, "unused": 9.0}) == pytest.approx(0.5 + 3.0 - 2.0)


def test_no_single_feature_can_decide() -> None:
    scorer = LinearModel(names=("a",), means=(0.0,), scales=(1.0,), weights=(1.0,), bias=0.0)
    assert scorer.score({"a": 1e9}) == scorer.score({"a": 4.0})


def test_trees_are_followed_to_their_leaves() -> None:
    scorer = TreeModel(names=("a", "b"), bias=0.1, trees=([0, 0.5, -1.0, [1, 2.0, 1.0, 2.0]], 0.25))
    assert [scorer.score({"a": a, "b": b}) for a, b in ((0.4, 0), (0.5, 1), (0.5, 2))] == pytest.approx(
        [-0.65, 1.35, 2.35]
    )


def test_a_missing_feature_is_an_error() -> None:
    with pytest.raises(KeyError):
        linear_model("gate").score({})


@pytest.mark.parametrize("log_odds", [-1e6, 0.0, 1e6])
def test_probabilities_stay_between_zero_and_one(log_odds: float) -> None:
    assert 0 <= probability(log_odds) <= 1


@pytest.mark.parametrize(("name", "kilobytes"), [("gate", 2), ("ranking", 2), ("check", 32)])
def test_the_stored_models_are_small(name: str, kilobytes: int) -> None:
    assert len(files("app.answering").joinpath(f"{name}.json").read_bytes()) <= kilobytes * 1024


def test_the_stored_trees_name_only_features_they_have() -> None:
    stored = tree_model("check")
    assert len(set(stored.names)) == len(stored.names)
