"""How many questions each caller may ask: a bucket a name, filled steadily, in the memory of this process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from kb.errors import TooManyRequests

WINDOW_SECONDS = 60
# Names are forgotten beyond this; the longest unused first, whose buckets are full again anyway.
_MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left to a caller."""

    limit: int
    left: int
    full_in_seconds: int

    @property
    def headers(self) -> Mapping[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers names them."""
        policy = f'"questions";q={self.limit};w={WINDOW_SECONDS}'
        return {"RateLimit-Policy": policy, "RateLimit": f'"questions";r={self.left};t={self.full_in_seconds}'}


class Limiter:
    """Token buckets: as many questions at once as a minute allows, then one whenever there is room again."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, *, per_minute: int) -> Allowance:
        """One question of this name's. Raises TooManyRequests, which says how long to wait."""
        now = self._clock()
        left, since = self._buckets.pop(name, (float(per_minute), now))
        rate = per_minute / WINDOW_SECONDS
        left = min(float(per_minute), left + (now - since) * rate)
        is_allowed = left >= 1
        self._buckets[name] = (left - 1 if is_allowed else left, now)
        if len(self._buckets) > _MOST_NAMES:
            self._buckets.popitem(last=False)
        if not is_allowed:
            pause = ceil((1 - left) / rate)
            raise TooManyRequests(f"at most {per_minute} questions a minute: wait {pause} s", retry_after=pause)
        return Allowance(limit=per_minute, left=int(left - 1), full_in_seconds=ceil((per_minute - left + 1) / rate))
