"""The demo wiki, as the benchmarks read it."""

from collections.abc import AsyncIterator
from pathlib import Path

from ingest.connectors import folder
from kb.documents import Document

DEMO = Path(__file__).resolve().parents[1] / "demo"


async def demo_documents() -> AsyncIterator[Document]:
    """Every page of the demo wiki."""
    config = folder.Config(path=DEMO / "wiki", audience=("everyone",))
    connector = folder.build(config, tenant="bench", source_id="wiki")
    async for change in connector.changes(None, known={}):
        if isinstance(change, Document):
            yield change
    await connector.close()
