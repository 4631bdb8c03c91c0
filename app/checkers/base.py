"""What a second check is: a model that reads a sentence beside what it cites, after the first check passed it."""

from typing import Protocol


class SecondCheck(Protocol):
    """Says how surely a text carries a claim. Building one is cheap; the weights load at the first claim."""

    @property
    def name(self) -> str:
        """For people: the model's name."""

    @property
    def supported_above(self) -> float:
        """From which score on a claim counts as supported."""

    def score(self, claim: str, evidence: str) -> float:
        """0…1. Takes its time: not for the event loop's thread. Raises ModelError."""
