"""The benchmark of growth: what it builds is whole, even after it was cut off, and what it draws is an image."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bench import growing
from bench.growing import grown, settings_of
from bench.growth_plot import growth_plot
from bench.retrieval import STEPS, measure
from kb.wiring import open_knowledge_base

SIZE = 200


class CutOffError(Exception):
    """The benchmark was stopped."""


@pytest.mark.integration
async def test_a_knowledge_base_that_was_cut_off_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "BATCH_PAGES", 5)

    def cut_off(count: int) -> None:
        if count == SIZE // 2:
            raise CutOffError

    with pytest.raises(CutOffError):
        await grown(tmp_path, size=SIZE, told=cut_off)
    counts: list[int] = []
    await grown(tmp_path, size=SIZE, told=counts.append)
    assert counts == [150, SIZE]
    async with open_knowledge_base(settings_of(tmp_path)) as base:
        assert sum((await base.index.counts(tenant="acme")).values()) == SIZE
    figures = await measure(tmp_path, queries=3)
    assert len(figures.total) == 3
    assert all(
        abs(sum(figures.steps[step][number] for step in STEPS) - figures.total[number]) < 1 for number in range(3)
    )


def test_the_plot_is_an_image_with_every_line_and_size() -> None:
    drawn = growth_plot([1_000, 1_000_000], {"p50": [1.5, 30.0], "p95": [2.0, 31.0]}, {"disk": [10.0, 7_000.0]})
    texts = [each.text for each in ElementTree.fromstring(drawn).iter() if each.tag.endswith("text")]
    assert {"1k", "1M", "p50", "p95", "disk", "10,000"} <= set(texts)
