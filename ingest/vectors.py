"""Chunks get their vectors: those stored already, where nothing of another page is in them, and the rest embedded."""

from collections.abc import Sequence
from dataclasses import dataclass

from kb.catalogue.records import StoredChunk
from kb.documents import Chunk, fingerprint_of
from kb.embedders.base import Vectors
from kb.wiring import KnowledgeBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The chunks of each document with their vectors, and how many texts had to be embedded for them."""

    documents: list[list[StoredChunk]]
    embedded_count: int


async def embed_chunks(knowledge_base: KnowledgeBase, documents: Sequence[tuple[str, list[Chunk]]]) -> Embedded:
    """(document id, chunks) of each document → the same with vectors. Raises ModelError.

    A document keeps the vectors of its own unchanged text, also under a new title. Another document's vector is taken
    only if it was made from the very same text, title and all: what a search finds must not depend on pages that the
    asker may not see.
    """
    tenant, generation = knowledge_base.settings.tenant, knowledge_base.generation.id
    builds = knowledge_base.catalogue.builds
    digests = {chunk.embedded_text: fingerprint_of(chunk.embedded_text) for _, chunks in documents for chunk in chunks}
    own = {
        document_id: await builds.vectors_of_document(tenant, document_id, generation=generation)
        for document_id, _ in documents
    }
    needed = {
        digests[chunk.embedded_text]: chunk.embedded_text
        for document_id, chunks in documents
        for chunk in chunks
        if chunk.fingerprint not in own[document_id]
    }
    vectors = dict(await builds.vectors(tenant, generation=generation, made_from=list(needed)))
    missing = [digest for digest in needed if digest not in vectors]
    if missing:
        made = await knowledge_base.embedder.embed_passages([needed[digest] for digest in missing])
        vectors.update(zip(missing, made, strict=True))

    def stored(document_id: str, chunk: Chunk) -> StoredChunk:
        digest = digests[chunk.embedded_text]
        kept = own[document_id].get(chunk.fingerprint)
        made_from, vector = kept if kept is not None else (digest, vectors[digest])
        return _stored(chunk, vector, made_from=made_from)

    with_vectors = [[stored(document_id, chunk) for chunk in chunks] for document_id, chunks in documents]
    return Embedded(documents=with_vectors, embedded_count=len(missing))


def _stored(chunk: Chunk, vector: Vectors, *, made_from: str) -> StoredChunk:
    return StoredChunk(
        ordinal=chunk.ordinal,
        section_ordinal=chunk.section_ordinal,
        text=chunk.text,
        embedded_text=chunk.embedded_text,
        fingerprint=chunk.fingerprint,
        made_from=made_from,
        vector=vector,
    )
