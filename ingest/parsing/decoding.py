"""Bytes of a file as text, or the reason why they are none."""

import codecs
import re

from bs4.dammit import EncodingDetector

# Encodings that an HTML file may declare. Others, such as utf-7, are for attacks rather than for pages.
_DECLARABLE = re.compile(
    r"iso-?8859-\d{1,2}|latin-?1|windows-125\d|us-ascii|koi8-[ru]|macintosh|shift_jis|euc-(?:jp|kr)|gb2312|gbk|gb18030|big5"
)
_DECLARED_WITHIN_BYTES = 4096


class NotText(ValueError):
    """The bytes are no text that we can read; the message says why."""


def decode_text(raw: bytes, *, may_declare_encoding: bool = False) -> str:
    """UTF-8, with or without a byte order mark, UTF-16 with one, and what an HTML file declares. Raises NotText."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not raw.startswith(codecs.BOM_UTF32_LE):
        return _decode(raw, "utf-16")
    if b"\0" in raw:
        raise NotText("it is binary, not text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        declared = _declared_encoding(raw) if may_declare_encoding else None
        if declared is not None:
            return _decode(raw, declared)
        line = raw.count(b"\n", 0, exc.start) + 1
        raise NotText(f"not UTF-8 (line {line}): save it as UTF-8") from exc


def _declared_encoding(raw: bytes) -> str | None:
    declared = EncodingDetector.find_declared_encoding(raw[:_DECLARED_WITHIN_BYTES], is_html=True)
    if declared is None or not _DECLARABLE.fullmatch(declared.lower()):
        return None
    # Browsers read this name as the larger set, and so do the editors that write it.
    return "windows-1252" if declared.lower() in {"iso-8859-1", "latin-1", "latin1", "us-ascii"} else declared


def _decode(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except (UnicodeDecodeError, LookupError) as exc:
        raise NotText(f"not {encoding.upper()}, although it says so: save it as UTF-8") from exc
