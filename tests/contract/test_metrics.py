"""Metrics: the text format, what is counted, and what never becomes a label; streams outlive a wish to stop."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest

from app.chat_models.base import ChatMessage
from app.metrics import Histogram, sample
from app.wiring import AnswerSide
from tests.fakes.answer_sides import QUESTION, closed, make_key, make_settings, open_to_anyone, opened_side
from tests.fakes.slow_model import EndlessModel
from tests.fakes.web_sides import served

LINE = re.compile(r'[a-z_]+(\{([a-z_]+="[^"\n]*",?)+\})? [0-9.e+-]+')


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


async def test_answers_requests_and_documents_are_counted(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        await client.post("/api/v1/ask", json={"question": QUESTION})
        await client.get("/documents/docs:leave.md")
        await client.get("/nobody's-words")
        told = await client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in told.text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert 'footnote_answers_total{channel="rest",status="answered",mode="grounded"} 1' in lines
    assert 'footnote_http_requests_total{route="/api/v1/ask",method="POST",status="200"} 1' in lines
    assert 'footnote_http_requests_total{route="none",method="GET",status="404"} 1' in lines
    assert 'footnote_documents{source="docs",state="indexed"} 4' in lines
    assert "leave.md" not in told.text
    assert "nobody" not in told.text


async def test_a_method_nobody_knows_is_no_new_label(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        for number in range(3):
            await client.request(f"WORD{number}", "/")
        assert "WORD" not in (await client.get("/metrics")).text


async def test_a_closed_servers_metrics_need_the_scope(side: AnswerSide) -> None:
    for scope, status in (("metrics", 200), ("admin", 403), ("ask", 403)):
        async with closed(side, await make_key(side, scope)) as client:
            assert (await client.get("/metrics")).status_code == status


def test_a_histogram_is_cumulative() -> None:
    histogram = Histogram("x", "")
    for seconds in (0.02, 0.5, 99.0):
        histogram.observe(seconds, route="/")
    lines = dict(line.rsplit(" ", 1) for line in histogram.lines())
    assert (lines['x_bucket{route="/",le="0.03"}'], lines['x_bucket{route="/",le="1"}']) == ("1", "2")
    assert lines['x_bucket{route="/",le="+Inf"}'] == lines['x_count{route="/"}'] == "3"


def test_a_label_cannot_break_its_line() -> None:
    assert sample("x", (("a", 'b"c\\d\ne'),), 1) == 'x{a="b\\"c\\\\d\\ne"} 1'


def test_no_number_is_rounded() -> None:
    assert [sample("x", (), value) for value in (1795660000.0, 12_345_678, 0.25)] == [
        "x 1795660000",
        "x 12345678",
        "x 0.25",
    ]


class PatientModel(EndlessModel):
    """Waits to be let on, then says one sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """One sentence."""
        self.started.set()
        await self.may_go_on.wait()
        yield "Everyone gets 26 days of annual leave each year. [1]"


async def test_a_stream_is_finished_after_the_server_was_told_to_stop(tmp_path: Path) -> None:
    patient = PatientModel()
    settings = await asyncio.to_thread(make_settings, tmp_path)
    with served(settings, chat_model=patient) as server:
        async with httpx.AsyncClient() as client:
            body = {"question": QUESTION, "stream": True}
            asking = asyncio.create_task(client.post(f"{server.url}/api/v1/ask", json=body, timeout=30))
            assert await asyncio.to_thread(patient.started.wait, 10)
            server.server.should_exit = True
            server.loop.call_soon_threadsafe(patient.may_go_on.set)
            stream = (await asking).text
    assert "event: done" in stream
    assert "26 days" in stream
