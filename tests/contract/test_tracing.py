"""Traces: sent to a collector as OTLP, made of the parts of an answer, and without a word of anybody's."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs the extra `tracing`")

from fastapi import FastAPI, Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.settings import Settings, TracingTable
from app.spans import traced_base
from app.tracing_start import tracing
from kb.embedders.base import PieceEmbedder, Pieces
from kb.embedders.hashing import Config, HashingEmbedder
from kb.errors import ModelUnavailable
from kb.settings import load_settings
from tests.fakes.answer_sides import CONFIG, QUESTION, make_settings, open_to_anyone, opened_side
from tests.fakes.serving import serving

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """What an OpenTelemetry collector was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.authorizations: list[str | None] = []
        self.app = FastAPI()
        self.app.post("/v1/traces")(self.take)

    async def take(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        self.authorizations.append(request.headers.get("authorization"))
        return Response(b"", media_type="application/x-protobuf")

    def spans(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        facts = {
                            each.key: getattr(each.value, str(each.value.WhichOneof("value")))
                            for each in span.attributes
                        }
                        found.append(
                            {"name": span.name, "id": span.span_id, "parent": span.parent_span_id,
                             "trace": span.trace_id.hex(), "facts": facts, "code": span.status.code}
                        )  # fmt: skip
        return found


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
def address(collector: Collector) -> Iterator[str]:
    with serving(collector.app) as url:
        yield f"{url}/v1/traces"


def traced_settings(home: Path, address: str) -> Settings:
    return make_settings(home, config=f'{CONFIG}[tracing]\nendpoint = "{address}"\nauthorization = "Basic c2VjcmV0"\n')


async def ask_once(settings: Settings, **headers: str) -> str:
    async with opened_side(settings) as side, open_to_anyone(side) as client:
        body = {"question": QUESTION, "stream": True}
        response = await client.post("/api/v1/ask", json=body, headers={**headers})
        assert "event: done" in response.text
        return response.text


async def test_an_answer_is_a_tree_of_its_parts(tmp_path: Path, address: str, collector: Collector) -> None:
    settings = await asyncio.to_thread(traced_settings, tmp_path, address)
    await ask_once(settings, traceparent=PARENT)
    spans = collector.spans()
    request = next(span for span in spans if span["name"] == "request")
    mine = [span for span in spans if span["trace"] == request["trace"]]
    names = {span["id"]: span["name"] for span in mine}
    tree = {(names.get(span["parent"], "caller"), span["name"]) for span in mine}
    assert {
        ("caller", "request"),
        ("request", "answer"),
        ("answer", "retrieval"),
        ("retrieval", "embeddings"),
        ("retrieval", "index search"),
        ("answer", "evidence"),
        ("evidence", "embeddings"),
        ("answer", "chat"),
        ("answer", "check"),
    } <= tree
    assert request["trace"] == PARENT.split("-")[1], "a caller's own trace goes on here"
    facts = request["facts"]
    assert isinstance(facts, dict)
    assert (facts["http.route"], facts["http.response.status_code"]) == ("/api/v1/ask", 200)
    answer = next(span["facts"] for span in mine if span["name"] == "answer")
    assert isinstance(answer, dict)
    assert (answer["footnote.status"], answer["footnote.citations"]) == ("answered", 1)
    assert answer["footnote.request_id"] == facts["footnote.request_id"]
    assert set(collector.authorizations) == {"Basic c2VjcmV0"}


async def test_no_word_of_a_question_a_page_or_an_answer_is_sent(
    tmp_path: Path, address: str, collector: Collector
) -> None:
    settings = await asyncio.to_thread(traced_settings, tmp_path, address)
    await ask_once(settings)
    sent = b"".join(collector.bodies)
    assert b"answer" in sent
    for word in (b"annual", b"leave", b"26 days", b"entitlement", b"secret"):
        assert word not in sent.lower(), word


async def test_an_embedder_that_gives_pieces_gives_them_when_it_is_traced(
    tmp_path: Path, address: str, collector: Collector
) -> None:
    class Pieced(HashingEmbedder):
        async def embed_pieces(self, texts: Sequence[str]) -> list[Pieces]:
            return []

    settings = await asyncio.to_thread(traced_settings, tmp_path, address)
    async with opened_side(settings) as side, tracing(settings.tracing) as tracer:
        assert tracer is not None
        plain = traced_base(side.knowledge_base, tracer).embedder
        pieced = traced_base(replace(side.knowledge_base, embedder=Pieced(Config())), tracer).embedder
        # Newer Pythons look on the class alone, as isinstance does for a protocol there.
        assert [hasattr(type(each), "embed_pieces") for each in (plain, pieced)] == [False, True]
        assert isinstance(pieced, PieceEmbedder)
        assert await pieced.embed_pieces(["leave", "days"]) == []
    sent = [span["facts"] for span in collector.spans() if span["name"] == "embeddings"]
    assert any(isinstance(facts, dict) and facts.get("footnote.pieces") for facts in sent)


async def test_an_error_is_told_by_its_class_alone(tmp_path: Path, address: str, collector: Collector) -> None:
    async with tracing(TracingTable(endpoint=address)) as tracer:
        assert tracer is not None
        with pytest.raises(ModelUnavailable), tracer.span("chat"):
            raise ModelUnavailable("the page says: salaries")
    (span,) = collector.spans()
    assert (span["code"], span["facts"]) == (2, {"error.type": "ModelUnavailable"})
    assert b"salaries" not in b"".join(collector.bodies)


async def test_without_a_collector_nothing_is_wrapped_and_nothing_is_sent(tmp_path: Path) -> None:
    async with opened_side(make_settings(tmp_path)) as side:
        assert side.tracer is None
        assert type(side.answerer).__name__ == "Answerer"


async def test_a_collector_that_does_not_answer_costs_no_answer(tmp_path: Path) -> None:
    settings = await asyncio.to_thread(traced_settings, tmp_path, "http://127.0.0.1:9/v1/traces")
    assert '"status":"answered"' in (await ask_once(settings)).replace(" ", "")


async def test_a_share_of_nothing_sends_nothing_whatever_a_caller_wants(
    tmp_path: Path, address: str, collector: Collector
) -> None:
    settings = await asyncio.to_thread(traced_settings, tmp_path, address)
    tracing_table = settings.tracing.model_copy(update={"share": 0.0})
    await ask_once(settings.model_copy(update={"tracing": tracing_table}), traceparent=PARENT)
    assert collector.spans() == []


@pytest.mark.parametrize("endpoint", ["localhost:4318", "grpc://127.0.0.1:4317"])
def test_an_endpoint_that_is_no_web_address_is_refused_in_words(tmp_path: Path, endpoint: str) -> None:
    (tmp_path / "footnote.toml").write_text(f'[tracing]\nendpoint = "{endpoint}"\n')
    with pytest.raises(Exception, match="write it as http://HOST:4318/v1/traces"):
        load_settings(Settings, tmp_path / "footnote.toml")
