"""Another embedder: its generation is built beside the live one, caught up, verified, and put in its place at once.

No sync has to write two generations: what changes while one is built is built once more before the switch, which
happens in one transaction and only if nothing is left to build.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ingest.leasing import SourceLease
from ingest.repairing import build_missing, sweep_index
from kb.catalogue import Catalogue
from kb.catalogue.records import Generation
from kb.documents import fingerprint_of
from kb.errors import ConfigError, IndexMismatch
from kb.settings import KnowledgeSettings
from kb.wiring import KnowledgeBase, build_embedder, build_index, create_generation, open_generation

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=1)
# Rounds of catching up with what changed meanwhile; each is much shorter than the one before.
MOST_ROUNDS = 50
_LEASE_NAME = "@reindex"
_SAMPLE_DOCUMENTS = 20
_LEAST_COSINE = 0.98

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindexed:
    """How it went: which generation is live now, and how many documents had to be built for it."""

    generation: Generation
    built_count: int
    was_live: bool


async def reindex(
    settings: KnowledgeSettings, catalogue: Catalogue, *, told: Told = lambda done, left: None
) -> Reindexed:
    """Build the generation of the embedder that the settings name, and make it live. Goes on where a run was killed.

    `told`: documents done in this run, and left. Raises IndexMismatch if what was built does not pass its checks,
    SourceUnavailable if another process is at it.
    """
    embedder = build_embedder(settings)
    try:
        generation = await create_generation(catalogue, embedder, settings)
    finally:
        await embedder.close()
    return await _make_live(settings, catalogue, generation, told=told)


async def roll_back(
    settings: KnowledgeSettings, catalogue: Catalogue, *, told: Told = lambda done, left: None
) -> Reindexed:
    """Make the generation that was live before live again, with what changed since. Raises ConfigError."""
    retired = [each for each in await catalogue.generations.others(settings.tenant) if each.retired_at is not None]
    if not retired:
        raise ConfigError("there is no earlier generation to go back to: it is kept for a day")
    latest = max(retired, key=lambda each: each.retired_at or datetime.min.replace(tzinfo=UTC))
    return await _make_live(settings, catalogue, latest, told=told)


async def drop_retired(
    settings: KnowledgeSettings, catalogue: Catalogue, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> int:
    """Delete generations that have been retired for a day; returns how many."""
    dropped = 0
    for generation in await catalogue.generations.others(settings.tenant):
        if generation.retired_at is None or now() - generation.retired_at < KEPT_FOR:
            continue
        index = build_index(settings, generation)
        try:
            await index.drop()
        finally:
            await index.close()
        await catalogue.generations.forget(settings.tenant, generation.id)
        logger.info("generation dropped", extra={"generation": generation.id})
        dropped += 1
    return dropped


async def _make_live(
    settings: KnowledgeSettings, catalogue: Catalogue, generation: Generation, *, told: Told
) -> Reindexed:
    live = await catalogue.generations.live(settings.tenant)
    if live is not None and live.id == generation.id:
        return Reindexed(generation=generation, built_count=0, was_live=True)
    async with (
        SourceLease(catalogue, tenant=settings.tenant, source_id=_LEASE_NAME, run_id=str(generation.id)),
        open_generation(settings, catalogue, generation) as base,
    ):
        built = await _build_until_live(base, told=told)
    return Reindexed(generation=generation, built_count=built, was_live=False)


async def _build_until_live(base: KnowledgeBase, *, told: Told) -> int:
    tenant, generation = base.settings.tenant, base.generation.id
    built = 0
    for number in range(MOST_ROUNDS):
        left = await base.catalogue.builds.outdated_count(tenant, generation)
        told(built, left)

        def count(done: int, before: int = built, most: int = left) -> None:
            told(before + done, max(0, most - done))

        built += await build_missing(base, told=count)
        if number == 0:
            # What a killed run or a damaged disk left behind; later rounds only add what changed meanwhile.
            await sweep_index(base)
            await verify(base)
        if await base.catalogue.generations.switch(tenant, to=generation):
            return built
    raise IndexMismatch("pages change faster than they can be built: run `footnote reindex` again when it is quieter")


async def verify(base: KnowledgeBase) -> None:
    """Does the index hold every document's chunks, and do some of them, embedded once more, have their vectors?

    Raises IndexMismatch.
    """
    tenant, generation = base.settings.tenant, base.generation.id
    current = await base.catalogue.builds.current(tenant, generation)
    held = await base.index.counts(tenant=tenant)
    short = [name for name, build in current.items() if held.get((name, build.revision), 0) != build.chunk_count]
    if short:
        raise IndexMismatch(f"the new generation lacks points of {len(short)} documents: run `footnote reindex` again")
    names = sorted(name for name, build in current.items() if build.chunk_count)
    for name in names[:: max(1, len(names) // _SAMPLE_DOCUMENTS)]:
        chunk = (await base.catalogue.builds.chunks_of(tenant, name, generation=generation))[0]
        if chunk.made_from != fingerprint_of(chunk.embedded_text):
            continue  # renamed since
        (again,) = await base.embedder.embed_passages([chunk.embedded_text])
        if float(np.dot(again, chunk.vector)) < _LEAST_COSINE:
            raise IndexMismatch(f"the embedder gives other vectors than those stored of {name}: is it the same model?")
