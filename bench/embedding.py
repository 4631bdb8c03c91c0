"""Embedding throughput: Footnote's embedder against the plain sentence-transformers loop, on the demo wiki's chunks."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sentence_transformers import SentenceTransformer

from bench.wiki import demo_documents
from ingest.chunking import chunk_document
from kb.embedders import sentence_transformers
from kb.embedders.base import Vectors
from kb.embedders.sentence_transformers_files import locate
from kb.http import HttpClients

PLAIN_BATCH = 32
ROUNDS = 5

Way = Callable[[list[str]], Awaitable[Vectors]]


async def main() -> None:
    """Print the table."""
    embedders = {
        dtype: sentence_transformers.build(
            sentence_transformers.Config(dtype=dtype), data_dir=Path(tempfile.gettempdir()), http=HttpClients()
        )
        for dtype in ("auto", "float32")
    }
    texts = [
        chunk.embedded_text
        async for document in demo_documents()
        for chunk in chunk_document(document, embedders["auto"])
    ]
    plain = SentenceTransformer(str(locate("starter", query_prompt=None, passage_prompt=None).directory), device="cpu")

    async def loop(texts: list[str]) -> Vectors:
        batches = [texts[start : start + PLAIN_BATCH] for start in range(0, len(texts), PLAIN_BATCH)]
        return np.concatenate([plain.encode(batch, normalize_embeddings=True) for batch in batches])

    async def call(texts: list[str]) -> Vectors:
        return np.asarray(plain.encode(texts, batch_size=PLAIN_BATCH, normalize_embeddings=True))

    ways: dict[str, Way] = {
        "plain loop: encode() of 32 chunks, float32": loop,
        "one encode() call, batch 32, float32": call,
        "Footnote, float32": embedders["float32"].embed_passages,
        "Footnote, as it runs here": embedders["auto"].embed_passages,
    }
    print_table(await measured(ways, texts), texts)


async def measured(ways: dict[str, Way], texts: list[str]) -> dict[str, tuple[list[float], Vectors]]:
    """Name → (seconds of each round, vectors). The ways take turns, so that a busy machine slows all of them."""
    results: dict[str, tuple[list[float], Vectors]] = {}
    for way in ways.values():
        await way(texts[:PLAIN_BATCH])
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            vectors = await way(texts)
            results.setdefault(name, ([], vectors))[0].append(time.perf_counter() - started)
    return results


def print_table(results: dict[str, tuple[list[float], Vectors]], texts: list[str]) -> None:
    """Chunks a second (median), ratio to the plain loop (median of the rounds' ratios), lowest cosine to it."""
    table = Table(
        "way", "chunks/s", "× plain loop", "lowest cosine", title=f"embedding {len(texts)} chunks of the demo"
    )
    base_times, base_vectors = next(iter(results.values()))
    for name, (times, vectors) in results.items():
        ratio = statistics.median(base / own for base, own in zip(base_times, times, strict=True))
        cosine = float((vectors * base_vectors).sum(axis=1).min())
        table.add_row(name, f"{len(texts) / statistics.median(times):.0f}", f"{ratio:.2f}", f"{cosine:.5f}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
