"""Opening a knowledge base: the one place where its catalogue, embedder and index are picked and matched."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kb.catalogue import Catalogue
from kb.catalogue.records import Generation
from kb.embedders.base import Embedder
from kb.errors import IndexMismatch
from kb.http import HttpClients
from kb.index.base import Index
from kb.plugins import configure, load
from kb.settings import KnowledgeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeBase:
    """An opened knowledge base: the live generation's index with the embedder that built it."""

    catalogue: Catalogue
    index: Index
    embedder: Embedder
    generation: Generation
    settings: KnowledgeSettings


@asynccontextmanager
async def open_knowledge_base(settings: KnowledgeSettings) -> AsyncIterator[KnowledgeBase]:
    """Open everything; models load when first used. Raises ConfigError, CatalogueError, IndexMismatch, ModelError."""
    embedder = build_embedder(settings)
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        generation = await _matching_generation(catalogue, embedder, tenant=settings.tenant)
        index = build_index(settings, generation)
        try:
            await catalogue.access.set_groups(settings.tenant, "settings", settings.groups)
            yield KnowledgeBase(
                catalogue=catalogue, index=index, embedder=embedder, generation=generation, settings=settings
            )
        finally:
            await index.close()
            await embedder.close()


def build_embedder(settings: KnowledgeSettings) -> Embedder:
    """The embedder the settings name. Building is cheap: its weights load at the first embedding."""
    plugin = load("kb.embedders", settings.embedder.kind)
    config = configure(plugin, settings.embedder.plugin_values, where="[embedder]")
    embedder: Embedder = plugin.build(config, data_dir=settings.data_dir, http=HttpClients())
    return embedder


def build_index(settings: KnowledgeSettings, generation: Generation) -> Index:
    """The index of a generation."""
    plugin = load("kb.index", settings.index.kind)
    config = configure(plugin, settings.index.plugin_values, where="[index]")
    index: Index = plugin.build(
        config, data_dir=settings.data_dir, generation=generation.id, dimension=generation.dimension
    )
    return index


async def _matching_generation(catalogue: Catalogue, embedder: Embedder, *, tenant: str) -> Generation:
    live = await catalogue.generations.live(tenant)
    if live is None:
        return await catalogue.generations.create(
            tenant,
            embedder_identity=embedder.identity,
            embedder_name=embedder.name,
            dimension=embedder.dimension,
        )
    if live.embedder_identity != embedder.identity:
        raise IndexMismatch(
            f"the index was built with the embedder {live.embedder_name}, and [embedder] now names {embedder.name}: "
            "set it back, or build a new index in another directory with --data DIR"
        )
    return live
