"""Text becomes search terms: words without endings in their own language, identifiers whole, CJK in pairs."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b

import snowballstemmer

from kb.function_words import FUNCTION_WORDS

# A run of letters and digits, or several held together by what holds identifiers, versions and compounds together.
_WORD = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d\w])|[^\W_]+(?:['’_.:/@+#&-]+[^\W_]+)*")
_PLAIN_WORD = re.compile(r"\b[^\W\d_]+(?:['’][^\W\d_]+)?\b")
_PART = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PLURAL_OF_ACRONYM = re.compile(r"[A-Z]{2,}s")
_APOSTROPHES = re.compile(r"['’]")
# Scripts written without spaces between words: Thai, kana, Han, Hangul.
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
# The language of a word in these scripts is known from its first letter.
_SCRIPTS = (
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "russian"),
    (0x0530, 0x058F, "armenian"),
    (0x0600, 0x06FF, "arabic"),
    (0x0900, 0x097F, "hindi"),
    (0x0B80, 0x0BFF, "tamil"),
)
LATIN = tuple(language for language in FUNCTION_WORDS if language not in {"greek", "russian"})
LONGEST_TERM = 64
# A language whose function words are this near to the most frequent language's may be the right one too.
_NEARLY = 0.8
# One function word may be another language's noun: `die`, `war`.
_CERTAIN_COUNT = 2


def detect_languages(text: str) -> tuple[str, ...]:
    """The likely languages of a text in Latin script, best first, by its function words. None found: empty.

    More than one where they are too alike to be told apart by this text.
    """
    words = [word.lower().replace("’", "'") for word in _PLAIN_WORD.findall(text)]
    scores = dict.fromkeys(LATIN, 0.0)
    for word in words:
        speakers = _speakers(word)
        for language in speakers:
            # A word of many languages says little.
            scores[language] += 1 / len(speakers)
    best = max(scores.values())
    if not best:
        return ()
    near = [language for language in LATIN if scores[language] >= _NEARLY * best]
    return tuple(sorted(near, key=lambda language: -scores[language]))


def query_languages(text: str, *, language: str) -> tuple[str, ...]:
    """The languages in whose forms the words of a query are looked for: a few words may not show which one it is.

    `language`: the one to count on if the query has one function word only. Without any, it may be every language.
    """
    likely = detect_languages(text)
    if not likely:
        return (language, *(each for each in LATIN if each != language))
    count = sum(is_function_word(word, likely[0]) for word in words_of(text))
    return likely if count >= _CERTAIN_COUNT else tuple(dict.fromkeys((*likely, language)))


def terms_of(text: str, *, language: str) -> list[str]:
    """The terms of a text in reading order, repeated as they repeat. `language`: of the words in Latin script.

    Function words are left out. An identifier or a compound gives its parts and itself.
    """
    return [term for word in words_of(text) for term in word_terms(word, language)]


def words_of(text: str) -> Iterator[str]:
    """The words as they are written, in reading order."""
    for found in _WORD.finditer(text if text.isascii() else unicodedata.normalize("NFKC", text)):
        yield found.group()


@lru_cache(maxsize=131_072)
def word_terms(word: str, language: str) -> tuple[str, ...]:
    """The terms of one word: none for a function word."""
    if word[0].isdigit() and "," in word:
        return (word.replace(",", ""),)
    if _UNSPACED.search(word):
        return tuple(_pairs_and_rest(word, language))
    plain = _APOSTROPHES.split(word)[0] if _APOSTROPHES.search(word) else word
    if is_function_word(word, language) or is_function_word(plain, language):
        return ()
    parts = _PART.findall(plain)
    terms = [term for part in parts for term in _part_terms(part, language)]
    if len(parts) > 1:
        terms.append(_cut(_folded(plain.lower())))
    return tuple(terms)


def term_id(term: str) -> int:
    """A fixed number of 32 bits for a term: its place in a sparse vector."""
    return _digest(term)


def is_function_word(word: str, language: str) -> bool:
    """Does it carry grammar only? `IT` and `US` do not: an acronym is a name."""
    lower = word.lower().replace("’", "'")
    is_acronym = len(word) > 1 and word.isupper()
    return lower in FUNCTION_WORDS.get(_language_of(lower, language), ()) and not is_acronym


def _part_terms(part: str, language: str) -> list[str]:
    if part.isdigit():
        return [_cut(part.lstrip("0") or "0")]
    if _PLURAL_OF_ACRONYM.fullmatch(part):
        part = part[:-1]
    if is_function_word(part, language):
        return []
    terms = [_cut(_stem(part.lower(), _language_of(part.lower(), language)))]
    humps = _CAMEL.findall(part)
    if len(humps) > 1 and any(char.isupper() for char in part[1:]) and not part.isupper():
        terms += [_stem(hump.lower(), language) for hump in humps if len(hump) > 1]
    return terms


def _pairs_and_rest(word: str, language: str) -> Iterator[str]:
    """Overlapping pairs of an unspaced script's letters; what is between them as words of their own."""
    end = 0
    for found in _UNSPACED.finditer(word):
        yield from (term for part in _PART.findall(word[end : found.start()]) for term in word_terms(part, language))
        run = found.group()
        yield from (run[place : place + 2] for place in range(max(1, len(run) - 1)))
        end = found.end()
    yield from (term for part in _PART.findall(word[end:]) for term in word_terms(part, language))


@lru_cache(maxsize=65_536)
def _stem(word: str, language: str) -> str:
    # No word is that long, and the stemmers take seconds for what is.
    stemmer = _stemmer(language) if len(word) <= LONGEST_TERM else None
    return _folded(stemmer.stemWord(word) if stemmer is not None else word)


@lru_cache(maxsize=32)
def _stemmer(language: str) -> "snowballstemmer.stemmer | None":
    return snowballstemmer.stemmer(language) if language in snowballstemmer.algorithms() else None


@lru_cache(maxsize=65_536)
def _digest(term: str) -> int:
    return int.from_bytes(blake2b(term.encode("utf-8", "replace"), digest_size=4).digest())


@lru_cache(maxsize=16_384)
def _speakers(word: str) -> tuple[str, ...]:
    return tuple(language for language in LATIN if word in FUNCTION_WORDS[language])


def _language_of(word: str, latin: str) -> str:
    code = ord(word[0])
    if code < 0x0370:
        return latin
    return next((language for first, last, language in _SCRIPTS if first <= code <= last), latin)


def _folded(word: str) -> str:
    """Without accents."""
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word.replace("ł", "l").replace("ø", "o").replace("đ", "d"))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _cut(term: str) -> str:
    return term[:LONGEST_TERM]
