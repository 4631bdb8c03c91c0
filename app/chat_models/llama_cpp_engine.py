"""Several answers at once from one model: sequences that join and leave between tokens, long prompts read in pieces."""

import codecs
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.chat_models.llama_cpp_grammar import Grammar
from app.chat_models.llama_cpp_native import Cells, EngineError, Pace, Row, Weights
from app.chat_models.llama_cpp_sections import Plan, Prompt, SectionMemory
from app.chat_models.section_store import SectionKey, SectionStore

# How long one step may take: others wait for it, and so does who hangs up. Small steps cost more a token (32 at once
# three times what 512 do), so nobody who is alone is read in small ones.
STEP_SECONDS = 0.3
LONE_STEP_SECONDS = 0.8
_SMALLEST_CHUNK = 32
# A start in common is worth a slot further up if it is longer by so much.
_WORTHWHILE_TOKENS = 64


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
    adapter: str
    fixed_count: int
    left: int
    path: list[tuple[int, int]]
    plan: Plan | None
    grammar: Grammar | None = None
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
        self,
        weights: Weights,
        *,
        context_tokens: int,
        parallel: int,
        pace: Pace,
        memory: SectionMemory | None = None,
        adapters: Mapping[str, object] | None = None,
    ) -> None:
        """`context_tokens`: of each answer; there are cells for `parallel` such. `adapters`: of the weights, by name.

        Raises EngineError.
        """
        self.weights = weights
        trained = weights.trained_tokens
        self.context_tokens = min(context_tokens, trained) if trained else context_tokens
        self._cells = Cells(weights, count=self.context_tokens, sequences=parallel, pace=pace)
        # What lies in the cells of the slots that are free: the next prompt may begin the same.
        self._free: dict[int, _Sequence | None] = dict.fromkeys(range(parallel))
        self._memory = memory
        self._adapters: Mapping[str, object | None] = {**(adapters or {}), "": None}
        self._waiting: deque[_Sequence] = deque()
        self._active: list[_Sequence] = []
        self._token_seconds = STEP_SECONDS / pace.batch_tokens
        self._last_adapter = ""

    @property
    def store(self) -> SectionStore | None:
        """What is remembered of sections, if anything is."""
        return self._memory.store if self._memory else None

    @property
    def is_idle(self) -> bool:
        """Nothing to do."""
        return not self._active and not self._waiting

    def start(self, number: int, prompt: Prompt, *, max_tokens: int, grammar: str = "") -> None:
        """Queue an answer; `step` makes it. `grammar`: what it is held to. Raises PromptDoesNotFit, EngineError."""
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
                adapter=prompt.adapter,
                fixed_count=prompt.fixed_count,
                left=max_tokens,
                path=plan.joined_path + plan.tail_path if plan else whole,
                plan=plan,
                grammar=Grammar(self.weights, grammar) if grammar else None,
            )
        )

    def stop(self, number: int) -> None:
        """Give an answer up, wherever it is."""
        for sequence in [each for each in self._waiting if each.number == number]:
            self._waiting.remove(sequence)
            _let_go(sequence)
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
        """Whoever is first gets a slot, while there are any."""
        while self._waiting and self._free:
            sequence = self._waiting.popleft()
            lengths = {slot: self._shared_length(held, sequence) for slot, held in self._free.items()}
            # llama.cpp takes neighbouring slots together, and others one after the other: the lowest is best.
            slot = min(self._free, key=lambda each: (-(lengths[each] // _WORTHWHILE_TOKENS), each))
            del self._free[slot]
            self._active.append(sequence)
            sequence.slot, sequence.read = slot, lengths[slot]
            self._cells.drop(slot, start=sequence.path[sequence.read][1])
            if not sequence.read and sequence.plan is not None and self._memory:
                sequence.gathering = self._memory.gather(sequence.plan, chunk_tokens=self._chunk())

    def _shared_length(self, held: _Sequence | None, sequence: _Sequence) -> int:
        """How much of the sequence's path lies there already; 0 where joining its sections brings more."""
        if held is None or self.weights.is_recurrent or held.adapter != sequence.adapter:
            return 0
        if (held.plan is None) != (sequence.plan is None):
            return 0
        # Beyond the fixed start, how fast an answer comes would tell one tenant what another asked.
        most = len(sequence.path) - 1 if held.tenant == sequence.tenant else sequence.fixed_count
        length = _length_in_common(held.path[: held.read], sequence.path[:most])
        return length if sequence.plan is None or length >= len(sequence.plan.joined_path) - 1 else 0

    def _gather(self) -> None:
        """A piece of work on the first answer whose sections are not joined yet: the scratch cells serve one."""
        for sequence in self._active:
            if sequence.gathering is None or sequence.plan is None or self._memory is None:
                continue
            self._memory.use(self._adapters[sequence.adapter])
            states = next(sequence.gathering)
            if states is None:
                return
            sequence.gathering = None
            self._memory.join(sequence.plan, states, self._cells, sequence.slot)
            sequence.read = len(sequence.plan.joined_path)

    def _decode(self) -> list[Progress]:
        ready = self._alike([each for each in self._active if each.gathering is None])
        # Those that write go first: each needs one row, and what is left of the step reads prompts.
        ready.sort(key=lambda each: not each.is_writing)
        left = self._chunk()
        counts: dict[int, int] = {}
        for sequence in ready:
            counts[sequence.slot] = min(len(sequence.path) - sequence.read, max(left, sequence.is_writing))
            left -= counts[sequence.slot]
        rows: list[Row] = []
        asked: list[tuple[_Sequence, int]] = []
        for sequence in sorted(ready, key=lambda each: each.slot):
            unread = sequence.path[sequence.read : sequence.read + counts[sequence.slot]]
            rows += [Row(token, position, sequence.slot, wants=False) for token, position in unread]
            sequence.read += len(unread)
            if unread and sequence.read == len(sequence.path):
                rows[-1] = rows[-1]._replace(wants=True)
                asked.append((sequence, len(rows) - 1))
        if not rows:
            return []
        self._timed_decode(rows)
        return [progress for sequence, place in asked for progress in self._continue(sequence, place)]

    def _alike(self, ready: list[_Sequence]) -> list[_Sequence]:
        """Those with the adapter whose turn it is: a step has one for all."""
        if not ready:
            return ready
        names = sorted({each.adapter for each in ready})
        # The next name after the last one, and round again.
        self._last_adapter = next((name for name in names if name > self._last_adapter), names[0])
        self._cells.use(self._adapters[self._last_adapter])
        return [each for each in ready if each.adapter == self._last_adapter]

    def _timed_decode(self, rows: Sequence[Row]) -> None:
        started = time.perf_counter()
        self._cells.decode(rows)
        if len(rows) >= _SMALLEST_CHUNK:
            seconds = (time.perf_counter() - started) / len(rows)
            self._token_seconds += (seconds - self._token_seconds) / 2

    def _continue(self, sequence: _Sequence, place: int) -> list[Progress]:
        logits = self._cells.logits(place)
        token = sequence.grammar.pick(logits) if sequence.grammar else int(logits.argmax())
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
        """Its cells stay as they are until the slot is needed: the next question may begin the same."""
        self._active.remove(sequence)
        _let_go(sequence)
        self._free[sequence.slot] = sequence if sequence.read and sequence.gathering is None else None

    def _fail(self, error: EngineError) -> list[Progress]:
        """Nothing in the cells can be trusted any more: everyone at work is told, and the cells are cleared."""
        failed = [Progress(number=each.number, error=error) for each in self._active]
        self._free = dict.fromkeys([*self._free, *(each.slot for each in self._active)])
        for sequence in self._active:
            _let_go(sequence)
        self._active.clear()
        self._cells.clear()
        if self._memory:
            self._memory.reset()
        return failed

    def _chunk(self) -> int:
        """Rows of one step: a power of two, so that the same prompt is mostly cut the same way."""
        chunk = self._cells.batch_tokens
        seconds = STEP_SECONDS if len(self._active) > 1 else LONE_STEP_SECONDS
        while chunk > _SMALLEST_CHUNK and chunk * self._token_seconds > seconds:
            chunk //= 2
        return chunk


def _let_go(sequence: _Sequence) -> None:
    if sequence.grammar:
        sequence.grammar.close()
        sequence.grammar = None


def _length_in_common(held: Sequence[tuple[int, int]], path: Sequence[tuple[int, int]]) -> int:
    for place, (left, right) in enumerate(zip(held, path, strict=False)):
        if left != right:
            return place
    return min(len(held), len(path))
