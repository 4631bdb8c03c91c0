"""What the checks look at in a text: content words by stem, numbers, names, and negation."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

_WORD = re.compile(r"\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?%?|[#/@]?[^\W_]+(?:[_'’.:/@-]+[^\W_]+)*")
_PART = re.compile(r"[^\W\d_]+|\d+(?:[.,\u00a0\u202f]\d+)*")
_NUMBER = re.compile(r"\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)*")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z]{2}|\d[A-Za-z]|[A-Za-z]\d")

# Words that carry grammar, not content. Question words are here too: they ask, they do not name.
_FUNCTION_WORDS = frozenset(
    """
    a about above after again all also am an and any are aren't as at be because been before being below
    between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down
    during each either else ever every few for from further get gets getting give given go goes got had
    has have having he her here hers him his how however i i'm i've if in into is isn't it it's its
    itself just let like made make makes many may me might more most much must my need needs no nor not
    now of off on once one only or other our ours out over own please same shall she should so some
    someone something such take takes than that that's the their theirs them then there there's these
    they thing things this those through to too under until up upon us use used uses using very want
    wants was we we're were what what's when where where's whether which while who whom whose why will
    with within without won't would yes yet you you're your yours
    """.split()
)
_NEGATIONS = frozenset(
    """
    no not never none neither nor without cannot can't don't doesn't didn't isn't aren't wasn't weren't
    won't wouldn't shouldn't mustn't nobody nothing unable except unless
    """.split()
)
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}


@dataclass(frozen=True, slots=True)
class Words:
    """A text as sets. `names`: stems of words written like names or identifiers inside a sentence."""

    stems: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    is_negated: bool


@lru_cache(maxsize=4096)
def words_of(text: str) -> Words:
    """The content words, numbers and names of a text, and whether it says "not"."""
    stems: set[str] = set()
    names: set[str] = set()
    is_negated = False
    starts_sentence = True
    for match in _WORD.finditer(unicodedata.normalize("NFC", text)):
        word = match.group()
        lower = word.lower().replace("’", "'")
        is_negated = is_negated or lower in _NEGATIONS
        if lower not in _FUNCTION_WORDS:
            parts = [stem(part) for part in _PART.findall(lower)]
            stems.update(part for part in parts if part not in _FUNCTION_WORDS)
            if _looks_like_a_name(word, starts_sentence=starts_sentence):
                names.update(part for part in parts if not part[0].isdigit())
        starts_sentence = text[match.end() : match.end() + 1] in {".", "!", "?", ":", "|", "\n"}
    return Words(frozenset(stems), numbers_of(text), frozenset(names), is_negated)


def is_content(word: str) -> bool:
    """Does this word, in lower case, name something? Grammar and question words do not, nor do signs."""
    return word not in _FUNCTION_WORDS and any(char.isalnum() for char in word)


@lru_cache(maxsize=8192)
def content_stems(text: str) -> tuple[str, ...]:
    """The stems of the content words in reading order, repeats included."""
    return tuple(stem for stem, is_content in stems_in_order(text) if is_content)


@lru_cache(maxsize=4096)
def stems_in_order(text: str) -> tuple[tuple[str, bool], ...]:
    """Every word's stem in reading order, and whether it is a content word."""
    found: list[tuple[str, bool]] = []
    for match in _WORD.finditer(unicodedata.normalize("NFC", text)):
        lower = match.group().lower().replace("’", "'")
        is_content = lower not in _FUNCTION_WORDS
        found += [(stem(part), is_content and part not in _FUNCTION_WORDS) for part in _PART.findall(lower)]
    return tuple(found)


@lru_cache(maxsize=8192)
def grams(text: str, size: int = 4) -> frozenset[str]:
    """The character n-grams of the text's words: they match inflections and compounds that stems do not."""
    plain = " ".join(["", *re.findall(r"\w+", text.lower()), ""])
    return frozenset(plain[start : start + size] for start in range(max(1, len(plain) - size + 1)))


def numbers_of(text: str) -> frozenset[str]:
    """Numbers in plain digits: `1,200` and `1 200` are `1200`, `two` is `2`, `2.50` is `2.5`."""
    numbers = {_plain_number(match.group()) for match in _NUMBER.finditer(text)}
    numbers |= {_NUMBER_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _NUMBER_WORDS}
    return frozenset(numbers)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The English stem of one lower-case word; numbers lose their separators."""
    if word[0].isdigit():
        return _plain_number(word)
    if word in _NUMBER_WORDS:
        return _NUMBER_WORDS[word]
    return str(_stemmer().stemWord(_without_accents(word)))


@lru_cache(maxsize=1)
def _stemmer() -> "snowballstemmer.stemmer":
    return snowballstemmer.stemmer("english")


def _plain_number(text: str) -> str:
    whole = re.sub(r"[,\u00a0\u202f](?=\d{3})", "", text)
    whole = re.sub(r"\.(?=\d{3}(?:\D|$))", "", whole) if whole.count(".") > 1 else whole.replace(",", ".")
    return (whole.rstrip("0").rstrip(".") if "." in whole else whole.lstrip("0")) or "0"


def _looks_like_a_name(word: str, *, starts_sentence: bool) -> bool:
    if _CAMEL.search(word) or word[0] in "#@/":
        return True
    return word[0].isupper() and not starts_sentence


def _without_accents(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.replace("ł", "l").replace("ø", "o").replace("đ", "d"))
    return "".join(char for char in decomposed if not unicodedata.combining(char))
