"""Full collections wait for a quiet moment, and leave the collector as it was."""

import asyncio
import gc

import pytest

from app import collecting
from app.collecting import LONGEST_SECONDS, LOOK_SECONDS, THOROUGH_SECONDS, QuietCollector


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def as_before() -> object:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_it_waits_for_a_quiet_moment_but_not_for_ever() -> None:
    clock, quiet = Clock(), [False]
    collector = QuietCollector(lambda: quiet[0], clock=clock)
    assert not collector.is_due(), "not even the first"
    quiet[0] = True
    assert collector.is_due()
    collector.collect()
    assert not collector.is_due()
    quiet[0] = False
    clock.now = LOOK_SECONDS * 6
    assert not collector.is_due()
    quiet[0] = True
    assert collector.is_due()
    quiet[0] = False
    clock.now = LONGEST_SECONDS
    assert collector.is_due()
    collector.collect()
    assert not collector.is_due()


def test_what_is_there_is_set_aside_and_looked_at_again_now_and_then() -> None:
    clock = Clock()
    collector = QuietCollector(lambda: True, clock=clock)
    ring: list[object] = []
    ring.append(ring)
    collector.collect()
    assert gc.get_freeze_count() > 0
    name = id(ring)
    del ring
    collector.collect()
    assert name in {id(each) for each in _frozen_rings()}
    clock.now = THOROUGH_SECONDS
    collector.collect()
    gc.unfreeze()
    assert name not in {id(each) for each in gc.get_objects() if type(each) is list and each[:1] == [each]}


def _frozen_rings() -> list[object]:
    gc.unfreeze()
    found = [each for each in gc.get_objects() if type(each) is list and len(each) == 1 and each[0] is each]
    gc.freeze()
    return found


async def test_in_the_end_the_collector_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "LOOK_SECONDS", 0.001)
    before = gc.get_threshold()
    running = asyncio.create_task(QuietCollector(lambda: False).run_forever())
    await asyncio.sleep(0.01)
    assert gc.get_threshold()[2] > before[2]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
