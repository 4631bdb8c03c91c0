"""What every embedder promises, tried on all of them."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from kb.embedders import hashing, openai, sentence_transformers
from kb.embedders.base import Embedder, PieceEmbedder, Vectors
from kb.embedders.latest import Latest
from kb.embedders.sentence_transformers_files import locate
from kb.embedders.sentence_transformers_runner import Runner
from kb.errors import ConfigError, ModelError, ModelRateLimited, ModelUnavailable
from kb.http import HttpClients
from tests.fakes.openai_server import DIMENSION, EMBEDDING, KEY, Script, make_server
from tests.fakes.serving import serving

TEXTS = ["The pump stops at two metres.", "Annual leave is 25 days.", "", "💧 été", "word " * 900]
KINDS = ["hashing", "openai", "sentence_transformers"]


async def no_pause(seconds: float) -> None:
    """Retries do not wait in tests."""


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[str]:
    with serving(make_server(script)) as address:
        yield address


def make_embedder(kind: str, *, address: str, tmp_path: Path, key: str = KEY) -> Embedder:
    http = HttpClients(sleep=no_pause)
    if kind == "hashing":
        return hashing.build(hashing.Config(), data_dir=tmp_path, http=http)
    if kind == "openai":
        config = openai.Config(base_url=f"{address}/v1", model=EMBEDDING, dimension=DIMENSION, api_key=key)
        return openai.build(config, data_dir=tmp_path, http=http)
    return starter()


@cache
def starter() -> Embedder:
    """Loaded once: its weights take seconds."""
    return sentence_transformers.build(sentence_transformers.Config(), data_dir=Path(), http=HttpClients())


@pytest.fixture(params=KINDS)
async def embedder(request: pytest.FixtureRequest, server: str, tmp_path: Path) -> AsyncIterator[Embedder]:
    made = make_embedder(request.param, address=server, tmp_path=tmp_path)
    yield made
    if made is not starter():
        await made.close()


async def test_passages_become_unit_vectors_in_their_order(embedder: Embedder) -> None:
    texts = TEXTS if embedder.name != EMBEDDING else [text or "." for text in TEXTS]
    vectors = await embedder.embed_passages(texts)
    assert vectors.shape == (len(texts), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    (alone,) = await embedder.embed_passages([texts[1]])
    assert float(alone @ vectors[1]) > 0.999


@asynccontextmanager
async def opened(address: str, *, key: str = KEY, dimension: int = DIMENSION) -> AsyncIterator[Embedder]:
    """An embedder of the fake server, hung up at the end."""
    config = openai.Config(base_url=f"{address}/v1", model=EMBEDDING, dimension=dimension, api_key=key)
    made = openai.build(config, data_dir=Path(), http=HttpClients(sleep=no_pause))
    yield made
    await made.close()


async def test_nothing_becomes_no_vectors(embedder: Embedder) -> None:
    assert (await embedder.embed_passages([])).shape == (0, embedder.dimension)


async def test_a_question_is_nearest_to_the_passage_that_shares_its_words(embedder: Embedder) -> None:
    vectors = await embedder.embed_passages(["The pump stops at two metres.", "Annual leave is 25 days."])
    query = await embedder.embed_query("when does the pump stop")
    assert query.shape == (embedder.dimension,)
    assert float(vectors[0] @ query) > float(vectors[1] @ query)


async def test_longer_texts_have_more_tokens(embedder: Embedder) -> None:
    short, long = embedder.count_tokens(["pump", "pump " * 50])
    assert 0 < short < long


async def test_the_identity_is_the_same_for_the_same_settings(embedder: Embedder, server: str, tmp_path: Path) -> None:
    kind = type(embedder).__module__.rpartition(".")[2]
    twin = make_embedder(kind, address=server, tmp_path=tmp_path)
    assert embedder.identity == twin.identity
    if twin is not starter():
        await twin.close()


async def test_verifying_says_what_was_looked_at(embedder: Embedder) -> None:
    assert embedder.name in await embedder.verify()


async def test_a_wrong_key_is_said_in_one_line_without_the_key(server: str) -> None:
    async with opened(server, key="sk-wrong-key") as refused:
        with pytest.raises(ModelError, match="refused the key") as caught:
            await refused.embed_query("x")
    assert "sk-wrong" not in str(caught.value)
    assert not caught.value.retryable


async def test_a_server_that_stumbles_is_asked_again(script: Script, server: str) -> None:
    script.statuses = [503, 429, 200]
    async with opened(server) as embedder:
        assert (await embedder.embed_query("x")).shape == (DIMENSION,)


async def test_a_server_that_stays_down_is_unavailable(script: Script, server: str) -> None:
    script.statuses = [503] * 9
    async with opened(server) as embedder:
        with pytest.raises(ModelUnavailable):
            await embedder.embed_query("x")


async def test_a_long_retry_after_is_passed_on_instead_of_waited_for(script: Script, server: str) -> None:
    script.statuses, script.retry_after = [429] * 9, "3600"
    async with opened(server) as embedder:
        with pytest.raises(ModelRateLimited) as caught:
            await embedder.embed_query("x")
    assert caught.value.retry_after == 3600
    assert len(script.statuses) == 8


async def test_vectors_of_another_length_are_refused(server: str) -> None:
    async with opened(server, dimension=12) as embedder:
        with pytest.raises(ModelError, match="not 12 long"):
            await embedder.embed_query("x")


async def test_weights_with_one_byte_changed_are_refused(tmp_path: Path) -> None:
    files = locate("starter", query_prompt=None, passage_prompt=None)
    copy = tmp_path / "model"
    shutil.copytree(files.directory, copy, ignore=shutil.ignore_patterns("*.bin", "*.onnx"))
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-100] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="were changed"):
        replace(files, directory=copy).verify()


async def test_texts_longer_than_the_limit_are_cut_like_the_models_own_preprocessing_does(tmp_path: Path) -> None:
    (long,) = locate("starter", query_prompt=None, passage_prompt=None).tokens(["pump " * 900], longest=256)
    assert len(long) == 256
    assert (long[0], long[-1]) == (101, 102), "[CLS] … [SEP]"


@pytest.mark.parametrize(
    ("name", "query_prompt", "passage_prompt"),
    [("intfloat-e5-small", "query: ", "passage: "), ("nomic-embed-text", "search_query: ", "search_document: ")],
)
def test_models_that_were_trained_with_prompts_get_them(
    name: str, query_prompt: str, passage_prompt: str, tmp_path: Path
) -> None:
    folder = tmp_path / name
    shutil.copytree(locate("starter", query_prompt=None, passage_prompt=None).directory, folder)
    found = locate(str(folder), query_prompt=None, passage_prompt=None)
    assert (found.query_prompt, found.passage_prompt) == (query_prompt, passage_prompt)


def test_a_model_folder_that_is_not_there_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        locate("./nowhere", query_prompt=None, passage_prompt=None)


async def test_pieces_tell_where_in_the_text_they_stand() -> None:
    embedder = starter()
    assert isinstance(embedder, PieceEmbedder)
    texts = ["Pump K3 stops.", "💧 été", "", "word " * 900]
    made = await embedder.embed_pieces(texts)
    assert [
        "".join(text[start:end] for start, end in each.spans) for text, each in zip(texts[:3], made, strict=False)
    ] == [
        "PumpK3stops.",
        "💧été",
        "",
    ]
    assert 0 < len(made[3].spans) < embedder.max_tokens
    for each in made:
        assert each.vectors.shape == (len(each.spans), embedder.dimension)
        assert np.allclose(np.linalg.norm(each.vectors, axis=1), 1, atol=1e-3)
    assert await embedder.embed_pieces([]) == []


async def test_texts_of_many_lengths_come_in_few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled kernels are kept for each shape; 60 lengths of their own would be 60 times their memory."""
    embedder = starter()
    together: set[tuple[int, ...]] = set()
    alone: set[tuple[int, ...]] = set()
    forward, gelu = SentenceTransformer.forward, torch.nn.functional.gelu

    def noted(self: SentenceTransformer, features: dict[str, Any]) -> Any:
        together.add(tuple(features["input_ids"].shape))
        return forward(self, features)

    def widened(states: torch.Tensor) -> torch.Tensor:
        alone.add(tuple(states.shape))
        return gelu(states)

    monkeypatch.setattr(SentenceTransformer, "forward", noted)
    for words in range(1, 61):
        await embedder.embed_passages(["pump " * words] * 2)
    assert len(together) == 8
    monkeypatch.setattr(torch.nn.functional, "gelu", widened)
    for words in range(1, 61):
        await embedder.embed_query("pump " * words)
    assert len(together) == 8
    # None where the CPU's kernels are not those that the quicker way for one text is made for.
    assert len(alone) in {0, 8}


@pytest.mark.parametrize("dtype", ["auto", "float32"])
def test_a_text_alone_has_the_vectors_that_the_model_itself_makes(dtype: str) -> None:
    files = locate("starter", query_prompt=None, passage_prompt=None)
    quick = Runner.load(files, max_tokens=256, dtype=dtype, device="cpu")
    plain = replace(Runner.load(files, max_tokens=256, dtype="float32", device="cpu"), single=None)
    for tokens in files.tokens(["Is it?", "💧 été", "", "When must the pump stop? " * 9, "word " * 900], longest=256):
        for ours, theirs in (
            (quick.forward([""], [tokens]), plain.forward([""], [tokens])),
            (quick.forward_pieces([""], [tokens])[0], plain.forward_pieces([""], [tokens])[0]),
        ):
            assert ours.shape == theirs.shape
            lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
            assert ((ours * theirs).sum(axis=1) / lengths).min() > 0.999


async def test_many_who_ask_the_same_at_once_have_it_embedded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = starter()
    assert isinstance(embedder, PieceEmbedder)
    made: list[str] = []
    forward = Runner.forward_pieces

    def counted(self: Runner, texts: Sequence[str], tokens: Sequence[Sequence[int]]) -> list[Vectors]:
        made.extend(texts)
        return forward(self, texts, tokens)

    monkeypatch.setattr(Runner, "forward_pieces", counted)
    text = "Only this test embeds this sentence."
    found = await asyncio.gather(*(embedder.embed_pieces([text]) for _ in range(8)))
    assert made == [text]
    assert all(pieces is found[0][0] for (pieces,) in found)


def test_what_was_not_asked_for_the_longest_is_forgotten_first() -> None:
    latest: Latest[int] = Latest(2)
    latest.put("a", 1)
    latest.put("b", 2)
    assert latest.get("a") == 1
    latest.put("c", 3)
    assert [latest.get(key) for key in "abc"] == [1, None, 3]
