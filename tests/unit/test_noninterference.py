"""Whatever happens to pages and their audiences: nobody gets anything that depends on a page they may not see."""

import asyncio
import random
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bench.interference import PEOPLE, TENANT, Findings, World, compare, opened, sync, visible_to
from tests.factories import quick_directory


async def test_what_a_person_finds_and_is_answered_is_the_same_without_the_pages_they_may_not_see() -> None:
    with quick_directory() as directory:
        findings = await interference(directory, seed=3)
    assert findings.differences == []
    assert findings.passages > 0


async def interference(directory: Path, *, seed: int) -> Findings:
    world, findings = World(random.Random(seed), pages=16), Findings()
    async with opened(directory / "all", tenant=TENANT, index="memory") as everything:
        for number in range(2):
            await sync(everything, world.pages)
            for person in (None, PEOPLE[1]):
                async with opened(directory / "few", tenant=f"shadow{number}{person}", index="memory") as alone:
                    await sync(alone, await visible_to(everything, world, person))
                    questions = [world.question() for _ in range(4)]
                    await compare(everything, alone, email=person, questions=questions, findings=findings)
            for _ in range(6):
                world.change()
    return findings


class Wiki(RuleBasedStateMachine):
    """Pages are written, opened, closed and deleted in any order, synced now and then, and asked about."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._shadows = 0

    def _do(self, work: Any) -> Any:  # whatever the coroutine gives
        return self._runner.run(work)

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        self.world = World(random.Random(seed), pages=8)
        opening = opened(self._directory / "all", tenant=TENANT, index="memory")
        self.everything = self._do(self._stack.enter_async_context(opening))
        self._do(sync(self.everything, self.world.pages))

    @rule(times=st.integers(1, 4))
    def change(self, times: int) -> None:
        for _ in range(times):
            self.world.change()

    @rule(person=st.sampled_from([None, *PEOPLE]))
    def ask(self, person: str | None) -> None:
        self._shadows += 1
        self._do(self._compare(person))

    async def _compare(self, person: str | None) -> None:
        findings = Findings()
        await sync(self.everything, self.world.pages)
        async with opened(self._directory / "few", tenant=f"shadow{self._shadows}", index="memory") as alone:
            await sync(alone, await visible_to(self.everything, self.world, person))
            questions = [self.world.question() for _ in range(2)]
            await compare(self.everything, alone, email=person, questions=questions, findings=findings)
        assert findings.differences == []

    def teardown(self) -> None:
        self._do(self._stack.aclose())
        self._runner.close()


TestWiki = Wiki.TestCase
TestWiki.settings = settings(max_examples=4, stateful_step_count=6, derandomize=True, deadline=None)
