"""What the owner process asks Qdrant Edge, and what it makes of the answers."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from qdrant_edge import (
    FieldCondition,
    Filter,
    IdfParams,
    MatchAny,
    MatchValue,
    QuantizationSearchParams,
    Query,
    QueryRequest,
    RangeDateTime,
    SearchParams,
    SparseVector,
)

from kb.index.schema import DENSE, HIT_FIELDS, SPARSE, Condition, told_score

# Candidates are found by one bit a dimension, in a fifth of the time, and scored by the vectors themselves: of the best
# 48 by all vectors 99 % are found, of the best 10 99.9 % (5,183 abstracts of SciFact and 46,647 blends of them).
_BY_COSINE = SearchParams(quantization=QuantizationSearchParams(rescore=True, oversampling=16.0))
# One condition a value is quicker than one condition for all values, up to several hundred.
_FEW_VALUES = 256


def dense_request(vector: list[float], where: Filter, k: int) -> QueryRequest:
    """The `k` best by cosine."""
    return _request(Query.Nearest(vector, using=DENSE), where, k, _BY_COSINE)


def sparse_request(terms: list[int], weights: list[float], where: Filter, k: int) -> QueryRequest:
    """The `k` best by BM25. A word's rarity is counted over what the asker may see: scores tell of nothing else."""
    rarity = SearchParams(idf=IdfParams(where))
    return _request(Query.Nearest(SparseVector(terms, weights), using=SPARSE), where, k, rarity)


def filter_of(conditions: Sequence[Condition]) -> Filter:
    """All conditions; the first one of several values as one of several conditions, which the engine answers faster."""
    several = next((each for each in conditions if 1 < len(each.any_of) <= _FEW_VALUES), None)
    must = [condition_of(each) for each in conditions if each is not several]
    if several is None:
        return Filter(must=must)
    return Filter(must=must, should=[condition_of(Condition(several.field, (value,))) for value in several.any_of])


def condition_of(condition: Condition) -> Any:  # a union that the vendor does not name
    """One condition in the engine's words."""
    if condition.since is not None:
        since = RangeDateTime(gte=condition.since.astimezone(UTC).isoformat())
        return FieldCondition(condition.field, range=since)
    return FieldCondition(condition.field, match=_match(condition.any_of))


def merged(vectors: Sequence[str], answers: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The answers of the named vectors by point: [document id, revision, section ordinal, ordinal, dense, sparse]."""
    hits: dict[Any, list[Any]] = {}
    for name, points in zip(vectors, answers, strict=True):
        slot = len(HIT_FIELDS) + (DENSE, SPARSE).index(name)
        for point in points:
            row = hits.get(point.id)
            if row is None:
                payload = point.payload  # made anew at every look
                row = hits[point.id] = [*(payload[field] for field in HIT_FIELDS), None, None]
            row[slot] = told_score(point.score)
    return sorted(hits.values(), key=lambda row: (row[0], row[1], row[3]))


def _request(query: Query, where: Filter, k: int, params: SearchParams) -> QueryRequest:
    fields = list(HIT_FIELDS)
    return QueryRequest(limit=k, query=query, filter=where, with_payload=fields, with_vector=False, params=params)


def _match(values: Sequence[str | int]) -> MatchValue | MatchAny:
    if len(values) == 1:
        return MatchValue(values[0])
    words = [value for value in values if isinstance(value, str)]
    return MatchAny(words) if words else MatchAny([value for value in values if isinstance(value, int)])
