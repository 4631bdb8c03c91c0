"""Runs compared, and held against thresholds."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.comparing import compare, misses, read_run
from app.dialogues import DialogueVerdict
from app.evaluation import Verdict
from app.runs import RUN_FILE, RUN_FORMAT, dialogues_json, gold_json
from app.scoring import score
from kb.errors import ConfigError
from tests.fakes.verdicts import FACTS, make_citation, make_dialogue, make_refusal, make_verdict


def make_suites(*ndcg: float, name: str = "laws") -> dict[str, Any]:
    queries = [
        {"query_id": str(number), "ndcg_10": value, "recall_5": 1.0, "recall_20": 1.0, "mrr_10": 1.0}
        for number, value in enumerate(ndcg)
    ]
    scores = {"ndcg_10": sum(ndcg) / len(ndcg), "p95_ms": 30.0}
    return {"format": RUN_FORMAT, "suites": {name: {"scores": {"footnote": scores}, "queries": queries}}}


def as_run(*verdicts: Verdict) -> Any:  # JSON, as it is written
    return json.loads(gold_json(FACTS, score(verdicts), verdicts))


def as_conversations(*verdicts: DialogueVerdict) -> Any:  # JSON, as it is written
    return json.loads(dialogues_json(FACTS, verdicts))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    return path


def test_runs_are_compared_question_by_question() -> None:
    changes = compare(make_suites(0.5, 0.5, 0.5, 0.5), make_suites(0.7, 0.7, 0.7, 0.7))
    found = {change.measure: change for change in changes}["ndcg_10"]
    assert (found.group, found.pair_count, round(found.difference.mean, 6)) == ("laws", 4, 0.2)


def test_questions_of_one_run_alone_are_left_out() -> None:
    changes = compare(make_suites(0.5, 0.5), make_suites(0.5, 0.5, 0.9))
    assert {change.pair_count for change in changes} == {2}


def test_a_suite_of_one_run_alone_is_left_out() -> None:
    assert compare(make_suites(0.5, name="laws"), make_suites(0.5, name="poems")) == []


def test_gold_runs_are_compared_by_what_was_found_said_cited_and_refused() -> None:
    before = as_run(
        make_verdict("a", is_contained=False, section_rank=9, citations=(make_citation(is_gold=False),)),
        make_verdict("b", is_answerable=False),
        make_refusal("c"),
    )
    after = as_run(make_verdict("a"), make_refusal("b", is_answerable=False), make_verdict("c"))
    found = {change.measure: (change.pair_count, change.difference.mean) for change in compare(before, after)}
    assert found == {
        "gold_contained": (2, 1.0),
        "page_cited": (2, 0.5),
        "section_cited": (2, 1.0),
        "section_recall_5": (2, 0.5),
        "answered_when_answerable": (2, 0.5),
        "not_found_when_unanswerable": (1, 1.0),
    }


def test_one_question_of_two_people_is_two_questions() -> None:
    before = as_run(make_refusal("a"), make_refusal("a", email="maya@acme.test"))
    after = as_run(make_verdict("a"), make_refusal("a", email="maya@acme.test"))
    found = {change.measure: change for change in compare(before, after)}["gold_contained"]
    assert (found.pair_count, found.difference.mean) == (2, 0.5)


def test_conversations_are_compared_by_all_their_turns() -> None:
    before = as_conversations(make_dialogue(rank_with=None), make_dialogue(earlier=("Other?",), rank_with=None))
    after = as_conversations(make_dialogue(rank_with=3), make_dialogue(earlier=("Another?",)))
    found = {change.measure: (change.pair_count, change.difference.mean) for change in compare(before, after)}
    assert found == {"recall_with": (1, 1.0), "recall_without": (1, 0.0)}


def test_a_run_of_another_format_is_refused_in_one_line(tmp_path: Path) -> None:
    old = write(tmp_path, json.dumps({"scores": {}, "verdicts": []}))
    with pytest.raises(ConfigError, match=rf"is of format 1 and this .* compares format {RUN_FORMAT}: run it again"):
        read_run(old)


def test_a_run_is_read_from_the_folder_it_was_written_into(tmp_path: Path) -> None:
    run = make_suites(0.5)
    (tmp_path / RUN_FILE).write_text(json.dumps(run))
    assert read_run(tmp_path) == run


@pytest.mark.parametrize("text", ["", "[]", '{"other": 1}', "not json"])
def test_a_file_that_is_no_run_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="file is not what"):
        read_run(write(tmp_path, text))


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = make_suites(0.5)
    assert read_run(write(tmp_path, json.dumps(run))) == run


def test_scores_within_the_thresholds_miss_nothing(tmp_path: Path) -> None:
    gate = write(tmp_path, "[suites.laws.at_least]\nndcg_10 = 0.5\n[suites.laws.at_most]\np95_ms = 40\n")
    assert misses(make_suites(0.5, 0.6), gate) == []


def test_a_score_beyond_its_threshold_is_named_with_both_figures(tmp_path: Path) -> None:
    gate = write(tmp_path, "[suites.laws.at_least]\nndcg_10 = 0.7\n[suites.laws.at_most]\np95_ms = 20\n")
    assert [str(miss) for miss in misses(make_suites(0.5, 0.6), gate)] == [
        "laws: ndcg_10 is 0.55, and must be at least 0.7",
        "laws: p95_ms is 30, and must be at most 20",
    ]


def test_gold_scores_are_held_too(tmp_path: Path) -> None:
    gate = write(tmp_path, "[gold.at_least]\ngold_contained = 0.9\n")
    assert len(misses({"scores": {"gold_contained": 0.8}, "verdicts": []}, gate)) == 1


def test_conversations_are_held_by_what_their_history_adds(tmp_path: Path) -> None:
    gate = write(tmp_path, "[conversations.at_least]\nrecall_with = 0.5\ngain = 0.6\n")
    run = as_conversations(make_dialogue(), make_dialogue(rank_with=None))
    assert [str(miss) for miss in misses(run, gate)] == ["conversations: gain is 0.5, and must be at least 0.6"]


@pytest.mark.parametrize(
    "text",
    [
        "[conversations.at_least]\ngain = 0.1\n",
        "[suites.laws.at_least]\nunheard_of = 1\n",
        "[suites.poems.at_least]\nndcg_10 = 1\n",
        "[gold.at_least]\nndcg_10 = 1\n",
    ],
    ids=["conversations", "measure", "suite", "gold"],
)
def test_a_threshold_without_a_score_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="this run has no"):
        misses(make_suites(0.5), write(tmp_path, text))


@pytest.mark.parametrize("text", ["[laws]\nndcg_10 = 1\n", "[suites.laws.above]\nndcg_10 = 1\n", "[[["])
def test_a_file_of_no_thresholds_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="file"):
        misses(make_suites(0.5), write(tmp_path, text))
