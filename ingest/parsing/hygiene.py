"""Text made safe to store and quote: one Unicode form, no invisible characters, one kind of line end."""

import re
import unicodedata

# Invisible or steering characters can carry text that no reader sees. Kept: tab, newline, and the signs of category Cf
# that are drawn (number marks of several scripts). NFC, not NFKC, because code must stay exactly as it is.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\ud800-\udfff"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]+")
_SPACED_BREAK = re.compile(r" ?\n ?")


def clean_text(text: str) -> str:
    """The same text in NFC, without invisible characters, with `\\n` as the only line end. Spaces stay as they are."""
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _LINE_END.sub("\n", text)))


def collapse_spaces(text: str) -> str:
    """Prose with single spaces, none at the ends of a line; newlines stay."""
    return _SPACED_BREAK.sub("\n", _SPACES.sub(" ", text)).strip()


def one_line(text: str) -> str:
    """The text's words with single spaces between them."""
    return " ".join(clean_text(text).split())
