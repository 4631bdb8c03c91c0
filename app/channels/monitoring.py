"""`/metrics`: what this process has done, and how current its sources are, for Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.auth import Caller
from app.callers import Door
from app.metrics import CONTENT_TYPE, Labels, Metrics
from app.status import Status, read_status
from app.wiring import AnswerSide


def build_router(side: AnswerSide, door: Door, metrics: Metrics) -> APIRouter:
    """One route; it needs the scope `metrics`, except on a server that has no keys."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    async def read_metrics(who: Annotated[Caller, Depends(door)]) -> Response:
        if not who.is_anyone:
            who.must_have("metrics")
        status = await read_status(side.settings, side.knowledge_base.catalogue)
        return Response(metrics.text(_gauges(status)), media_type=CONTENT_TYPE)

    return router


def _gauges(status: Status) -> dict[str, tuple[str, dict[Labels, float]]]:
    documents: dict[Labels, float] = {}
    complete: dict[Labels, float] = {}
    for source in status.sources:
        counts = source.counts
        for state in ("listed", "indexed", "skipped", "quarantined"):
            documents[("source", source.id), ("state", state)] = getattr(counts, state)
        if source.last_complete is not None:
            complete[(("source", source.id),)] = source.last_complete.started_at.timestamp()
    return {
        "footnote_documents": ("Documents of each source, by state.", documents),
        "footnote_last_complete_sync_timestamp_seconds": ("When the last complete sync of a source began.", complete),
        "footnote_index_chunks": ("Chunks that answer questions.", {(): float(str(status.index.get("chunks", 0)))}),
    }
