"""The index on a Qdrant server or cluster, for deployments of several machines."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from kb.embedders.base import Vectors
from kb.errors import IndexFailure, IndexMismatch, IndexUnavailable
from kb.index.base import Hit, Index, IndexedChunk, IndexFilter, IndexHealth
from kb.index.bm25 import document_terms, query_terms
from kb.index.schema import (
    DENSE,
    HIT_FIELDS,
    INTEGER_FIELDS,
    KEYWORD_FIELDS,
    SPARSE,
    Condition,
    audience_fields,
    conditions_of,
    must_be_searchable,
    must_be_whole,
    payload_of,
    split_revision_key,
    told_score,
)

Result = TypeVar("Result")
_MOST_REVISIONS = 1_000_000
# Qdrant refuses requests of more than 32 MB; a point is a few dozen kilobytes at most.
_POINTS_A_REQUEST = 256
_CONFLICT = 409
_TOO_LARGE = 413
_NO_ROOM = 507


class Config(BaseModel):
    """Settings of the server index."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(default=None, description="Address of the Qdrant server, such as http://qdrant:6333.")
    api_key: SecretStr | None = Field(default=None, description="Its key: set FOOTNOTE_INDEX__API_KEY.")
    path: str | None = Field(default=None, description="Tests only: qdrant-client's own engine in this directory.")
    collection: str = Field(default="footnote", description="Collections are called `<collection>-<generation>`.")
    language: str = Field(default="english", description="Language of the words in BM25: stemming and stop words.")
    replication_factor: int = Field(default=1, ge=1, description="Copies of each shard in a cluster.")
    write_consistency_factor: int = Field(default=1, ge=1, description="Copies that must confirm a write.")
    timeout_seconds: int = Field(default=30, ge=1, description="Longest wait for one call.")

    @model_validator(mode="after")
    def _names_a_server(self) -> "Config":
        if (self.url is None) == (self.path is None):
            raise ValueError("name the server's url")
        return self


def build(config: Config, *, data_dir: Path, generation: int, dimension: int) -> Index:
    """A client of the server; the collection is made at the first call."""
    return ServerIndex(config, generation=generation, dimension=dimension)


class ServerIndex:
    """One generation as one collection."""

    def __init__(self, config: Config, *, generation: int, dimension: int) -> None:
        self._config = config
        self._dimension = dimension
        self._collection = f"{config.collection}-{generation:04}"
        self._client: AsyncQdrantClient | None = None
        self._connecting = asyncio.Lock()

    async def upsert_revision(self, chunks: Sequence[IndexedChunk]) -> None:
        """All chunks of one document revision, in one operation (several for a page of hundreds of chunks: readers
        go by the catalogue, which does not know the revision yet)."""
        must_be_whole(chunks, dimension=self._dimension)
        if not chunks:
            return
        client = await self._connected()
        points = [self._point(chunk) for chunk in chunks]
        for start in range(0, len(points), _POINTS_A_REQUEST):
            some = points[start : start + _POINTS_A_REQUEST]
            await self._translated(client.upsert(self._collection, points=some, wait=True))

    async def delete_revisions(self, *, tenant: str, document_id: str, keep: int | None) -> None:
        """Delete the document's points of every revision but `keep`."""
        client = await self._connected()
        spared = _conditions([Condition("revision", (keep,))]) if keep is not None else None
        chosen = models.Filter(must=_of_document(tenant, document_id), must_not=spared)
        selector = models.FilterSelector(filter=chosen)
        await self._translated(
            client.delete(self._collection, points_selector=selector, wait=True, ordering=models.WriteOrdering.STRONG)
        )

    async def set_audience(self, *, tenant: str, document_id: str, audience_id: int) -> None:
        """Point the document's chunks to another audience."""
        client = await self._connected()
        await self._translated(
            client.set_payload(
                self._collection,
                payload=audience_fields(tenant, audience_id),
                points=models.Filter(must=_of_document(tenant, document_id)),
                wait=True,
                ordering=models.WriteOrdering.STRONG,
            )
        )

    async def search(self, *, where: IndexFilter, vector: Vectors | None, text: str, k: int) -> list[Hit]:
        """The best k by vector and the best k by words, in one request."""
        must_be_searchable(vector, text, dimension=self._dimension)
        if not where.audience_ids or k < 1:
            return []
        requests = self._requests(where, vector, text, k=k)
        if not requests:
            return []
        client = await self._connected()
        answers = await self._translated(
            client.query_batch_points(self._collection, requests=[request for _, request in requests])
        )
        return _merge([name for name, _ in requests], answers)

    async def counts(self, *, tenant: str) -> Mapping[tuple[str, int], int]:
        """Points per (document id, revision)."""
        client = await self._connected()
        mine = models.Filter(must=_conditions([Condition("tenant", (tenant,))]))
        facet = await self._translated(
            client.facet(self._collection, "revision_key", facet_filter=mine, limit=_MOST_REVISIONS, exact=True)
        )
        return {split_revision_key(str(hit.value)): hit.count for hit in facet.hits}

    async def flush(self) -> None:
        """Every call waited for the server's write-ahead log already."""

    async def health(self) -> IndexHealth:
        """Counts the collection's points."""
        try:
            client = await self._connected()
            found = await self._translated(client.count(self._collection, exact=True))
        except IndexFailure as exc:
            return IndexHealth(is_ready=False, point_count=0, detail=str(exc))
        return IndexHealth(is_ready=True, point_count=found.count, detail=f"Qdrant, collection {self._collection}")

    async def drop(self) -> None:
        """Delete the collection."""
        client = self._new_client() if self._client is None else self._client
        self._client = client
        await self._translated(client.delete_collection(self._collection))

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _requests(
        self, where: IndexFilter, vector: Vectors | None, text: str, *, k: int
    ) -> list[tuple[str, models.QueryRequest]]:
        """(name of the vector, request) of each search that the query asks for."""
        chosen = models.Filter(must=_conditions(conditions_of(where)))
        shared = {"filter": chosen, "limit": k, "with_payload": list(HIT_FIELDS)}
        requests = []
        if vector is not None:
            requests.append((DENSE, models.QueryRequest(query=vector.tolist(), using=DENSE, **shared)))
        terms, weights = query_terms(text, language=self._config.language)
        if terms:
            words = models.SparseVector(indices=terms, values=weights)
            # How rare a word is, is counted over what the asker may see: scores say nothing of hidden pages.
            rarity = models.SearchParams(idf=models.IdfCorpusParams(corpus=chosen))
            requests.append((SPARSE, models.QueryRequest(query=words, using=SPARSE, params=rarity, **shared)))
        return requests

    async def _connected(self) -> AsyncQdrantClient:
        async with self._connecting:
            if self._client is None:
                client = self._new_client()
                try:
                    await self._translated(self._prepare(client))
                except BaseException:
                    await client.close()
                    raise
                self._client = client
            return self._client

    def _new_client(self) -> AsyncQdrantClient:
        config = self._config
        if config.path is not None:
            try:
                return AsyncQdrantClient(path=config.path)
            except RuntimeError as exc:  # what qdrant-client's own engine raises for a directory in use
                raise IndexUnavailable(f"{config.path} is used by another process") from exc
        key = config.api_key.get_secret_value() if config.api_key else None
        return AsyncQdrantClient(url=config.url, api_key=key, timeout=config.timeout_seconds)

    async def _prepare(self, client: AsyncQdrantClient) -> None:
        """Make the collection, or check that the one there has our dimension."""
        if await client.collection_exists(self._collection):
            found = await client.get_collection(self._collection)
            vectors = found.config.params.vectors
            size = vectors[DENSE].size if isinstance(vectors, dict) and DENSE in vectors else None
            if size != self._dimension:
                raise IndexMismatch(
                    f"the collection {self._collection} holds vectors of {size}, the embedder makes {self._dimension}"
                )
        else:
            await self._create_collection(client)
        if self._config.path is None:  # qdrant-client's own engine has no payload indexes
            # Every time, as a process may have died between the collection and its indexes; the server knows those
            # it has.
            await self._create_indexes(client)

    async def _create_collection(self, client: AsyncQdrantClient) -> None:
        try:
            await client.create_collection(
                self._collection,
                vectors_config={DENSE: models.VectorParams(size=self._dimension, distance=models.Distance.COSINE)},
                sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                replication_factor=self._config.replication_factor,
                write_consistency_factor=self._config.write_consistency_factor,
            )
        except UnexpectedResponse as exc:
            if exc.status_code != _CONFLICT:  # another process was faster
                raise

    async def _create_indexes(self, client: AsyncQdrantClient) -> None:
        tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        await client.create_payload_index(self._collection, "tenant", field_schema=tenant)
        kinds = [(field, models.PayloadSchemaType.KEYWORD) for field in KEYWORD_FIELDS]
        kinds += [(field, models.PayloadSchemaType.INTEGER) for field in INTEGER_FIELDS]
        for field, kind in [*kinds, ("updated_at", models.PayloadSchemaType.DATETIME)]:
            await client.create_payload_index(self._collection, field, field_schema=kind)

    def _point(self, chunk: IndexedChunk) -> models.PointStruct:
        terms, weights = document_terms(chunk.embedded_text, language=self._config.language)
        vectors = {DENSE: chunk.vector.tolist(), SPARSE: models.SparseVector(indices=terms, values=weights)}
        return models.PointStruct(id=str(chunk.id), vector=vectors, payload=payload_of(chunk))

    async def _translated(self, call: Awaitable[Result]) -> Result:
        place = self._config.url or self._config.path
        try:
            return await call
        except UnexpectedResponse as exc:
            if exc.status_code in {401, 403}:
                raise IndexUnavailable(f"{place} refused the API key: set FOOTNOTE_INDEX__API_KEY") from exc
            if exc.status_code == _TOO_LARGE:
                raise IndexFailure(f"{place} takes no request as large as this page") from exc
            if exc.status_code == _NO_ROOM:
                raise IndexUnavailable(f"{place} has no room left: free some space on its disk") from exc
            raise IndexUnavailable(f"{place} answered with status {exc.status_code}") from exc
        except (ApiException, ResponseHandlingException, httpx.HTTPError, OSError) as exc:
            raise IndexUnavailable(f"{place} does not answer: is the Qdrant server running there?") from exc


def _merge(names: Sequence[str], answers: Sequence[models.QueryResponse]) -> list[Hit]:
    found: dict[str, tuple[Mapping[str, object], dict[str, float]]] = {}
    for name, answer in zip(names, answers, strict=True):
        for point in answer.points:
            found.setdefault(str(point.id), (point.payload or {}, {}))[1][name] = told_score(point.score)
    hits = [
        Hit(
            document_id=str(payload["document_id"]),
            revision=int(str(payload["revision"])),
            section_ordinal=int(str(payload["section_ordinal"])),
            ordinal=int(str(payload["ordinal"])),
            dense=scores.get(DENSE),
            sparse=scores.get(SPARSE),
        )
        for payload, scores in found.values()
    ]
    return sorted(hits, key=lambda hit: (hit.document_id, hit.revision, hit.ordinal))


def _of_document(tenant: str, document_id: str) -> list[models.Condition]:
    return _conditions([Condition("tenant", (tenant,)), Condition("document_id", (document_id,))])


def _conditions(conditions: Sequence[Condition]) -> list[models.Condition]:
    made: list[models.Condition] = []
    for condition in conditions:
        if condition.since is not None:
            since = models.DatetimeRange(gte=condition.since.astimezone(UTC))
            made.append(models.FieldCondition(key=condition.field, range=since))
        else:
            made.append(models.FieldCondition(key=condition.field, match=models.MatchAny(any=list(condition.any_of))))
    return made
