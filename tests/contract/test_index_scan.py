"""The edge index scans short codes and scores by vectors: what it finds is what the vectors say, and only theirs."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from kb.embedders.base import Vectors
from kb.index.base import Hit, Index
from tests.contract.indexes import build_index, make_chunk, see

DIMENSION = 384
PAGES, CHUNKS_A_PAGE = 40, 50
K = 20


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """One a chunk, then some to ask with: (2020, 384), around fifty topics as texts are."""
    generator = np.random.default_rng(5)
    topics = generator.standard_normal((50, DIMENSION))
    count = PAGES * CHUNKS_A_PAGE + 20
    made = topics[generator.integers(0, len(topics), count)] + generator.standard_normal((count, DIMENSION))
    unit: Vectors = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    built = build_index("edge", tmp_path, generation=1, dimension=DIMENSION)
    yield built
    await built.close()


async def test_the_best_by_cosine_are_found(index: Index, vectors: Vectors) -> None:
    await store(index, vectors, pages=range(PAGES))
    stored = vectors[: PAGES * CHUNKS_A_PAGE]
    shares = []
    for query in queries(vectors):
        best = set(np.argsort(-(stored @ query))[:K].tolist())
        shares.append(len(best & places(await ask(index, query))) / K)
    assert np.mean(shares) >= 0.99


async def test_scores_are_the_cosines_of_the_vectors(index: Index, vectors: Vectors) -> None:
    await store(index, vectors, pages=range(4))
    query = queries(vectors)[0]
    for hit in await ask(index, query):
        assert hit.dense == pytest.approx(float(vectors[place(hit)] @ query), abs=1e-3)


async def test_hidden_chunks_change_no_candidate(index: Index, vectors: Vectors) -> None:
    await store(index, vectors, pages=range(0, PAGES, 2))
    alone = [await ask(index, query) for query in queries(vectors)]
    await store(index, vectors, pages=range(1, PAGES, 2), audience_id=2)
    assert [await ask(index, query) for query in queries(vectors)] == alone


async def store(index: Index, vectors: Vectors, *, pages: range, audience_id: int = 1) -> None:
    for page in pages:
        first = page * CHUNKS_A_PAGE
        await index.upsert_revision(
            [
                make_chunk(
                    "policy", document_id=f"wiki:{page}", ordinal=n, vector=vectors[first + n], audience_id=audience_id
                )
                for n in range(CHUNKS_A_PAGE)
            ]
        )


async def ask(index: Index, query: Vectors) -> list[Hit]:
    return await index.search(where=see(audience_ids=(1, 3)), vector=query, text="", k=K)


def queries(vectors: Vectors) -> Vectors:
    return vectors[PAGES * CHUNKS_A_PAGE :]


def places(hits: list[Hit]) -> set[int]:
    return {place(hit) for hit in hits}


def place(hit: Hit) -> int:
    return int(hit.document_id.split(":")[1]) * CHUNKS_A_PAGE + hit.ordinal
