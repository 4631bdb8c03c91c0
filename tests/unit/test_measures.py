"""Measures against values worked out by hand."""

import pytest

from app.measures import mean, ndcg, paired_difference, percentile, recall, reciprocal_rank

JUDGED = {"a": 1, "b": 2, "x": 0}


def test_ndcg_is_the_gain_of_the_order_over_that_of_the_best_order() -> None:
    # a at rank 2: 1/log2(3) = 0.63093; b at rank 3: 2/log2(4) = 1. Best: 2/log2(2) + 1/log2(3) = 2.63093.
    assert ndcg(["q", "a", "b"], JUDGED, k=10) == pytest.approx(1.63093 / 2.63093, abs=1e-5)


def test_ndcg_ends_at_k() -> None:
    assert ndcg(["q", "a", "b"], JUDGED, k=1) == 0


def test_the_best_order_has_ndcg_one() -> None:
    assert ndcg(["b", "a"], JUDGED, k=10) == 1


def test_recall_counts_the_relevant_ones_found() -> None:
    assert recall(["q", "b", "x"], JUDGED, k=3) == 0.5


def test_reciprocal_rank_is_of_the_first_relevant_one() -> None:
    assert reciprocal_rank(["x", "q", "a", "b"], JUDGED, k=10) == pytest.approx(1 / 3)


def test_reciprocal_rank_ends_at_k() -> None:
    assert reciprocal_rank(["x", "q", "a"], JUDGED, k=2) == 0


@pytest.mark.parametrize("measure", [ndcg, recall, reciprocal_rank])
def test_nothing_relevant_gives_zero(measure: object) -> None:
    assert measure(["a"], {}, k=10) == 0  # type: ignore[operator]  # one of the three


def test_percentiles_are_values_that_occurred() -> None:
    assert [percentile([5, 1, 3, 2, 4], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1, 3, 5, 5]


def test_no_values_have_mean_and_percentile_zero() -> None:
    assert (mean([]), percentile([], 0.5)) == (0, 0)


def test_a_difference_in_every_pair_is_certain() -> None:
    found = paired_difference([0.1, 0.2, 0.3, 0.4], [0.3, 0.4, 0.5, 0.6])
    assert found.is_certain
    assert found.mean == pytest.approx(0.2)


def test_a_difference_that_goes_both_ways_is_not_certain() -> None:
    found = paired_difference([0.5] * 6, [0.4, 0.6, 0.4, 0.6, 0.4, 0.6])
    assert not found.is_certain
    assert found.low <= found.mean <= found.high


def test_values_that_are_not_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="pairs"):
        paired_difference([1.0], [1.0, 2.0])
