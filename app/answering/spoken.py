"""Is what a question speaks of spoken of in a text? Each of its words is looked for by meaning, among its neighbours.

Words that mean the same meet without a stem in common; a word that nothing in the text comes near is what is missing.
The similarity of two pieces is the cosine of their vectors; a word's is the mean of its pieces' best (late interaction,
as in ColBERT, https://arxiv.org/abs/2004.12832, with the embedder as it is).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.answering.words import is_content, stem, words_of
from kb.embedders.base import Pieces, Vectors

_ASKING = frozenset("who whom whose when where why how what which".split())
# What a question without the word gets: the middle of what is seen.
_NO_ASKING_WORD = 0.4

Similarities = NDArray[np.float32]


def spoken_features(question: str, asked: Pieces, near: Pieces, whole: Pieces, section: str) -> dict[str, float]:
    """The features by name, cosines but for `spoken_lost`. `near`, `whole`: the best unit's and its section's pieces;
    `section`: the section's text with its headings."""
    if not (asked.spans and near.spans and whole.spans):
        return _NOTHING_SPOKEN
    words = _words(question, asked.spans)
    content = [word for word in words if is_content(word[0])] or words
    near_each, whole_each = _best(asked.vectors, near.vectors), _best(asked.vectors, whole.vectors)
    nearby, anywhere = ([_of_word(best, places) for _, places in content] for best in (near_each, whole_each))
    named = words_of(question).names | words_of(question).numbers
    held = words_of(section).stems
    lost = [1 - share for share, (word, _) in zip(anywhere, content, strict=True) if stem(word) not in held]
    asking = [_of_word(whole_each, places) for word, places in words if word in _ASKING]
    return {
        "spoken_all": float(near_each.mean()),
        "spoken_near": sum(nearby) / len(nearby),
        "spoken_near_least": min(nearby),
        "spoken_section": sum(anywhere) / len(anywhere),
        "spoken_section_least": min(anywhere),
        "spoken_last": anywhere[-1],
        "spoken_asking": asking[0] if asking else _NO_ASKING_WORD,
        "spoken_names": min(
            (share for share, (word, _) in zip(anywhere, content, strict=True) if stem(word) in named), default=1.0
        ),
        "spoken_lost": sum(lost),
    }


def closeness_of(asked: Pieces, texts: Sequence[Pieces]) -> list[float]:
    """For each text how much nearer to the question it is than the furthest of them: 0 or more, in mean cosines."""
    near = [float(_best(asked.vectors, text.vectors).mean()) if asked.spans and text.spans else 0.0 for text in texts]
    return [each - min(near) for each in near]


_NOTHING_SPOKEN = {
    f"spoken_{name}": 0.0 for name in "all near near_least section section_least last asking names lost".split()
}


def _best(asked: Vectors, held: Vectors) -> Similarities:
    """Of each asked piece to the piece nearest to it, shape (asked pieces,)."""
    best: Similarities = (asked @ held.T).max(axis=1)
    return best


def _of_word(best: Similarities, places: Sequence[int]) -> float:
    return float(best[list(places)].mean())


def _words(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[str, list[int]]]:
    """The words in lower case with the places of their pieces: pieces of letters and digits without a gap are one."""
    words: list[tuple[str, list[int]]] = []
    last_end = -1
    for place, (start, end) in enumerate(spans):
        piece = text[start:end].lower()
        if words and start == last_end and piece[:1].isalnum() and words[-1][0][-1:].isalnum():
            words[-1] = (words[-1][0] + piece, [*words[-1][1], place])
        else:
            words.append((piece, [place]))
        last_end = end
    return words
