"""Made-up text whose words are as frequent as those of a wiki."""

import itertools
import random

# The most frequent words of natural text are its function words, which nothing is searched by: a natural vocabulary
# (Zipf) without its first hundred. A query's terms then stand in 14 % of the chunks, all added up; 12 to 16 % is what
# the demo's questions have in the demo wiki, the 18F handbook and GOV.UK's. With the head left in it was 149 %.
_FUNCTION_WORDS = 100
_VOCABULARY = tuple(
    f"{syllable}{number}" for number in range(2_000) for syllable in ("bra", "kes", "tar", "hal", "por")
)
_WEIGHTS = tuple(itertools.accumulate(1 / (rank + _FUNCTION_WORDS) for rank in range(1, len(_VOCABULARY) + 1)))


class Words:
    """A stream of words, the same for the same seed."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(seed)

    def text(self, count: int) -> str:
        """The next words."""
        return " ".join(self._random.choices(_VOCABULARY, cum_weights=_WEIGHTS, k=count))
