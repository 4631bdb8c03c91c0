"""Measures against values worked out by hand."""

import pytest

from app.measures import mean, measure_ranking, paired_difference, percentile
from kb.errors import ConfigError

JUDGED = {"a": 1, "b": 2, "x": 0}
TEN_OTHERS = [f"other {number}" for number in range(10)]


def test_ndcg_is_the_gain_of_the_order_over_that_of_the_best_order() -> None:
    # a at rank 2: 1/log2(3) = 0.63093; b at rank 3: 2/log2(4) = 1. Best: 2/log2(2) + 1/log2(3) = 2.63093.
    assert measure_ranking(["q", "a", "b"], JUDGED).ndcg_10 == pytest.approx(1.63093 / 2.63093, abs=1e-5)


def test_the_best_order_has_ndcg_one() -> None:
    assert measure_ranking(["b", "a"], JUDGED).ndcg_10 == pytest.approx(1)


def test_recall_counts_the_relevant_ones_found() -> None:
    assert measure_ranking(["q", "b", "x"], JUDGED).recall_5 == 0.5


def test_reciprocal_rank_is_of_the_first_relevant_one() -> None:
    assert measure_ranking(["x", "q", "a", "b"], JUDGED).mrr_10 == pytest.approx(1 / 3)


def test_each_measure_ends_at_its_own_depth() -> None:
    measured = measure_ranking([*TEN_OTHERS, "a", "b"], JUDGED)
    assert (measured.ndcg_10, measured.mrr_10, measured.recall_5, measured.recall_20) == (0, 0, 0, 1)


def test_ids_are_compared_whole_and_never_reorder_the_ranking() -> None:
    # Ties would be broken by id: the better page has the lower one here, and the higher one there.
    assert measure_ranking(["z", "a b"], {"a b": 1}).mrr_10 == measure_ranking(["a", "z z"], {"z z": 1}).mrr_10 == 0.5


@pytest.mark.parametrize(("ranked", "judged"), [(["a"], {}), ([], {"a": 1}), (["a"], {"a": 0})])
def test_nothing_relevant_or_nothing_found_gives_zero(ranked: list[str], judged: dict[str, int]) -> None:
    measured = measure_ranking(ranked, judged)
    assert (measured.ndcg_10, measured.recall_5, measured.recall_20, measured.mrr_10) == (0, 0, 0, 0)


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.measures.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs the extra `eval`: pip install 'footnote-kb\[eval\]'"):
        measure_ranking(["a"], JUDGED)


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
