"""The chat model asked far more than it can answer, hung up on, killed and stopped: short versions of the benchmark."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.chat_models.llama_cpp import LlamaCppModel
from bench import overload_http
from bench.overload import broken, flood, hang_ups, make_model, recovery
from tests.fakes.answer_sides import CONFIG, QUESTION, make_settings
from tests.fakes.command import Command

pytestmark = pytest.mark.integration


@pytest.fixture
async def chat_model(tmp_path: Path) -> AsyncIterator[LlamaCppModel]:
    made = make_model(tmp_path, parallel=2, queue_seconds=2)
    await recovery(made)
    yield made
    await made.close()


async def test_each_of_far_too_many_questions_is_answered_or_told_when_to_come_back(chat_model: LlamaCppModel) -> None:
    outcomes = await flood(chat_model, rate=60, seconds=2)
    assert outcomes.counts["answered"] > 0
    assert outcomes.counts["refused"] > 0
    assert outcomes.lost == 0
    assert chat_model.turns.waiting_count == 0


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
async def test_questions_at_work_in_a_worker_that_breaks_end_and_the_next_is_answered(
    chat_model: LlamaCppModel, sent: signal.Signals
) -> None:
    before = chat_model.worker.process_id
    outcomes, _ = await broken(chat_model, sent)
    assert outcomes.counts["stuck"] == 0
    assert outcomes.counts.total() == 6
    assert chat_model.worker.process_id not in {None, before}


async def test_a_place_is_free_again_when_callers_leave_in_the_middle(chat_model: LlamaCppModel) -> None:
    assert len(await hang_ups(chat_model, times=20)) == 20
    assert chat_model.turns.waiting_count == 0
    outcomes = await flood(chat_model, rate=4, seconds=0.4)
    assert outcomes.counts["answered"] == outcomes.counts.total()


async def test_a_server_asked_far_too_much_answers_or_says_when_to_come_back_and_is_soon_itself_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_CHAT_MODEL__PAUSE_SECONDS", "0.2")
    monkeypatch.setenv("FOOTNOTE_LIMITS__LONGEST_WAIT_SECONDS", "1")
    make_settings(tmp_path, config=CONFIG.replace('kind = "memory"', 'kind = "edge"'))
    command = Command(config=tmp_path / "footnote.toml")
    assert (await asyncio.to_thread(command, "sync")).code == 0
    with command.serving() as (_, url):
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=url, limits=limits) as client:
            outcomes = await overload_http.flood(client, [QUESTION], rate=80, seconds=2)
            assert await overload_http.ask(client, QUESTION, overload_http.Outcomes()) == "asked the model"
    assert outcomes.lost == 0
    assert outcomes.counts["asked the model"] > 0
    assert outcomes.counts["refused, with Retry-After"] > 0
