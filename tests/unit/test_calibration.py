"""Calibrating the gate on a team's own questions."""

import json
from pathlib import Path

import pytest

from app.answering.calibration import (
    FILE,
    Calibration,
    errors_at,
    fit_calibration,
    held_out_errors,
    read_calibration,
    remove_calibration,
    write_calibration,
)
from kb.errors import ConfigError

# A gate that is far too strict: the answerable lie below the usual threshold, and well above the others.
ESTIMATES = [*(0.2 + place / 400 for place in range(40)), *(0.01 + place / 1000 for place in range(40))]
IS_ANSWERABLE = [True] * 40 + [False] * 40


def make_calibration(*, scale: float = 1.0, shift: float = 0.0) -> Calibration:
    return Calibration(embedder="e", scale=scale, shift=shift, answerable=20, unanswerable=20)


def test_a_gate_that_is_too_strict_is_set_right() -> None:
    made = fit_calibration(ESTIMATES, IS_ANSWERABLE, embedder="e")
    before = errors_at(ESTIMATES, IS_ANSWERABLE, threshold=0.5)
    after = errors_at(ESTIMATES, IS_ANSWERABLE, threshold=made.threshold(0.5))
    assert (before.refused, before.answered) == (1.0, 0.0)
    assert (after.refused, after.answered) == (0.0, 0.0)


def test_figures_are_of_questions_that_the_fit_did_not_see() -> None:
    shuffled = [place % 2 == 0 for place in range(80)]
    held_out = held_out_errors(ESTIMATES, shuffled, answerable_above=0.5)
    assert held_out.refused + held_out.answered > 0.6
    assert held_out_errors(ESTIMATES, IS_ANSWERABLE, answerable_above=0.5).refused <= 0.1


def test_a_higher_bar_stays_a_higher_bar() -> None:
    made = fit_calibration(ESTIMATES, IS_ANSWERABLE, embedder="e")
    assert 0 < made.threshold(0.3) < made.threshold(0.5) < made.threshold(0.9) < 1


def test_nothing_calibrated_changes_no_threshold() -> None:
    assert make_calibration().threshold(0.53) == pytest.approx(0.53)


@pytest.mark.parametrize("counts", [(19, 40), (40, 19), (40, 0), (0, 0)])
def test_too_few_of_a_kind_are_refused(counts: tuple[int, int]) -> None:
    kinds = [True] * counts[0] + [False] * counts[1]
    with pytest.raises(ConfigError, match="20 of each"):
        fit_calibration([0.5] * len(kinds), kinds, embedder="e")


def test_estimates_of_nought_and_one_are_no_trouble() -> None:
    made = fit_calibration([1.0] * 20 + [0.0] * 20, [True] * 20 + [False] * 20, embedder="e")
    assert 0 < made.threshold(0.5) < 1


def test_it_is_read_for_the_embedder_it_was_made_with_and_no_other(tmp_path: Path) -> None:
    made = make_calibration(shift=1.5)
    write_calibration(tmp_path, made)
    assert read_calibration(tmp_path, embedder="e") == made
    assert read_calibration(tmp_path, embedder="another") is None


def test_it_can_be_removed(tmp_path: Path) -> None:
    write_calibration(tmp_path, make_calibration())
    assert remove_calibration(tmp_path)
    assert not remove_calibration(tmp_path)
    assert read_calibration(tmp_path, embedder="e") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"embedder": "e"}', json.dumps({"embedder": "e", "scale": 0})])
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"calibration\.json.*--reset"):
        read_calibration(tmp_path, embedder="e")


@pytest.mark.parametrize(("scale", "shift"), [(0.0, 0.0), (-1.0, 0.0), (1.0, float("nan")), (float("inf"), 0.0)])
def test_numbers_that_turn_the_gate_around_are_damage_too(tmp_path: Path, scale: float, shift: float) -> None:
    write_calibration(tmp_path, make_calibration(scale=scale, shift=shift))
    with pytest.raises(ConfigError, match="damaged"):
        read_calibration(tmp_path, embedder="e")
