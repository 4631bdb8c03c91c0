"""Two runs of an evaluation compared pair by pair, and one run held against thresholds."""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from app.measures import Difference, paired_difference
from app.runs import RUN_FILE, RUN_FORMAT
from kb.errors import ConfigError

# What `footnote eval --json` prints; its format is checked where it is read.
RunJson: TypeAlias = Mapping[str, Any]
SUITE_MEASURES = ("ndcg_10", "recall_5", "recall_20", "mrr_10")
GOLD, CONVERSATIONS = "gold", "conversations"
# Measure → (is it of answerable questions?, its value for one verdict). Above 0 is better in all of them.
_ANSWER_MEASURES: Mapping[str, tuple[bool, Callable[[Mapping[str, Any]], bool]]] = {
    "gold_contained": (True, lambda verdict: verdict["is_contained"]),
    "page_cited": (True, lambda verdict: any(each["is_gold_page"] for each in verdict["citations"])),
    "section_cited": (True, lambda verdict: any(each["is_gold"] for each in verdict["citations"])),
    "section_recall_5": (True, lambda verdict: (verdict["section_rank"] or 99) <= 5),
    "answered_when_answerable": (True, lambda verdict: verdict["status"] == "answered"),
    "not_found_when_unanswerable": (False, lambda verdict: verdict["status"] == "not_found"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How one measure of one group of questions differs; only questions in both runs are paired."""

    group: str
    measure: str
    pair_count: int
    difference: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A score beyond its threshold."""

    group: str
    measure: str
    value: float
    bound: str

    def __str__(self) -> str:
        return f"{self.group}: {self.measure} is {self.value:.4g}, and must be {self.bound}"


def read_run(path: Path) -> RunJson:
    """A run that was written before: its file, or the folder that `--write` made. Raises ConfigError."""
    path = path / RUN_FILE if path.is_dir() else path
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except ValueError:
        run = None
    if not isinstance(run, dict) or not run.keys() & {"suites", "verdicts", CONVERSATIONS}:
        raise ConfigError(f"{path} is not what `footnote eval --json` prints")
    if (written := run.get("format", 1)) != RUN_FORMAT:
        raise ConfigError(
            f"{path} is of format {written!r:.20} and this `footnote eval` compares format {RUN_FORMAT}: run it again"
        )
    return run


def compare(before: RunJson, after: RunJson) -> list[Change]:
    """after − before for every measure that both runs have."""
    old, new = _values(before), _values(after)
    changes = []
    for group, measure in new:
        earlier, later = old.get((group, measure), {}), new[group, measure]
        both = [question for question in later if question in earlier]
        if both:
            difference = paired_difference(
                [earlier[question] for question in both], [later[question] for question in both]
            )
            changes.append(Change(group=group, measure=measure, pair_count=len(both), difference=difference))
    return changes


def misses(run: RunJson, thresholds: Path) -> list[Miss]:
    """The scores beyond the thresholds of a TOML file: `[gold.at_least]`, `[suites.NAME.at_most]`, …

    Raises ConfigError for a threshold whose score the run does not have: a check that checks nothing must not pass.
    """
    found = []
    for group, bounds in _thresholds(thresholds):
        scores = _scores(run, group)
        for side, sign in (("at_least", 1), ("at_most", -1)):
            for measure, bound in bounds.get(side, {}).items():
                if measure not in scores:
                    raise ConfigError(f"{thresholds}: this run has no {measure!r} of {group}")
                if sign * (scores[measure] - bound) < 0:
                    words = f"{side.replace('_', ' ')} {bound:g}"
                    found.append(Miss(group=group, measure=measure, value=scores[measure], bound=words))
    return found


def _values(run: RunJson) -> dict[tuple[str, str], dict[str, float]]:
    """(group, measure) → question → value."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for name, suite in run.get("suites", {}).items():
        for measure in SUITE_MEASURES:
            values[name, measure] = {rating["query_id"]: float(rating[measure]) for rating in suite["queries"]}
    for measure, (of_answerable, value) in _ANSWER_MEASURES.items():
        asked = [each for each in run.get("verdicts", []) if each["is_answerable"] == of_answerable]
        if asked:
            # One question may be asked by several people.
            values[GOLD, measure] = {f"{each['question']}\0{each['email']}": float(value(each)) for each in asked}
    for each in run.get(CONVERSATIONS, {}).get("verdicts", []):
        turns = "\0".join((*each["earlier"], each["question"]))
        for measure in ("with", "without"):
            found = float(each[f"rank_{measure}"] is not None)
            values.setdefault((CONVERSATIONS, f"recall_{measure}"), {})[turns] = found
    return values


def _thresholds(path: Path) -> Iterator[tuple[str, Mapping[str, Mapping[str, float]]]]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: not valid TOML: {exc}") from None
    groups = {name: tables.pop(name, {}) for name in (GOLD, CONVERSATIONS)} | tables.pop("suites", {})
    stray = [
        *tables,
        *(f"{group}.{side}" for group in groups for side in groups[group].keys() - {"at_least", "at_most"}),
    ]
    if stray:
        raise ConfigError(
            f"{path}: {stray[0]!r} is unknown; use [gold.at_least] or [suites.NAME.at_most] and their like"
        )
    yield from groups.items()


def _scores(run: RunJson, group: str) -> Mapping[str, float]:
    if group == GOLD:
        scores: Mapping[str, float] = run.get("scores", {})
        return scores
    if group == CONVERSATIONS:
        scores = run.get(CONVERSATIONS, {}).get("scores", {}).get("all", {})
        return scores
    suite: Mapping[str, Any] = run.get("suites", {}).get(group, {})
    return suite["scores"]["footnote"] if suite else {}
