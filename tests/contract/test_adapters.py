"""LoRA adapters of the `llama_cpp` chat model: one for a tone, switched from answer to answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from app.answering.prompting import build_messages
from app.chat_models import llama_cpp
from app.chat_models.base import ChatMessage
from app.chat_models.llama_cpp import LlamaCppModel
from app.chat_models.manifest import starter_model
from kb.errors import ConfigError, ModelError
from kb.http import HttpClients
from tests.fakes.answering import make_passage
from tests.fakes.gguf_adapters import write_adapter

pytestmark = pytest.mark.integration
PASSAGES = [make_passage("The pump stops at two metres.")]


def make_model(home: Path, adapters: dict[str, str], **settings: object) -> LlamaCppModel:
    values = {"format": "as-shipped", "context_tokens": 1024, "adapters": adapters, **settings}
    made = llama_cpp.build(llama_cpp.Config.model_validate(values), data_dir=home, http=HttpClients())
    assert isinstance(made, LlamaCppModel)
    return made


def asked(tone: str) -> list[ChatMessage]:
    """The same words in every tone, so that only the adapter differs."""
    system, user = build_messages("When does the pump stop?", PASSAGES, tone="")
    return [ChatMessage(role="system", text=system.text, tone=tone), user]


async def written(chat_model: LlamaCppModel, tone: str) -> str:
    async with aclosing(chat_model.stream(asked(tone), max_tokens=12)) as pieces:
        return "".join([piece async for piece in pieces])


@pytest.fixture(params=[False, True], ids=["read whole", "joined"])
async def chat_model(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LlamaCppModel]:
    files = {
        tone: str(write_adapter(tmp_path / f"{tone}.gguf", seed=seed)) for seed, tone in enumerate(("brief", "warm"))
    }
    made = make_model(tmp_path, files, section_memory=request.param)
    yield made
    await made.close()


async def test_each_tone_has_its_adapter_and_answers_made_together_keep_theirs(chat_model: LlamaCppModel) -> None:
    tones = ("", "brief", "warm", "unheard of")
    alone = [await written(chat_model, tone) for tone in tones]
    assert len(set(alone)) == 3, "the adapters say other things"
    assert alone[0] == alone[3], "a tone without an adapter is the model's own"
    assert await asyncio.gather(*(written(chat_model, tone) for tone in reversed(tones))) == alone[::-1]


def test_the_digest_covers_model_and_adapters(tmp_path: Path) -> None:
    digests = {make_model(tmp_path, {}).sha256}
    for seed in (1, 2):
        file = write_adapter(tmp_path / "brief.gguf", seed=seed)
        digests.add(make_model(tmp_path, {"brief": str(file)}).sha256)
    digests.add(make_model(tmp_path, {"warm": str(file)}).sha256)
    assert len(digests) == 4
    assert starter_model().sha256 in digests


def test_an_adapter_that_is_not_there_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="brief"):
        make_model(tmp_path, {"brief": "/nowhere/brief.gguf"})


@pytest.mark.parametrize("fault", ["for another model", "no adapter"])
async def test_a_file_that_does_not_fit_the_model_is_refused_by_name(tmp_path: Path, fault: str) -> None:
    file = write_adapter(tmp_path / "brief.gguf", seed=1, inner=64)
    if fault == "no adapter":
        file.write_text("not a GGUF file")
    chat_model = make_model(tmp_path, {"brief": str(file)})
    with pytest.raises(ModelError, match=r"brief\.gguf"):
        await written(chat_model, "")
    await chat_model.close()
