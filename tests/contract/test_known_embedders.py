"""Well-known embedders, each stood for by a tiny model of that name: the right prompt goes before each text."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.embedders import sentence_transformers
from kb.embedders.base import Embedder
from kb.embedders.sentence_transformers_files import locate
from kb.embedders.sentence_transformers_known import KNOWN_MODELS, KnownModel, prompts_of
from kb.errors import ModelError
from kb.http import HttpClients

MODELS_PAGE = Path(__file__).resolve().parents[2] / "docs/models.md"
TEXT = "annual leave"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of one layer and eight dimensions that reads every letter."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny"
    letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(chr, range(32, 127)), "\n"]
    tokenizer = Tokenizer(models.WordLevel({letter: place for place, letter in enumerate(letters)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(5)
    shape: dict[str, Any] = {
        "vocab_size": len(letters),
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 256,
        "initializer_range": 1.0,
    }
    BertModel(BertConfig(**shape)).save_pretrained(folder)
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return folder


@asynccontextmanager
async def opened(folder: Path, **settings: Any) -> AsyncIterator[Embedder]:
    """The embedder in a folder, closed at the end."""
    config = sentence_transformers.Config(model=str(folder), device="cpu", dtype="float32", **settings)
    made = sentence_transformers.build(config, data_dir=folder, http=HttpClients())
    yield made
    await made.close()


@pytest.mark.parametrize("known", KNOWN_MODELS, ids=lambda known: known.name)
async def test_questions_and_passages_get_the_models_own_prompts(known: KnownModel, tiny: Path, tmp_path: Path) -> None:
    named = tmp_path / known.name.partition("/")[2]
    shutil.copytree(tiny, named)
    async with opened(named) as embedder, opened(tiny, query_prompt="", passage_prompt="") as plain:
        (passage,) = await embedder.embed_passages([TEXT])
        wanted = await plain.embed_passages([known.query_prompt + TEXT, known.passage_prompt + TEXT])
        assert np.allclose(await embedder.embed_query(TEXT), wanted[0], atol=1e-5)
        assert np.allclose(passage, wanted[1], atol=1e-5)
        # A prompt that went missing would show.
        assert np.allclose(wanted[0], wanted[1], atol=1e-5) == (known.query_prompt == known.passage_prompt)


@pytest.mark.parametrize("known", KNOWN_MODELS, ids=lambda known: known.name)
def test_a_known_model_is_told_by_its_name_and_documented(known: KnownModel) -> None:
    assert prompts_of(known.name) == (known.query_prompt, known.passage_prompt)
    short = known.name.partition("/")[2]
    (row,) = [
        line for line in MODELS_PAGE.read_text(encoding="utf-8").splitlines() if f"[{short}]({known.card})" in line
    ]
    for prompt in filter(None, (known.query_prompt, known.passage_prompt)):
        assert f"`{prompt}`".replace("\n", "\\n").replace("|", "\\|") in row
    assert f"| {known.dimension} |" in row
    assert row.endswith(f"| {known.licence} |")


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("acme/bge-large-en-v1.5-tuned", "BAAI/bge-base-en-v1.5"),
        ("BAAI/bge-small-zh-v1.5", "BAAI/bge-base-zh-v1.5"),
        ("intfloat/multilingual-e5-large", "intfloat/multilingual-e5-base"),
        ("intfloat/e5-mistral-7b-instruct", "intfloat/multilingual-e5-large-instruct"),
        ("Snowflake/snowflake-arctic-embed-xs", "Snowflake/snowflake-arctic-embed-m-v1.5"),
        ("Qwen/Qwen3-Embedding-4B", "Qwen/Qwen3-Embedding-0.6B"),
    ],
)
def test_a_relative_gets_its_familys_prompts(name: str, base: str) -> None:
    (known,) = [each for each in KNOWN_MODELS if each.name == base]
    assert prompts_of(name) == (known.query_prompt, known.passage_prompt)


@pytest.mark.parametrize(
    "name", ["BAAI/bge-en-icl", "nomic-ai/nomic-embed-code", "mixedbread-ai/mxbai-embed-xsmall-v1"]
)
def test_a_relative_with_prompts_of_its_own_gets_none_of_the_familys(name: str) -> None:
    assert prompts_of(name) == ("", "")


def test_what_the_models_files_say_comes_before_what_its_name_tells(tiny: Path, tmp_path: Path) -> None:
    named = tmp_path / "bge-of-our-own"
    shutil.copytree(tiny, named)
    own = {"prompts": {"query": "ask: ", "document": "page: "}}
    (named / "config_sentence_transformers.json").write_text(json.dumps(own), encoding="utf-8")
    found = locate(str(named), query_prompt=None, passage_prompt=None)
    assert (found.query_prompt, found.passage_prompt) == ("ask: ", "page: ")
    found = locate(str(named), query_prompt="", passage_prompt="mine: ")
    assert (found.query_prompt, found.passage_prompt) == ("", "mine: ")


async def test_another_prompt_is_another_embedder(tiny: Path) -> None:
    async with opened(tiny) as plain, opened(tiny, query_prompt="query: ") as prompted:
        assert plain.identity != prompted.identity


async def test_vectors_of_another_length_than_the_files_say_are_refused_in_one_line(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mislabelled"
    shutil.copytree(tiny, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 16}), encoding="utf-8")
    async with opened(folder) as embedder:
        with pytest.raises(ModelError, match=r"mislabelled makes vectors of 8 numbers and its files say 16") as caught:
            await embedder.embed_query(TEXT)
    assert "\n" not in str(caught.value)
