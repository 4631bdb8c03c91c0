"""Where pages speak to a language model: for administrators, who may read every page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from app.answering.suspicion import why_suspicious
from app.answering.units import units_of
from kb.catalogue import Catalogue
from kb.catalogue.records import StoredSection


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A sentence that gives orders to a language model, and where it stands."""

    document_id: str
    title: str
    heading_path: tuple[str, ...]
    url: str
    quote: str
    why: str


async def suspects(catalogue: Catalogue, *, tenant: str) -> AsyncIterator[Suspect]:
    """Every marked sentence of the live pages, whoever may read them. Raises CatalogueError."""
    for document_id in sorted(await catalogue.documents.live_revisions(tenant)):
        sections = await catalogue.documents.all_sections(tenant, document_id)
        # A whole wiki of sentences is looked through, and questions go on meanwhile.
        marked = await asyncio.to_thread(_orders, sections)
        for section, orders in zip(sections, marked, strict=True):
            for quote, why in orders:
                yield Suspect(
                    document_id=document_id,
                    title=section.title,
                    heading_path=section.heading_path,
                    url=section.url,
                    quote=quote,
                    why=why,
                )


def orders_in(section: StoredSection) -> list[tuple[str, str]]:
    """The marked sentences of a section, each with why it is marked."""
    found = [(unit.quote, why_suspicious(unit.quote)) for unit in units_of(section.text)]
    return [(quote, why) for quote, why in found if why]


def _orders(sections: Sequence[StoredSection]) -> list[list[tuple[str, str]]]:
    return [orders_in(section) for section in sections]
