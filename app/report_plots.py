"""Plots of a report as SVG in the page: how the gate weighs questions, what other thresholds would have done, and how
collections were ranked."""

from collections.abc import Sequence
from html import escape

from app.scoring import RefusalPoint

_WIDTH, _HEIGHT = 440, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 18, 30
_BINS = 20
# Class of a bar → what it shows.
_RANKERS = {"yes": "Footnote", "no": "BM25 alone", "third": "embedder alone"}
_THICK = 11


def weights_plot(asked: Sequence[float], others: Sequence[float], *, threshold: float) -> str:
    """Two histograms of the gate's estimates (0…1): answerable questions upwards, the others downwards."""
    upper, lower = _shares(asked), _shares(others)
    most = max([*upper, *lower, 0.01])
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    reach = middle - _TOP
    bars = []
    for place, (up, down) in enumerate(zip(upper, lower, strict=True)):
        left, width = _x(place / _BINS) + 1, (_x(1) - _x(0)) / _BINS - 2
        span = f"{place / _BINS:.2f}-{(place + 1) / _BINS:.2f}"
        tall, deep = up / most * reach, down / most * reach
        bars.append(_bar("yes", left, middle - tall, width, tall, f"answerable, {span}: {up:.0%}"))
        bars.append(_bar("no", left, middle, width, deep, f"unanswerable, {span}: {down:.0%}"))
    return _svg(
        "How the gate weighs answerable and unanswerable questions",
        _axis()
        + f'<line class="axis" x1="{_x(0):g}" y1="{middle:g}" x2="{_x(1):g}" y2="{middle:g}"/>'
        + "".join(bars)
        + _threshold(threshold)
        + f'<text class="yes" x="{_x(0) + 4:g}" y="{_TOP + 10}">answerable ({len(asked)})</text>'
        + f'<text class="no" x="{_x(0) + 4:g}" y="{_HEIGHT - _BOTTOM - 6}">unanswerable ({len(others)})</text>'
        + f'<text x="{_x(0) - 6:g}" y="{_TOP + 8}" text-anchor="end">{most:.0%}</text>'
        + f'<text x="{_x(0) - 6:g}" y="{_HEIGHT - _BOTTOM:g}" text-anchor="end">{most:.0%}</text>',
    )


def refusal_plot(curve: Sequence[RefusalPoint], *, threshold: float) -> str:
    """Both errors (0…1) over the threshold."""
    here = min(curve, key=lambda point: abs(point.threshold - threshold))
    levels = "".join(
        f'<line class="axis" x1="{_x(0):g}" y1="{_y(level):g}" x2="{_x(1):g}" y2="{_y(level):g}"/>'
        f'<text x="{_x(0) - 6:g}" y="{_y(level) + 4:g}" text-anchor="end">{level:.0%}</text>'
        for level in (0, 0.25, 0.5, 0.75, 1)
    )
    false_answers = " ".join(f"{_x(point.threshold):g},{_y(point.false_answers):.1f}" for point in curve)
    false_refusals = " ".join(f"{_x(point.threshold):g},{_y(point.false_refusals):.1f}" for point in curve)
    middle, above = (_x(0) + _x(1)) / 2, _TOP - 6
    return _svg(
        "False answers and false refusals over the threshold",
        levels
        + _axis()
        + f'<polyline class="no-line" points="{false_answers}"/><polyline class="yes-line" points="{false_refusals}"/>'
        + _threshold(threshold)
        + f'<text class="no" x="{middle:g}" y="{above}" text-anchor="end">false answers {here.false_answers:.0%}</text>'
        + f'<text class="yes" x="{middle + 12:g}" y="{above}">false refusals {here.false_refusals:.0%}</text>',
    )


def rankers_plot(suites: Sequence[tuple[str, Sequence[float]]]) -> str:
    """A bar (0…1) a ranker for each collection: the whole path first, then its two halves alone."""
    lines, top = [], _TOP
    for name, scores in suites:
        lines.append(f'<text class="name" x="{_x(0):g}" y="{top + 10}">{escape(name)}</text>')
        top += 14
        for ranker, score in zip(_RANKERS, scores, strict=True):
            title = f"{escape(name)}, {_RANKERS[ranker]}: {score:.3f}"
            # The figure stands behind its bar, so that 1 is not as far as the edge.
            length = 0.9 * (_x(score) - _x(0))
            lines.append(_bar(ranker, _x(0), top, length, _THICK, title))
            lines.append(f'<text x="{_x(0) + length + 4:.1f}" y="{top + _THICK - 1}">{score:.3f}</text>')
            top += _THICK + 2
        top += 10
    legend = "".join(
        f'<text class="{ranker}" x="{_x(place / 3):g}" y="{top + 10}">{title}</text>'
        for place, (ranker, title) in enumerate(_RANKERS.items())
    )
    return _svg("nDCG@10 of each collection", "".join(lines) + legend, height=top + 16)


def spread_plot(values: Sequence[float]) -> str:
    """A histogram of a measure of single queries (0…1)."""
    shares = _shares(values)
    most = max([*shares, 0.01])
    width = (_x(1) - _x(0)) / _BINS
    bars = "".join(
        _bar(
            "yes",
            _x(place / _BINS) + 1,
            _y(share / most),
            width - 2,
            _y(0) - _y(share / most),
            f"{place / _BINS:.2f}-{(place + 1) / _BINS:.2f}: {share:.0%}",
        )
        for place, share in enumerate(shares)
    )
    highest = f'<text x="{_x(0) - 6:g}" y="{_TOP + 8}" text-anchor="end">{most:.0%}</text>'
    return _svg("nDCG@10 of single queries", _axis() + bars + highest)


def _shares(weights: Sequence[float]) -> list[float]:
    counts = [0] * _BINS
    for weight in weights:
        counts[min(_BINS - 1, max(0, int(weight * _BINS)))] += 1
    return [count / len(weights) if weights else 0.0 for count in counts]


def _bar(name: str, x: float, y: float, width: float, height: float, title: str) -> str:
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
        f"<title>{title}</title></rect>"
    )


def _axis() -> str:
    ticks = "".join(
        f'<text x="{_x(tick):g}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
        for tick in (0, 0.25, 0.5, 0.75, 1)
    )
    bottom = _HEIGHT - _BOTTOM
    return f'<line class="axis" x1="{_x(0):g}" y1="{bottom}" x2="{_x(1):g}" y2="{bottom}"/>{ticks}'


def _threshold(value: float) -> str:
    return (
        f'<line class="threshold" x1="{_x(value):.1f}" y1="{_TOP}" x2="{_x(value):.1f}" y2="{_HEIGHT - _BOTTOM}">'
        f"<title>threshold {value:g}</title></line>"
    )


def _svg(label: str, inside: str, *, height: int = _HEIGHT) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">{inside}</svg>'


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)
