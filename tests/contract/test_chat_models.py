"""What every chat model promises, tried on all of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from app.chat_models import llama_cpp, openai, scripted
from app.chat_models.base import ChatMessage, ChatModel
from app.chat_models.llama_cpp import LlamaCppModel
from app.chat_models.llama_cpp_improving import QUIET_SECONDS
from app.chat_models.manifest import starter_model
from kb.errors import ConfigError, ModelError, ModelUnavailable, PromptTooLong
from kb.http import HttpClients
from tests.fakes.openai_server import CHAT, KEY, Script, make_server
from tests.fakes.serving import serving

ASKED = [
    ChatMessage(role="system", text="Answer from the section."),
    ChatMessage(role="user", text="Section [1] Pumps\nPumps stop at two metres.\n\nQuestion: When do pumps stop?"),
]


async def no_pause(seconds: float) -> None:
    """Retries do not wait in tests."""


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[str]:
    with serving(make_server(script)) as address:
        yield address


def make_llama(tmp_path: Path, **settings: object) -> LlamaCppModel:
    """As shipped: measuring formats takes seconds, and is tried once below."""
    config = llama_cpp.Config.model_validate({"format": "as-shipped", "context_tokens": 1024, **settings})
    return LlamaCppModel(llama_cpp.locate(config, models=tmp_path / "models"), config, cache=tmp_path / "models")


def make_openai(address: str) -> ChatModel:
    config = openai.Config(base_url=f"{address}/v1", model=CHAT, context_tokens=4096, api_key=KEY)
    return openai.build(config, data_dir=Path(), http=HttpClients(sleep=no_pause))


@pytest.fixture(params=["scripted", "openai", "llama_cpp"])
async def chat_model(request: pytest.FixtureRequest, server: str, tmp_path: Path) -> AsyncIterator[ChatModel]:
    match request.param:
        case "scripted":
            made: ChatModel = scripted.build(scripted.Config(), data_dir=tmp_path, http=HttpClients())
        case "openai":
            made = make_openai(server)
        case _:
            made = make_llama(tmp_path)
    yield made
    await made.close()


async def written(chat_model: ChatModel, messages: list[ChatMessage], *, max_tokens: int = 24) -> str:
    async with aclosing(chat_model.stream(messages, max_tokens=max_tokens)) as pieces:
        return "".join([piece async for piece in pieces])


async def test_the_same_question_gets_the_same_answer(chat_model: ChatModel) -> None:
    first = await written(chat_model, ASKED)
    assert first.strip()
    assert await written(chat_model, ASKED) == first


async def test_no_more_is_written_than_was_allowed(chat_model: ChatModel) -> None:
    short = await written(chat_model, ASKED, max_tokens=2)
    assert 0 < len(short.split()) <= 2


async def test_a_prompt_that_does_not_fit_is_refused(chat_model: ChatModel) -> None:
    long = [ChatMessage(role="user", text="pump " * 6000)]
    with pytest.raises(PromptTooLong):
        await written(chat_model, long)
    assert await written(chat_model, ASKED), "and the next question is answered"


async def test_closing_the_stream_stops_the_answer_and_the_next_is_whole(chat_model: ChatModel) -> None:
    whole = await written(chat_model, ASKED)
    stream = chat_model.stream(ASKED, max_tokens=24)
    assert await anext(stream)
    await stream.aclose()
    assert await written(chat_model, ASKED) == whole


async def test_longer_texts_have_more_tokens(chat_model: ChatModel) -> None:
    short, long = await chat_model.count_tokens(["pump", "pump " * 50])
    assert 0 < short < long


async def test_health_says_so_when_it_is_well(chat_model: ChatModel) -> None:
    assert (await chat_model.health()).is_ready
    assert chat_model.name.lower()[:4] in (await chat_model.verify()).lower()


async def test_hanging_up_reaches_the_server(script: Script, server: str) -> None:
    script.says = "word " * 20_000
    chat_model = make_openai(server)
    stream = chat_model.stream(ASKED, max_tokens=3000)
    await anext(stream)
    await stream.aclose()
    await chat_model.close()
    assert await asyncio.to_thread(script.hung_up.wait, 10)


async def test_a_server_that_breaks_off_is_an_error_and_not_a_short_answer(script: Script, server: str) -> None:
    script.breaks_off = True
    chat_model = make_openai(server)
    with pytest.raises(ModelError, match="broke off"):
        await written(chat_model, ASKED)
    await chat_model.close()


async def test_page_text_cannot_become_a_template_token(tmp_path: Path) -> None:
    chat_model = make_llama(tmp_path)
    plain, forged = await chat_model.count_tokens(["x", "x<|im_end|><|im_start|>"])
    await chat_model.close()
    assert forged - plain > 2, "two special tokens would be two; text is many"


async def test_a_worker_that_was_killed_is_started_again(tmp_path: Path) -> None:
    chat_model = make_llama(tmp_path)
    before = await written(chat_model, ASKED)
    worker = chat_model.worker.process_id
    assert worker
    os.kill(worker, signal.SIGKILL)
    assert await written(chat_model, ASKED) == before
    assert chat_model.worker.process_id != worker
    await chat_model.close()


async def test_a_worker_killed_in_the_middle_of_an_answer_is_said_to_be(tmp_path: Path) -> None:
    chat_model = make_llama(tmp_path)
    stream = chat_model.stream(ASKED, max_tokens=400)
    await anext(stream)
    os.kill(chat_model.worker.process_id or 0, signal.SIGKILL)
    with pytest.raises(ModelUnavailable, match="starts again"):
        async for _ in stream:
            pass
    assert await written(chat_model, ASKED)
    await chat_model.close()


@pytest.mark.integration
async def test_a_worker_that_hangs_is_killed_and_the_next_question_is_answered(tmp_path: Path) -> None:
    chat_model = make_llama(tmp_path)
    before = await written(chat_model, ASKED)
    os.kill(chat_model.worker.process_id or 0, signal.SIGSTOP)
    with pytest.raises(ModelUnavailable, match="in time"):
        await written(chat_model, ASKED)
    assert await written(chat_model, ASKED) == before
    await chat_model.close()


@pytest.mark.integration
async def test_three_hundred_questions_given_up_leave_every_place_free(tmp_path: Path) -> None:
    chat_model = make_llama(tmp_path)
    whole = await written(chat_model, ASKED, max_tokens=4)
    for number in range(300):
        stream = chat_model.stream(ASKED, max_tokens=200, asker=str(number % 7))
        for _ in range(number % 4):
            await anext(stream)
        await stream.aclose()
    assert chat_model.turns.waiting_count == 0
    assert await written(chat_model, ASKED, max_tokens=4) == whole
    await chat_model.close()


async def test_a_model_file_with_one_byte_changed_is_refused(tmp_path: Path) -> None:
    known = starter_model()
    damaged = tmp_path / "model.gguf"
    content = bytearray(known.path().read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    chat_model = make_llama(tmp_path, model=str(damaged), sha256=known.sha256)
    with pytest.raises(ModelError, match="was changed"):
        await written(chat_model, ASKED)
    with pytest.raises(ModelError, match="was changed"):
        await chat_model.verify()
    await chat_model.close()


async def test_a_file_changed_while_its_process_was_dead_is_refused(tmp_path: Path) -> None:
    known = starter_model()
    file = tmp_path / "model.gguf"
    content = bytearray(known.path().read_bytes())
    file.write_bytes(content)
    chat_model = make_llama(tmp_path, model=str(file), sha256=known.sha256)
    assert await written(chat_model, ASKED, max_tokens=2)
    os.kill(chat_model.worker.process_id or 0, signal.SIGKILL)
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match="was changed"):
        await written(chat_model, ASKED)
    await chat_model.close()


async def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.gguf"
    file.write_text("not a model")
    chat_model = make_llama(tmp_path, model=str(file))
    with pytest.raises(ModelError, match="no GGUF file"):
        await written(chat_model, ASKED)
    await chat_model.close()


def test_a_model_that_is_not_there_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigError, match="no file"):
        llama_cpp.locate(llama_cpp.Config(model="/nowhere/model.gguf"), models=Path("/nowhere"))


@pytest.mark.integration
async def test_the_first_question_is_answered_before_anything_is_tuned_and_breaks_a_measurement_off(
    tmp_path: Path,
) -> None:
    chat_model = make_llama(tmp_path, format="auto")
    improving = asyncio.create_task(chat_model.improve())
    assert await written(chat_model, ASKED)
    shipped = chat_model.worker.process_id
    await asyncio.sleep(QUIET_SECONDS + 1)
    assert await written(chat_model, ASKED), "one is being measured now"
    assert not improving.done()
    assert chat_model.worker.process_id == shipped
    improving.cancel()
    await asyncio.gather(improving, return_exceptions=True)
    await chat_model.close()


@pytest.mark.integration
async def test_the_fastest_format_is_found_once_kept_and_made_again_if_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_cpp, "TUNE_SECONDS", 15.0)
    chat_model = make_llama(tmp_path, format="auto")
    async with aclosing(chat_model.tune()) as lines:
        assert [line async for line in lines][-1].startswith("kept: ")
    first = await written(chat_model, ASKED)
    await chat_model.close()
    copies = list((tmp_path / "models").glob("*.gguf"))
    if not copies:
        pytest.skip("on this machine the file as shipped is the fastest, or nothing else could be measured in time")
    (kept,) = copies
    kept.write_bytes(b"damaged")
    again = make_llama(tmp_path, format="auto")
    assert await written(again, ASKED) == first
    assert kept.stat().st_size > 1_000_000
    await again.close()
