"""The ids that Confluence gives headings when it shows a page, so that a link opens the heading.

Cloud and Data Center make them differently, and both only while rendering: the storage format does not hold them.
Cloud: the heading as shown, with a dash for each white space; a macro inside counts as `[inlineExtension]`.
Data Center: page title, dash, heading, without any white space; the text of macro parameters counts too. An id that
would not begin with a letter of ASCII gets `id-` before it. Both number repeats `.1`, `.2` and so on.
"""

import re
from typing import Literal

Deployment = Literal["cloud", "datacenter"]

_SPACE = re.compile(r"\s")
_LETTER_FIRST = re.compile(r"[A-Za-z]")

# What Cloud writes for things in a heading that are not text.
MACRO = "[inlineExtension]"
CARD = "[inlineCard]"
DATE = "[date]"
IMAGE = "[mediaInline]"


class HeadingIds:
    """The ids of a page's headings, asked for in their order. Every heading counts, also in tables and panels."""

    def __init__(self, deployment: Deployment, *, title: str) -> None:
        self.is_cloud = deployment == "cloud"
        self._title = title
        self._uses: dict[str, int] = {}

    def next(self, heading: str) -> str:
        """The id of the next heading, by its text; empty if it has none."""
        if not heading.strip():
            return ""
        return self._numbered(_SPACE.sub("-", heading.strip()) if self.is_cloud else self._prefixed(heading))

    def _prefixed(self, heading: str) -> str:
        joined = _SPACE.sub("", f"{self._title}-{heading}")
        return joined if _LETTER_FIRST.match(joined) else f"id-{joined}"

    def _numbered(self, base: str) -> str:
        free = base
        while free in self._uses:
            self._uses[base] += 1
            free = f"{base}.{self._uses[base]}"
        self._uses[free] = 0
        return free
