"""Who asks (principal), who may read (audience), and the one function that brings the two together."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

EVERYONE = "everyone"


def grantee(word: str) -> str:
    """The canonical name for a word of an `audience = [...]` setting: `everyone`, `user:EMAIL` or `group:NAME`."""
    word = word.strip()
    if word.lower() == EVERYONE:
        return EVERYONE
    kind, colon, name = word.partition(":")
    if colon and kind in {"user", "group"} and name:
        return f"{kind}:{name.lower()}"
    return f"user:{word.lower()}" if "@" in word else f"group:{word.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks. Groups are already closed over nesting (the catalogue resolves them)."""

    tenant: str
    email: str | None
    groups: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Every grantee name this principal answers to."""
        own = {f"user:{self.email.lower()}"} if self.email else set()
        return frozenset({EVERYONE} | own | {f"group:{group.lower()}" for group in self.groups})


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may read a document: every layer (AND) must name the reader (OR). No layer at all admits nobody."""

    layers: frozenset[frozenset[str]]

    @classmethod
    def of(cls, *layers: Iterable[str]) -> "Audience":
        """An audience from lists of audience words, one list a layer. An empty layer admits nobody."""
        return cls(frozenset(frozenset(grantee(word) for word in layer) for layer in layers))

    def narrowed_by(self, words: Iterable[str]) -> "Audience":
        """This audience AND one more layer."""
        return self.shared_with(Audience.of(words))

    def shared_with(self, other: "Audience") -> "Audience":
        """Those who are in both."""
        return Audience(self.layers | other.layers) if self.layers and other.layers else NOBODY

    @property
    def digest(self) -> str:
        """Equal audiences have equal digests."""
        text = "\n".join(sorted("\t".join(sorted(layer)) for layer in self.layers))
        return hashlib.sha256(f"{len(self.layers)}\n{text}".encode()).hexdigest()

    def admits(self, principal: Principal) -> bool:
        """May this principal read it? Missing audience and unresolved (empty) layers admit nobody."""
        names = principal.names
        return bool(self.layers) and all(layer & names for layer in self.layers)


NOBODY = Audience(frozenset())


def readable_audiences(principal: Principal, audiences: Mapping[int, Audience]) -> tuple[int, ...]:
    """Ids of the interned audiences that admit the principal: the filter every search carries."""
    return tuple(sorted(audience_id for audience_id, audience in audiences.items() if audience.admits(principal)))
