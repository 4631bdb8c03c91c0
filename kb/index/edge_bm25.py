"""BM25 terms by Qdrant's own tokenizer: the same words mean the same in every backend."""

from functools import lru_cache

from qdrant_edge import Bm25, Bm25Config

# Chunks are about this many terms long.
_AVERAGE_TERMS = 100.0


@lru_cache(maxsize=8)
def bm25_model(language: str) -> Bm25:
    """The tokenizer and weights of a language. Raises ValueError for a language it does not know."""
    return Bm25(Bm25Config(language=language, avg_len=_AVERAGE_TERMS))


def document_terms(text: str, *, language: str) -> tuple[list[int], list[float]]:
    """(term ids, weights) of a stored text; the index multiplies in the inverse document frequency."""
    vector = bm25_model(language).embed_document(text)
    return list(vector.indices), list(vector.values)


def query_terms(text: str, *, language: str) -> tuple[list[int], list[float]]:
    """(term ids, weights) of a query; empty if no word carries meaning."""
    vector = bm25_model(language).embed_query(text)
    return list(vector.indices), list(vector.values)
