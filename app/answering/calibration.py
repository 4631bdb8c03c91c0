"""The gate's estimates brought to a team's own questions: two numbers, fitted on a golden set, for one embedder.

Platt's scaling (log-odds → scale · log-odds + shift), both kinds of questions weighing the same, so that a half is
where as many of the ones would be refused as of the others answered. The file lies in the data directory.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.answering.weights import probability
from kb.errors import ConfigError

FILE = "calibration.json"
LEAST_OF_A_KIND = 20
_FOLDS = 5
# Beyond this the estimates of the gate's steep half say nothing more.
_SUREST = 6.0
_RIDGE = 1.0
_LEAST_SCALE = 0.05
_AS_IT_COMES = np.array([1.0, 0.0])
_SMALL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """`embedder`: the identity of the one it was fitted with; with another it means nothing."""

    embedder: str
    scale: float
    shift: float
    answerable: int
    unanswerable: int

    def threshold(self, answerable_above: float) -> float:
        """What the gate's own estimate must reach, 0…1, for the calibrated one to reach `answerable_above`."""
        return probability((_log_odds(answerable_above) - self.shift) / self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Shares, 0…1: of the answerable questions refused, and of the others answered."""

    refused: float
    answered: float


def read_calibration(data_dir: Path, *, embedder: str) -> Calibration | None:
    """The stored calibration, if there is one and it is this embedder's. Raises ConfigError: it cannot be read."""
    path = data_dir / FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        calibration = Calibration(
            embedder=str(stored["embedder"]),
            scale=float(stored["scale"]),
            shift=float(stored["shift"]),
            answerable=int(stored["answerable"]),
            unanswerable=int(stored["unanswerable"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"{path} cannot be read: `footnote calibrate --reset` removes it") from exc
    if not (math.isfinite(calibration.shift) and _LEAST_SCALE <= calibration.scale < math.inf):
        raise ConfigError(f"{path} is damaged: `footnote calibrate --reset` removes it")
    return calibration if calibration.embedder == embedder else None


def write_calibration(data_dir: Path, calibration: Calibration) -> Path:
    """Store it in place of the one before. Returns where."""
    path = data_dir / FILE
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(asdict(calibration)) + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def remove_calibration(data_dir: Path) -> bool:
    """Go back to the gate as it comes. Was there one?"""
    path = data_dir / FILE
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def require_enough(is_answerable: Sequence[bool]) -> None:
    """Raises ConfigError: too few questions of a kind to fit anything."""
    answerable, unanswerable = sum(is_answerable), len(is_answerable) - sum(is_answerable)
    if min(answerable, unanswerable) < LEAST_OF_A_KIND:
        raise ConfigError(
            f"{answerable} answerable and {unanswerable} unanswerable questions: "
            f"at least {LEAST_OF_A_KIND} of each are needed to calibrate"
        )


def fit_calibration(estimates: Sequence[float], is_answerable: Sequence[bool], *, embedder: str) -> Calibration:
    """Fitted on the gate's own estimates of questions. Raises ConfigError: too few questions of a kind."""
    require_enough(is_answerable)
    answerable, unanswerable = sum(is_answerable), len(is_answerable) - sum(is_answerable)
    scale, shift = _fit(_odds(estimates), np.array(is_answerable))
    return Calibration(embedder=embedder, scale=scale, shift=shift, answerable=answerable, unanswerable=unanswerable)


def errors_at(estimates: Sequence[float], is_answerable: Sequence[bool], *, threshold: float) -> Errors:
    """What becomes of the questions if estimates below the threshold are refused."""
    return _errors(np.array(estimates) >= threshold, np.array(is_answerable))


def held_out_errors(estimates: Sequence[float], is_answerable: Sequence[bool], *, answerable_above: float) -> Errors:
    """The same after calibrating, each question by a fit on the other folds that did not see it."""
    odds, is_yes = _odds(estimates), np.array(is_answerable)
    fold_of = np.zeros(len(odds), dtype=int)
    for kind in (True, False):
        places = np.flatnonzero(is_yes == kind)
        fold_of[np.random.default_rng(0).permutation(places)] = np.arange(len(places)) % _FOLDS
    is_answered = np.zeros(len(odds), dtype=bool)
    for fold in range(_FOLDS):
        held = fold_of == fold
        scale, shift = _fit(odds[~held], is_yes[~held])
        is_answered[held] = scale * odds[held] + shift >= _log_odds(answerable_above)
    return _errors(is_answered, is_yes)


def _errors(is_answered: NDArray[np.bool_], is_yes: NDArray[np.bool_]) -> Errors:
    return Errors(refused=float(np.mean(~is_answered[is_yes])), answered=float(np.mean(is_answered[~is_yes])))


def _odds(estimates: Sequence[float]) -> NDArray[np.float64]:
    return np.array([_log_odds(estimate) for estimate in estimates])


def _log_odds(estimate: float) -> float:
    inside = min(max(estimate, 1e-12), 1 - 1e-12)
    return min(_SUREST, max(-_SUREST, math.log(inside / (1 - inside))))


def _fit(odds: NDArray[np.float64], is_yes: NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and shift: logistic regression held near (1, 0), both kinds weighing the same."""
    rows = np.c_[odds, np.ones(len(odds))]
    importance = np.where(is_yes, 0.5 / is_yes.sum(), 0.5 / (~is_yes).sum()) * len(odds)

    def loss(weights: NDArray[np.float64]) -> float:
        wrongness = np.logaddexp(0, np.where(is_yes, -1, 1) * (rows @ weights))
        return float(importance @ wrongness + _RIDGE / 2 * np.sum((weights - _AS_IT_COMES) ** 2))

    weights = _AS_IT_COMES
    for _ in range(100):
        chances = 1 / (1 + np.exp(-np.clip(rows @ weights, -40, 40)))
        slope = rows.T @ (importance * (chances - is_yes)) + _RIDGE * (weights - _AS_IT_COMES)
        curve = (rows * (importance * chances * (1 - chances))[:, None]).T @ rows + _RIDGE * np.eye(2)
        step = np.linalg.solve(curve, slope)
        # Newton's step can lead far beyond where estimates are near nought and one: half of it, until it helps.
        while np.abs(step).max() > _SMALL and loss(weights - step) > loss(weights):
            step = step / 2
        if np.abs(step).max() <= _SMALL:
            break
        weights = weights - step
    return max(_LEAST_SCALE, float(weights[0])), float(weights[1])
