"""Indexes to try promises on, and the chunks that go into them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from kb.documents import chunk_id
from kb.embedders.base import Vectors
from kb.embedders.hashing import Config as HashingConfig
from kb.embedders.hashing import HashingEmbedder
from kb.index import edge, memory, server
from kb.index.base import Hit, Index, IndexedChunk, IndexFilter

DIMENSION = 16
_EMBEDDER = HashingEmbedder(HashingConfig(dimension=DIMENSION))


class Surroundings(BaseSettings):
    """What the machine that runs the tests has to offer."""

    model_config = SettingsConfigDict(env_prefix="FOOTNOTE_TEST_")

    qdrant_url: str | None = None


def build_index(kind: str, data_dir: Path, *, generation: int, dimension: int = DIMENSION) -> Index:
    """An index of one of our three kinds; the server's is qdrant-client's own engine."""
    if kind == "memory":
        return memory.build(memory.Config(), data_dir=data_dir, generation=generation, dimension=dimension)
    if kind == "edge":
        config = edge.Config(idle_seconds=3)
        return edge.build(config, data_dir=data_dir, generation=generation, dimension=dimension)
    local = server.Config(path=str(data_dir / "qdrant"))
    return server.build(local, data_dir=data_dir, generation=generation, dimension=dimension)


def build_index_on_real_server() -> Index:
    """An index on the server that FOOTNOTE_TEST_QDRANT_URL names; skips the test if it names none."""
    url = Surroundings().qdrant_url
    if url is None:
        pytest.skip("FOOTNOTE_TEST_QDRANT_URL names no Qdrant server")
    return server.build(
        server.Config(url=url, collection="footnote-contract"), data_dir=Path(), generation=1, dimension=DIMENSION
    )


async def empty(index: Index, *, tenants: Sequence[str] = ("acme", "globex")) -> None:
    """Delete the tenants' points."""
    for tenant in tenants:
        for document_id in {document_id for document_id, _ in await index.counts(tenant=tenant)}:
            await index.delete_revisions(tenant=tenant, document_id=document_id, keep=None)


def make_vector(words: str) -> Vectors:
    """Texts that share words point in similar directions."""
    return _EMBEDDER._embed(words)


def make_chunk(text: str = "holiday policy", **changes: Any) -> IndexedChunk:  # the fields of IndexedChunk
    """A chunk of acme's page `wiki:home` at its first revision, for audience 1."""
    fields: dict[str, Any] = {
        "tenant": "acme",
        "source_id": "wiki",
        "space": "ENG",
        "document_id": "wiki:home",
        "revision": 1,
        "section_ordinal": 0,
        "ordinal": 0,
        "audience_id": 1,
        "labels": (),
        "updated_at": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        "text": text,
        "embedded_text": text,
        "vector": make_vector(text),
        **changes,
    }
    derived = {
        "id": chunk_id(1, f"{fields['tenant']}/{fields['document_id']}", fields["revision"], fields["ordinal"]),
        "section_id": f"{fields['document_id']}#{fields['section_ordinal']}",
    }
    return IndexedChunk(**{**derived, **fields})


def make_page(*texts: str, **changes: Any) -> list[IndexedChunk]:  # the fields of IndexedChunk
    """One revision of a page, a chunk a text."""
    return [make_chunk(text, ordinal=ordinal, section_ordinal=ordinal, **changes) for ordinal, text in enumerate(texts)]


def see(**changes: Any) -> IndexFilter:  # the fields of IndexFilter
    """What a reader of acme's audience 1 may see."""
    return IndexFilter(**{"tenant": "acme", "audience_ids": (1,), **changes})


async def find(index: Index, text: str, *, where: IndexFilter | None = None, k: int = 10) -> list[Hit]:
    """Search by vector and by words."""
    return await index.search(where=where or see(), vector=make_vector(text), text=text, k=k)


def pages(hits: Sequence[Hit]) -> list[str]:
    """The documents found."""
    return sorted({hit.document_id for hit in hits})


def unit(values: Sequence[float]) -> Vectors:
    """Values as a vector of length 1."""
    vector = np.asarray(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)
