"""The cross-encoder reranker with a real, tiny model that the test makes itself."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.rerankers import cross_encoder
from app.rerankers.base import Reranker
from kb.errors import ModelError

pytestmark = pytest.mark.integration

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] how do i roll back firmware leave annual days the of".split()


def make_model(folder: Path, *, labels: int = 1) -> Path:
    """An untrained model of one layer with a vocabulary of a few words."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    torch.manual_seed(3)
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    shape: dict[str, Any] = {
        "vocab_size": len(WORDS),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
        "num_labels": labels,
        "initializer_range": 1.0,
    }
    BertForSequenceClassification(BertConfig(**shape)).save_pretrained(folder)
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture
async def reranker(tmp_path: Path) -> AsyncIterator[Reranker]:
    config = cross_encoder.Config(model=str(make_model(tmp_path / "tiny")), max_tokens=48, device="cpu")
    built = cross_encoder.build(config, data_dir=tmp_path)
    yield built
    await built.close()


async def test_each_pair_has_a_score_of_its_own_between_zero_and_one(reranker: Reranker) -> None:
    scores = await reranker.score("how do i roll back firmware", ["roll back the firmware", "days of annual leave"])
    assert all(0 <= score <= 1 for score in scores)
    assert len(set(scores)) == 2


async def test_a_pairs_score_does_not_depend_on_its_neighbours(reranker: Reranker) -> None:
    alone = await reranker.score("annual leave", ["days of annual leave"])
    among = await reranker.score("annual leave", ["roll back the firmware", "days of annual leave", "the " * 40])
    assert among[1] == pytest.approx(alone[0], abs=1e-4)


async def test_nothing_to_score_loads_nothing(tmp_path: Path) -> None:
    built = cross_encoder.build(cross_encoder.Config(model=str(tmp_path / "missing")), data_dir=tmp_path)
    assert await built.score("annual leave", []) == []


async def test_a_missing_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    built = cross_encoder.build(cross_encoder.Config(model=str(tmp_path / "missing")), data_dir=tmp_path)
    with pytest.raises(ModelError, match=r"missing.*set \[reranker\] kind"):
        await built.score("annual leave", ["days"])


async def test_a_model_with_several_scores_a_pair_is_refused(tmp_path: Path) -> None:
    config = cross_encoder.Config(model=str(make_model(tmp_path / "three", labels=3)), device="cpu")
    with pytest.raises(ModelError, match="3 scores a pair"):
        await cross_encoder.build(config, data_dir=tmp_path).score("annual leave", ["days"])
