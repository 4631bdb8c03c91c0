"""Several answers at once from one model: sequences that join and leave between tokens, long prompts read in pieces."""

import codecs
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.chat_models.llama_cpp_native import Cells, CellsFull, EngineError, Pace, Row, Weights
from app.chat_models.llama_cpp_sections import Plan, Prompt, SectionMemory
from app.chat_models.section_store import SectionKey, SectionStore

# How long one step may take: others wait for it, and so does who hangs up.
STEP_SECONDS = 0.3
_SMALLEST_CHUNK = 32
# Finished answers whose cells stay for the next prompt that begins the same.
_HELD = 4


class PromptDoesNotFit(EngineError):
    """Prompt and answer are longer than the context window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a step did for one answer: a piece of text, or its end."""

    number: int
    text: str = ""
    is_over: bool = False
    error: EngineError | None = None


@dataclass(slots=True, kw_only=True)
class _Sequence:
    """An answer in the making. `path`: (token, position), of which the first `read` are in the cells."""

    number: int
    tenant: str
    fixed_count: int
    left: int
    path: list[tuple[int, int]]
    plan: Plan | None
    need: int
    slot: int = -1
    read: int = 0
    gathering: Iterator[Mapping[SectionKey, bytes] | None] | None = None
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    @property
    def is_writing(self) -> bool:
        return self.read == len(self.path) - 1


class Engine:
    """Not for several threads: a process owns it. Answers are always the most probable tokens."""

    def __init__(
        self, weights: Weights, *, context_tokens: int, parallel: int, pace: Pace, memory: SectionMemory | None = None
    ) -> None:
        """`context_tokens`: of each answer. Its cells hold two such. Raises EngineError."""
        self.weights = weights
        trained = weights.trained_tokens
        self.context_tokens = min(context_tokens, trained) if trained else context_tokens
        self._slots = deque(range(parallel + _HELD))
        self._spare = parallel + _HELD
        count = self.context_tokens * (2 if parallel > 1 else 1)
        self._cells = Cells(weights, count=count, sequences=self._spare + 1, pace=pace)
        self._parallel = parallel
        self._memory = memory
        self._waiting: deque[_Sequence] = deque()
        self._active: list[_Sequence] = []
        self._held: deque[_Sequence] = deque()
        self._token_seconds = STEP_SECONDS / pace.batch_tokens

    @property
    def store(self) -> SectionStore | None:
        """What is remembered of sections, if anything is."""
        return self._memory.store if self._memory else None

    @property
    def is_idle(self) -> bool:
        """Nothing to do."""
        return not self._active and not self._waiting

    def start(self, number: int, prompt: Prompt, *, max_tokens: int) -> None:
        """Queue an answer; `step` makes it. Raises PromptDoesNotFit."""
        tokens = prompt.tokens
        if len(tokens) + max_tokens > self.context_tokens:
            raise PromptDoesNotFit(
                f"{len(tokens)} tokens of prompt and {max_tokens} of answer do not fit {self.context_tokens}"
            )
        plan = self._memory.plan(prompt, max_tokens=max_tokens) if self._memory else None
        whole = [(token, place) for place, token in enumerate(tokens)]
        self._waiting.append(
            _Sequence(
                number=number,
                tenant=prompt.tenant,
                fixed_count=prompt.fixed_count,
                left=max_tokens,
                path=plan.joined_path + plan.tail_path if plan else whole,
                plan=plan,
                need=len(tokens) + max_tokens,
            )
        )

    def stop(self, number: int) -> None:
        """Give an answer up, wherever it is."""
        self._waiting = deque(each for each in self._waiting if each.number != number)
        for sequence in [each for each in self._active if each.number == number]:
            self._leave(sequence)

    def step(self) -> list[Progress]:
        """One piece of work for everyone. An answer's last progress is over or has an error."""
        self._admit()
        try:
            self._gather()
            return self._decode()
        except EngineError as exc:
            return self._fail(exc)

    def close(self) -> None:
        """Give the memory back. The engine cannot be used again."""
        if self._memory:
            self._memory.close()
        self._cells.close()
        self.weights.close()

    def _admit(self) -> None:
        """Whoever has a slot and cells, in order. What is held goes first when room is needed."""
        while self._waiting and len(self._active) < self._parallel:
            sequence = self._waiting[0]
            while self._held and (self._room() < sequence.need or not self._slots):
                self._drop_held()
            if self._room() < sequence.need:
                return
            self._waiting.popleft()
            sequence.slot = self._slots.popleft()
            self._active.append(sequence)
            self._begin(sequence)

    def _begin(self, sequence: _Sequence) -> None:
        is_alone = len(self._active) == 1
        donor, shared = self._donor(sequence)
        if donor is not None and (is_alone or shared * 2 >= donor.read):
            self._held.remove(donor)
            self._slots.append(sequence.slot)
            sequence.slot = donor.slot
            self._cells.drop(donor.slot, start=sequence.path[shared][1])
        elif donor is not None:
            self._cells.share(donor.slot, sequence.slot, end=sequence.path[shared - 1][1] + 1)
        while is_alone and self._held:
            # With nothing else in the cells they are filled in the same order each time, and sums come out the same.
            self._drop_held()
        sequence.read = shared
        if donor is None and sequence.plan is not None and self._memory:
            sequence.gathering = self._memory.gather(sequence.plan, chunk_tokens=self._chunk())

    def _donor(self, sequence: _Sequence) -> tuple[_Sequence | None, int]:
        """The held answer whose start is the longest in common, and how long that is."""
        best, shared = None, len(sequence.plan.joined_path) - 1 if sequence.plan else 0
        for held in self._held:
            if (held.plan is None) != (sequence.plan is None):
                continue
            # Beyond the fixed start, how fast an answer comes would tell one tenant what another asked.
            most = len(sequence.path) - 1 if held.tenant == sequence.tenant else sequence.fixed_count
            length = _shared_length(held.path[: held.read], sequence.path[:most])
            if length > shared:
                best, shared = held, length
        return (best, shared) if best is not None else (None, 0)

    def _gather(self) -> None:
        """A piece of work on the first answer whose sections are not joined yet: the scratch cells serve one."""
        for sequence in self._active:
            if sequence.gathering is None or sequence.plan is None or self._memory is None:
                continue
            states = next(sequence.gathering)
            if states is None:
                return
            sequence.gathering = None
            self._join(sequence, sequence.plan, states)

    def _join(self, sequence: _Sequence, plan: Plan, states: Mapping[SectionKey, bytes]) -> None:
        self._with_room(
            lambda: SectionMemory.join(self._cells, plan, states, sequence=sequence.slot, spare=self._spare)
        )
        sequence.read = len(plan.joined_path)

    def _decode(self) -> list[Progress]:
        ready = [each for each in self._active if each.gathering is None]
        # Those that write go first: each needs one row, and what is left of the step reads prompts.
        ready.sort(key=lambda each: not each.is_writing)
        left = self._chunk()
        rows: list[Row] = []
        asked: list[tuple[_Sequence, int]] = []
        for sequence in ready:
            unread = sequence.path[sequence.read : sequence.read + max(left, 1 if sequence.is_writing else 0)]
            ends = sequence.read + len(unread) == len(sequence.path)
            rows += [Row(token, position, sequence.slot, wants=False) for token, position in unread]
            if unread and ends:
                rows[-1] = rows[-1]._replace(wants=True)
                asked.append((sequence, len(rows) - 1))
            sequence.read += len(unread)
            left -= len(unread)
        if not rows:
            return []
        self._timed_decode(rows)
        return [progress for sequence, place in asked for progress in self._continue(sequence, place)]

    def _timed_decode(self, rows: Sequence[Row]) -> None:
        started = time.perf_counter()
        self._with_room(lambda: self._cells.decode(rows))
        if len(rows) >= _SMALLEST_CHUNK:
            seconds = (time.perf_counter() - started) / len(rows)
            self._token_seconds += (seconds - self._token_seconds) / 2

    def _with_room(self, work: Callable[[], None]) -> None:
        """Do it; while there is no room for it, free what is only held."""
        while True:
            try:
                return work()
            except CellsFull:
                if not self._held:
                    raise
                self._drop_held()

    def _continue(self, sequence: _Sequence, place: int) -> list[Progress]:
        token = self._cells.most_probable(place)
        if self.weights.is_end(token):
            return self._finish(sequence)
        sequence.path.append((token, sequence.path[-1][1] + 1))
        sequence.left -= 1
        piece = sequence.decoder.decode(self.weights.bytes_of(token))
        made = [Progress(number=sequence.number, text=piece)] if piece else []
        return made if sequence.left else made + self._finish(sequence)

    def _finish(self, sequence: _Sequence) -> list[Progress]:
        self._leave(sequence)
        return [Progress(number=sequence.number, is_over=True)]

    def _leave(self, sequence: _Sequence) -> None:
        """Its cells stay for a while: the next question may begin the same."""
        self._active.remove(sequence)
        if sequence.read and sequence.gathering is None and not self.weights.is_recurrent:
            self._held.append(sequence)
            if len(self._held) > _HELD:
                self._drop_held()
        else:
            self._cells.drop(sequence.slot)
            self._slots.append(sequence.slot)

    def _drop_held(self) -> None:
        held = self._held.popleft()
        self._cells.drop(held.slot)
        self._slots.append(held.slot)

    def _fail(self, error: EngineError) -> list[Progress]:
        """Nothing in the cells can be trusted any more: everyone at work is told, and the cells are cleared."""
        failed = [Progress(number=each.number, error=error) for each in self._active]
        for sequence in [*self._active, *self._held]:
            self._slots.append(sequence.slot)
        self._active.clear()
        self._held.clear()
        self._cells.clear()
        if self._memory:
            self._memory.reset()
        return failed

    def _room(self) -> int:
        return self._cells.count - sum(each.need for each in self._active) - sum(each.read for each in self._held)

    def _chunk(self) -> int:
        """Rows of one step: a power of two, so that the same prompt is mostly cut the same way."""
        chunk = self._cells.batch_tokens
        while chunk > _SMALLEST_CHUNK and chunk * self._token_seconds > STEP_SECONDS:
            chunk //= 2
        return chunk


def _shared_length(held: Sequence[tuple[int, int]], path: Sequence[tuple[int, int]]) -> int:
    for place, (left, right) in enumerate(zip(held, path, strict=False)):
        if left != right:
            return place
    return min(len(held), len(path))
