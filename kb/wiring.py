"""Opening a knowledge base: the one place where its catalogue, embedder and index are picked and matched."""

import logging
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
from kb.settings import EmbedderTable, KnowledgeSettings, without_secrets

logger = logging.getLogger(__name__)


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
    """Open everything; models load when first used. Raises ConfigError, CatalogueError, IndexMismatch, ModelError.

    The live generation is opened with the embedder that built it, whichever the settings name: `footnote reindex`
    changes it.
    """
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        live = await catalogue.generations.live(settings.tenant)
        if live is None:
            embedder = build_embedder(settings)
            try:
                live = await create_generation(catalogue, embedder, settings)
            finally:
                await embedder.close()
        async with open_generation(settings, catalogue, live) as knowledge_base:
            await catalogue.access.set_groups(settings.tenant, "settings", settings.groups)
            yield knowledge_base


@asynccontextmanager
async def open_generation(
    settings: KnowledgeSettings, catalogue: Catalogue, generation: Generation
) -> AsyncIterator[KnowledgeBase]:
    """One generation with its own embedder, over an open catalogue. Raises ConfigError, IndexMismatch, ModelError."""
    embedder = await _embedder_of(generation, settings)
    index = build_index(settings, generation)
    try:
        yield KnowledgeBase(
            catalogue=catalogue, index=index, embedder=embedder, generation=generation, settings=settings
        )
    finally:
        await index.close()
        await embedder.close()


async def create_generation(catalogue: Catalogue, embedder: Embedder, settings: KnowledgeSettings) -> Generation:
    """The generation of the embedder that the settings name: the one there is, or a new one, live if none was."""
    return await catalogue.generations.create(
        settings.tenant,
        embedder_identity=embedder.identity,
        embedder_name=embedder.name,
        dimension=embedder.dimension,
        embedder_kind=settings.embedder.kind,
        embedder_values=without_secrets(settings.embedder.plugin_values),
    )


def build_embedder(settings: KnowledgeSettings) -> Embedder:
    """The embedder the settings name. Building is cheap: its weights load at the first embedding."""
    return _build_embedder(settings, settings.embedder)


def build_index(settings: KnowledgeSettings, generation: Generation) -> Index:
    """The index of a generation."""
    plugin = load("kb.index", settings.index.kind)
    config = configure(plugin, settings.index.plugin_values, where="[index]")
    index: Index = plugin.build(
        config, data_dir=settings.data_dir, generation=generation.id, dimension=generation.dimension
    )
    return index


async def _embedder_of(generation: Generation, settings: KnowledgeSettings) -> Embedder:
    """The embedder that built the generation: the one the settings name, or, after they changed, the one it was."""
    named = build_embedder(settings)
    if named.identity == generation.embedder_identity:
        return named
    await named.close()
    if generation.embedder_kind:
        # Secrets are nowhere but in the settings.
        own = settings.embedder if settings.embedder.kind == generation.embedder_kind else EmbedderTable()
        secrets = {
            name: value for name, value in own.plugin_values.items() if name not in without_secrets(own.plugin_values)
        }
        table = EmbedderTable(kind=generation.embedder_kind, **(dict(generation.embedder_values) | secrets))
        built = _build_embedder(settings, table)
        if built.identity == generation.embedder_identity:
            logger.warning(
                "the settings name another embedder than the index was built with: run `footnote reindex`",
                extra={"embedder": generation.embedder_name, "named": named.name},
            )
            return built
        await built.close()
    raise IndexMismatch(
        f"the index was built with the embedder {generation.embedder_name}, which is not here any more, and [embedder] "
        f"now names {named.name}: set it back, or run `footnote reindex`"
    )


def _build_embedder(settings: KnowledgeSettings, table: EmbedderTable) -> Embedder:
    plugin = load("kb.embedders", table.kind)
    config = configure(plugin, table.plugin_values, where="[embedder]")
    embedder: Embedder = plugin.build(config, data_dir=settings.data_dir, http=HttpClients())
    return embedder
