"""The plot of bench.growth: milliseconds, and megabytes, over the number of chunks, both axes logarithmic."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

_WIDTH, _HEIGHT = 860, 360
_PANEL, _TOP, _BOTTOM = 300, 56, 52
_LEFTS = (64, 494)
# Room to the right of a panel for the names of its lines.
_NAMES = 8
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.quiet{fill:#57606a}.title{font-weight:600}"
    ".grid{stroke:#d0d7de;stroke-width:1}path{fill:none;stroke-width:2.5}"
    ".a{stroke:#0550ae}.b{stroke:#bc4c00}.c{stroke:#1a7f37}text.a,text.b,text.c{stroke:none}"
    "text.a{fill:#0550ae}text.b{fill:#bc4c00}text.c{fill:#1a7f37}circle.a{fill:#0550ae}circle.b{fill:#bc4c00}"
    "circle.c{fill:#1a7f37}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.grid{stroke:#3d444d}"
    ".a{stroke:#79c0ff}.b{stroke:#ffa657}.c{stroke:#7ee787}text.a{fill:#79c0ff}text.b{fill:#ffa657}"
    "text.c{fill:#7ee787}circle.a{fill:#79c0ff}circle.b{fill:#ffa657}circle.c{fill:#7ee787}}"
)

Lines = Mapping[str, Sequence[float]]


def growth_plot(sizes: Sequence[int], milliseconds: Lines, megabytes: Lines) -> str:
    """An SVG of its own: both are name → a value for each size."""
    panels = [
        _panel(_LEFTS[0], "question to sections, ms", sizes, milliseconds),
        _panel(_LEFTS[1], "memory and disk, MB", sizes, megabytes),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-label="Latency, memory and disk as the number of chunks grows">'
        f"<style>{_STYLE}</style>{''.join(panels)}</svg>\n"
    )


def _panel(left: float, title: str, sizes: Sequence[int], lines: Lines) -> str:
    values = [value for line in lines.values() for value in line]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    first, last = math.log10(sizes[0]), max(math.log10(sizes[-1]), math.log10(sizes[0]) + 0.1)

    def x(size: float) -> float:
        return left + (math.log10(size) - first) / (last - first) * _PANEL

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (math.log10(value) - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<text class="title" x="{left}" y="{_TOP - 28}">{title}</text>']
    for power in range(low, high + 1):
        height = y(10.0**power)
        parts.append(f'<line class="grid" x1="{left}" y1="{height:.1f}" x2="{left + _PANEL}" y2="{height:.1f}"/>')
        parts.append(f'<text class="quiet" x="{left - 8}" y="{height + 4:.1f}" text-anchor="end">{10**power:,}</text>')
    for size in sizes:
        name = f"{size // 1_000_000}M" if size >= 1_000_000 else f"{size // 1_000}k"
        parts.append(
            f'<text class="quiet" x="{x(size):.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{name}</text>'
        )
    parts.append(
        f'<text class="quiet" x="{left + _PANEL / 2}" y="{_HEIGHT - _BOTTOM + 40}" text-anchor="middle">chunks</text>'
    )
    ends = _spread([y(line[-1]) for line in lines.values()])
    for letter, (name, line), end in zip("abc", lines.items(), ends, strict=False):
        places = [(x(size), y(value)) for size, value in zip(sizes, line, strict=True)]
        path = " L".join(f"{across:.1f} {down:.1f}" for across, down in places)
        parts.append(f'<path class="{letter}" d="M{path}"/>')
        parts += [f'<circle class="{letter}" cx="{across:.1f}" cy="{down:.1f}" r="3.5"/>' for across, down in places]
        parts.append(f'<text class="{letter}" x="{left + _PANEL + _NAMES}" y="{end + 4:.1f}">{name}</text>')
    return "".join(parts)


def _spread(heights: Sequence[float], *, apart: float = 16) -> list[float]:
    """The same heights, moved as little as keeps the names beside them from covering each other."""
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    spread = list(heights)
    for before, place in pairwise(order):
        spread[place] = max(spread[place], spread[before] + apart)
    return spread
