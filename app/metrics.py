"""Counters and histograms in Prometheus' text format. Labels name routes, channels and outcomes, and hold no words."""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0)
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# How often the event loop is looked at; how late that is, is its lag.
LOOK_SECONDS = 0.05
Labels = tuple[tuple[str, str], ...]


class Counter:
    """Only grows."""

    kind = "counter"

    def __init__(self, name: str, about: str) -> None:
        self.name = name
        self.about = about
        self._values: defaultdict[Labels, float] = defaultdict(float)

    def add(self, amount: float = 1, **labels: str) -> None:
        """Count one more, or several."""
        self._values[tuple(labels.items())] += amount

    def lines(self) -> Iterator[str]:
        """Samples."""
        for labels, value in sorted(self._values.items()):
            yield sample(self.name, labels, value)


class Histogram:
    """How long things took, in seconds."""

    kind = "histogram"

    def __init__(self, name: str, about: str, *, buckets: tuple[float, ...] = _BUCKETS) -> None:
        self.name = name
        self.about = about
        self._buckets = buckets
        self._counts: defaultdict[Labels, list[int]] = defaultdict(lambda: [0] * (len(buckets) + 1))
        self._sums: defaultdict[Labels, float] = defaultdict(float)

    def observe(self, seconds: float, **labels: str) -> None:
        """One more that took so long."""
        key = tuple(labels.items())
        place = next((place for place, edge in enumerate(self._buckets) if seconds <= edge), len(self._buckets))
        self._counts[key][place] += 1
        self._sums[key] += seconds

    def lines(self) -> Iterator[str]:
        """Samples."""
        for labels, counts in sorted(self._counts.items()):
            total = 0
            for edge, count in zip((*self._buckets, math.inf), counts, strict=True):
                total += count
                edge_text = "+Inf" if edge == math.inf else f"{edge:g}"
                yield sample(f"{self.name}_bucket", (*labels, ("le", edge_text)), total)
            yield sample(f"{self.name}_sum", labels, self._sums[labels])
            yield sample(f"{self.name}_count", labels, total)


class Metrics:
    """What this process has seen since it began."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.requests = Counter("footnote_http_requests_total", "Requests, by route, method and status.")
        self.request_seconds = Histogram("footnote_http_request_seconds", "Time until an answer was sent, by route.")
        self.answers = Counter("footnote_answers_total", "Answers, by channel, status and mode.")
        self.answer_seconds = Histogram("footnote_answer_seconds", "Time until an answer was complete, by channel.")
        self.first_sentence_seconds = Histogram("footnote_first_sentence_seconds", "Time until the first sentence.")
        self.loop_lag_seconds = Histogram(
            "footnote_event_loop_lag_seconds", "How late the event loop comes to what is due.", buckets=_LAG_BUCKETS
        )

    async def watch_loop(self) -> None:
        """Look, for ever, how late the event loop is: whatever keeps it keeps every caller."""
        while True:
            due = time.perf_counter() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.loop_lag_seconds.observe(max(0.0, time.perf_counter() - due))

    def text(self, gauges: Mapping[str, tuple[str, Mapping[Labels, float]]]) -> str:
        """Everything in the text format. `gauges`: name → (what it is, values by labels), read just now."""
        lines: list[str] = []
        for metric in (value for value in vars(self).values() if isinstance(value, Counter | Histogram)):
            lines += [f"# HELP {metric.name} {metric.about}", f"# TYPE {metric.name} {metric.kind}", *metric.lines()]
        in_flight: dict[Labels, float] = {(): self.in_flight}
        own = {"footnote_http_requests_in_flight": ("Requests that are being answered.", in_flight)}
        for name, (about, values) in (own | dict(gauges)).items():
            lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
            lines += [sample(name, labels, value) for labels, value in values.items()]
        return "\n".join(lines) + "\n"


def sample(name: str, labels: Labels, value: float) -> str:
    """One line."""
    text = ",".join(f'{key}="{_escaped(word)}"' for key, word in labels)
    number = f"{value:.0f}" if float(value).is_integer() else repr(float(value))
    return f"{name}{{{text}}} {number}" if text else f"{name} {number}"


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
