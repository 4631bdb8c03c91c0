"""Emoticons as characters. In tables a tick or a cross is what the cell says, so none is dropped."""

import re
from collections.abc import Mapping

_LAST_CODE_POINT = 0x10FFFF
_CODE_POINTS = re.compile(r"[0-9a-f]{2,6}(?:-[0-9a-f]{2,6}){0,9}")
_NAMES = {
    "smile": "🙂",
    "sad": "🙁",
    "cheeky": "😛",
    "laugh": "😀",
    "wink": "😉",
    "thumbs-up": "👍",
    "thumbs-down": "👎",
    "information": "ℹ",
    "tick": "✔",
    "cross": "✘",
    "warning": "⚠",
    "plus": "➕",
    "minus": "➖",
    "question": "❓",
    "light-on": "💡",
    "light-off": "(light off)",
    "yellow-star": "⭐",
    "red-star": "(red star)",
    "green-star": "(green star)",
    "blue-star": "(blue star)",
    "heart": "❤",
    "broken-heart": "💔",
    "check_mark": "✔",
    "cross_mark": "✘",
}


def emoticon_text(attributes: Mapping[str, str]) -> str:
    """The character of an `ac:emoticon`; its short name in colons if there is none."""
    name, short = attributes.get("ac:name", ""), attributes.get("ac:emoji-shortname", "")
    fallback = attributes.get("ac:emoji-fallback", "")
    if fallback and not fallback.isascii():
        return fallback
    named = _NAMES.get(name) or _NAMES.get(short.strip(":"))
    return named or _from_code_points(attributes.get("ac:emoji-id", "")) or short or fallback or _in_colons(name)


def emoticon_of_image(attributes: Mapping[str, str]) -> str | None:
    """The character that an `<img class="emoticon emoticon-tick">` of older versions shows; None if it is a picture."""
    classes = attributes.get("class", "").split()
    if "emoticon" not in classes:
        return None
    names = [each.removeprefix("emoticon-") for each in classes if each.startswith("emoticon-")]
    return next((_NAMES[name] for name in names if name in _NAMES), attributes.get("alt", ""))


def _from_code_points(emoji_id: str) -> str:
    """`1f642` and `31-20e3` are code points in hexadecimal."""
    if not _CODE_POINTS.fullmatch(emoji_id):
        return ""
    points = [int(part, 16) for part in emoji_id.split("-")]
    return "".join(map(chr, points)) if max(points) <= _LAST_CODE_POINT else ""


def _in_colons(name: str) -> str:
    return f":{name}:" if name else ""
