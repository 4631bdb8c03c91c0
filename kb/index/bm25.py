"""BM25 weights of a chunk's terms, the same in every backend. The index multiplies in how rare each term is."""

from collections import Counter

from kb.terms import detect_languages, query_languages, term_id, terms_of

# The usual saturation and length normalisation (Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework").
SATURATION = 1.2
LENGTH_SHARE = 0.75
# A chunk's usual length in terms. Fixed, because what is stored about a chunk may depend on that chunk alone.
AVERAGE_TERMS = 60.0
# A word of the title or a heading counts as often as this many of the text.
HEADING_WEIGHT = 2.0


def document_terms(text: str, *, language: str) -> tuple[list[int], list[float]]:
    """(term ids, weights) of an embedded text: title and headings if any, an empty line, and the chunk's own text.

    `language`: of texts that show none by their function words.
    """
    headings, _, body = ("", "", text) if text.startswith("\n") else text.partition("\n\n")
    spoken = (*detect_languages(body), *detect_languages(headings), language)[0]
    in_body = Counter(terms_of(body, language=spoken))
    in_headings = Counter(terms_of(headings, language=spoken))
    norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * in_body.total() / AVERAGE_TERMS)
    weights: dict[int, float] = {}
    for term in in_body.keys() | in_headings.keys():
        count = in_body[term] + HEADING_WEIGHT * in_headings[term]
        weight = count * (SATURATION + 1) / (count + norm)
        # Two terms that share a number are one term.
        number = term_id(term)
        weights[number] = max(weight, weights.get(number, 0.0))
    return list(weights), list(weights.values())


def query_terms(text: str, *, language: str) -> tuple[list[int], list[float]]:
    """(term ids, weights) of a query; empty if no word carries meaning. `language`: of queries that show none."""
    spoken = query_languages(text, language=language)
    terms = {term_id(term) for each in spoken for term in terms_of(text, language=each)}
    return sorted(terms), [1.0] * len(terms)
