"""The cross-encoder as second check, with real, tiny models that the test makes itself."""

import json
from pathlib import Path

import pytest

from app.checkers import cross_encoder
from app.checkers.base import SecondCheck
from kb.errors import ModelError
from tests.integration.test_cross_encoder import make_model

pytestmark = pytest.mark.integration
CLAIM, EVIDENCE = "roll back the firmware", "days of annual leave"


def make_check(folder: Path, *, labels: tuple[str, ...] = ("supported",)) -> SecondCheck:
    """An untrained model with these labels."""
    model = make_model(folder / "tiny", labels=len(labels))
    facts = json.loads((model / "config.json").read_text(encoding="utf-8"))
    facts["id2label"] = {str(place): label for place, label in enumerate(labels)}
    facts["label2id"] = {label: place for place, label in enumerate(labels)}
    (model / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    return cross_encoder.build(cross_encoder.Config(model=str(model), max_tokens=48, device="cpu"), data_dir=folder)


def test_a_model_of_one_score_gives_it_between_zero_and_one(tmp_path: Path) -> None:
    check = make_check(tmp_path)
    scores = {check.score(CLAIM, EVIDENCE), check.score("annual leave", EVIDENCE)}
    assert len(scores) == 2
    assert all(0 <= score <= 1 for score in scores)


def test_of_a_model_of_inference_the_share_of_what_follows_counts(tmp_path: Path) -> None:
    orders = (("contradiction", "entailment", "neutral"), ("entailment", "neutral", "contradiction"))
    first, second = (make_check(tmp_path / str(place), labels=order) for place, order in enumerate(orders))
    # The same weights; only what their three outputs are called differs.
    assert 0 < first.score(CLAIM, EVIDENCE) < 1
    assert first.score(CLAIM, EVIDENCE) != pytest.approx(second.score(CLAIM, EVIDENCE))


def test_the_evidence_is_read_before_the_claim(tmp_path: Path) -> None:
    check = make_check(tmp_path)
    assert check.score(CLAIM, EVIDENCE) != pytest.approx(check.score(EVIDENCE, CLAIM))


@pytest.mark.parametrize("labels", [("LABEL_0", "LABEL_1"), ("not_entailment", "contradiction", "neutral")])
def test_a_model_that_does_not_say_which_label_follows_is_refused(tmp_path: Path, labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match=f"no label for what follows from a text: {labels[0]}"):
        make_check(tmp_path, labels=labels).score(CLAIM, EVIDENCE)


def test_a_missing_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    check = cross_encoder.build(cross_encoder.Config(model=str(tmp_path / "missing")), data_dir=tmp_path)
    with pytest.raises(ModelError, match=r"missing.*set \[checker\] kind"):
        check.score(CLAIM, EVIDENCE)
