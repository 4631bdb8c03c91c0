"""What a sync of Confluence remembers for the next one, as the text of its checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ingest.connectors.confluence_json import at, object_of, text_at

KNOWN_DAYS = 7
UNKNOWN_DAYS = 1


class KnownEmails:
    """Addresses that were asked for one by one; asked for again after some days, sooner if none was found."""

    def __init__(self, known: Mapping[str, tuple[str, int]], *, today: int) -> None:
        self._known = dict(known)
        self._today = today

    def get(self, key: str) -> str | None:
        """The address, empty if there is none; None if it has to be asked for."""
        address, day = self._known.get(key, ("", -1_000_000))
        return address if self._today - day < (KNOWN_DAYS if address else UNKNOWN_DAYS) else None

    def put(self, key: str, address: str) -> None:
        """What the answer was."""
        self._known[key] = (address, self._today)

    @property
    def known(self) -> Mapping[str, tuple[str, int]]:
        """Key → (address, day it was asked for)."""
        return self._known


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`identity`: whose token it was; `not_before`: no request earlier than that."""

    identity: str = ""
    had_restrictions: bool = False
    not_before: datetime | None = None
    emails: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    # Native id → (key of its version, reason): what was read and holds nothing to index.
    barren: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def to_text(self) -> str:
        """For the checkpoint."""
        return json.dumps(
            {
                "identity": self.identity,
                "had_restrictions": self.had_restrictions,
                "not_before": self.not_before.isoformat() if self.not_before else None,
                "emails": {key: list(value) for key, value in self.emails.items()},
                "barren": {key: list(value) for key, value in self.barren.items()},
            }
        )


def read_state(text: str) -> State:
    """The state in a checkpoint; an empty one if it is none of ours."""
    stored = object_of(text)
    moment = text_at(stored, "not_before")
    return State(
        identity=text_at(stored, "identity"),
        had_restrictions=at(stored, "had_restrictions") is True,
        not_before=datetime.fromisoformat(moment) if moment else None,
        emails={key: (str(address), int(str(day))) for key, (address, day) in _pairs(stored, "emails").items()},
        barren={key: (str(version), str(reason)) for key, (version, reason) in _pairs(stored, "barren").items()},
    )


def _pairs(stored: object, name: str) -> dict[str, tuple[object, object]]:
    pairs = at(stored, name)
    if not isinstance(pairs, dict):
        return {}
    return {str(key): (pair[0], pair[1]) for key, pair in pairs.items() if isinstance(pair, list) and len(pair) == 2}


def day_of(moment: datetime) -> int:
    """Days since the epoch."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=1)
