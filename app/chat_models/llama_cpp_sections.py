"""Section memory: what a model makes of a section is computed once, after the fixed start of prompts, and then joined.

A section is computed right after the prefix, which ends with the label of a prompt's first. Where another place is
wanted its positions are moved, in cells of its own and for all sections of a prompt at once. Places are multiples of
`GRID` after the prefix, labels in between not counted, so that a section which was moved before needs no moving when
other sections stand before it. The few positions left between two are empty: no cell is there, and nothing can look
at it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.chat_models.llama_cpp_native import Cells, Pace, Row, Weights
from app.chat_models.section_store import SectionKey, SectionStore

# Gaps cost nearness to prompts read whole, moves cost time. Mean nats apart on 26 of the demo's gold questions: 0.07
# without gaps (a grid of 1), 0.09 with a grid of 64, 0.28 with one of 256.
GRID = 32
# Sections computed at once, and the fewest cells they share while they are.
_SLOTS = 16
LEAST_CELLS = 2048
_PREFIX = 0
_SPARE = _SLOTS + 1
_JOINED = _SLOTS + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPart:
    """Token ids of a stretch of a prompt; `revision_id` where it may be remembered: a section, or its label ("")."""

    tokens: tuple[int, ...]
    revision_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The parts in order, and whose pages they come from: nothing computed for one tenant serves another.

    `adapter`: the name of the one that answers; empty: none.
    """

    tenant: str
    parts: tuple[PromptPart, ...]
    adapter: str = ""

    @property
    def tokens(self) -> list[int]:
        """All of it."""
        return [token for part in self.parts for token in part.tokens]

    @property
    def fixed_count(self) -> int:
        """Tokens before the first section: the same for every tenant and question."""
        count = 0
        for part in self.parts:
            if part.revision_id:
                return count
            count += len(part.tokens)
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedSection:
    """A section's tokens and the position of the first of them. `first_key`: of its state right after the prefix."""

    key: SectionKey
    first_key: SectionKey
    tokens: tuple[int, ...]
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A prompt taken apart: the fixed start, sections to join, and what must be read after them."""

    prefix: tuple[int, ...]
    prefix_key: SectionKey
    sections: tuple[PlacedSection, ...]
    tail: tuple[int, ...]
    tail_position: int

    @property
    def joined_path(self) -> list[tuple[int, int]]:
        """(token, position) of everything that comes from memory."""
        path = [(token, place) for place, token in enumerate(self.prefix)]
        for section in self.sections:
            path += [(token, section.position + place) for place, token in enumerate(section.tokens)]
        return path

    @property
    def tail_path(self) -> list[tuple[int, int]]:
        """(token, position) of what is read anew."""
        return [(token, self.tail_position + place) for place, token in enumerate(self.tail)]


class SectionMemory:
    """Computes, keeps and joins the states of sections. `identity`: all about the model that states depend on.

    `cell_count`: what it works with; longer prompts are read whole. `reread_count`: so many sections at a prompt's end
    are read anew, with those before them in view.
    """

    def __init__(
        self,
        weights: Weights,
        store: SectionStore,
        *,
        identity: str,
        pace: Pace,
        cell_count: int = LEAST_CELLS,
        reread_count: int = 0,
    ) -> None:
        """Raises EngineError."""
        count = max(LEAST_CELLS, cell_count)
        self._scratch = Cells(weights, count=count, sequences=_SLOTS + 3, pace=pace, is_shared=True)
        self._most_position = weights.trained_tokens or 1 << 30
        self._identity = identity
        self._prefix: tuple[int, ...] = ()
        self._adapter: object | None = None
        self._reread_count = reread_count
        self.store = store
        self.can_join = self._scratch.can_shift

    def plan(self, prompt: Prompt, *, max_tokens: int) -> Plan | None:
        """How to put the prompt together; None where it must be read whole."""
        places = _places(prompt)
        if not self.can_join or not places or places != list(range(places[0], places[-1] + 1)):
            return None
        prefix = tuple(token for part in prompt.parts[: places[0]] for token in part.tokens)
        places = self._joined(prompt, places)
        if not places:
            return None
        tail = tuple(token for part in prompt.parts[places[-1] + 1 :] for token in part.tokens)
        sections, position = self._placed(prompt, places, prefix)
        needed = 2 * len(prefix) + sum(len(section.tokens) for section in sections)
        fits = needed < self._scratch.count and position + len(tail) + max_tokens <= self._most_position
        if not prefix or not tail or not fits:
            return None
        key = self._key(prompt, "", prefix, (), position=0)
        return Plan(prefix=prefix, prefix_key=key, sections=sections, tail=tail, tail_position=position)

    def gather(self, plan: Plan, *, chunk_tokens: int) -> Iterator[Mapping[SectionKey, bytes] | None]:
        """None after each piece of work, at last the states of prefix and sections. Raises EngineError."""
        keys = [plan.prefix_key, *(section.key for section in plan.sections)]
        states = {key: state for key in keys if (state := self.store.get(key)) is not None}
        missing = [section for section in plan.sections if section.key not in states]
        if missing or plan.prefix_key not in states:
            yield from self._read_prefix(plan.prefix, chunk_tokens)
        if plan.prefix_key not in states:
            states[plan.prefix_key] = self._scratch.save(_PREFIX)
            self.store.put(plan.prefix_key, states[plan.prefix_key])
        for group in _groups(missing, room=self._scratch.count - len(plan.prefix) - 1):
            yield from self._compute(group, len(plan.prefix), chunk_tokens)
            states |= self._move(group, len(plan.prefix))
        yield states

    def join(self, plan: Plan, states: Mapping[SectionKey, bytes], cells: Cells, sequence: int) -> None:
        """Bring prefix and sections into a sequence, whose own cells are dropped. Raises EngineError."""
        self._drop_given_up()
        self._scratch.load(_JOINED, states[plan.prefix_key])
        for section in plan.sections:
            self._scratch.load(_SPARE, states[section.key])
            self._scratch.share(_SPARE, _JOINED)
            self._scratch.drop(_SPARE)
        self._scratch.copy(_JOINED, cells, sequence)
        self._scratch.drop(_JOINED)

    def reset(self) -> None:
        """Trust nothing that was being computed."""
        self._scratch.clear()
        self._prefix = ()

    def use(self, adapter: object | None) -> None:
        """Compute with this adapter. Raises EngineError."""
        if adapter is not self._adapter:
            self._scratch.use(adapter)
            self._adapter, self._prefix = adapter, ()

    def close(self) -> None:
        """Give the memory back."""
        self._scratch.close()

    def _joined(self, prompt: Prompt, places: list[int]) -> list[int]:
        """Those of labels and sections that are not read anew."""
        sections = [place for place in places if prompt.parts[place].revision_id]
        if self._reread_count:
            sections = sections[: -self._reread_count]
        return [place for place in places if sections and place <= sections[-1]]

    def _placed(
        self, prompt: Prompt, places: Sequence[int], prefix: tuple[int, ...]
    ) -> tuple[tuple[PlacedSection, ...], int]:
        """The sections, and the position after the last of them."""
        placed: list[PlacedSection] = []
        position = end = len(prefix)
        for place in places:
            part = prompt.parts[place]
            key, first_key = (
                self._key(prompt, part.revision_id or "", prefix, part.tokens, position=where)
                for where in (position, len(prefix))
            )
            placed.append(PlacedSection(key=key, first_key=first_key, tokens=part.tokens, position=position))
            position = end = position + len(part.tokens)
            if part.revision_id:
                position = len(prefix) - (len(prefix) - end) // GRID * GRID
        return tuple(placed), end

    def _key(
        self, prompt: Prompt, revision_id: str, prefix: Sequence[int], tokens: Sequence[int], *, position: int
    ) -> SectionKey:
        made_of = repr((self._identity, prompt.adapter, tuple(prefix), tuple(tokens), position))
        digest = hashlib.sha256(made_of.encode()).hexdigest()
        return SectionKey(tenant=prompt.tenant, revision_id=revision_id, digest=digest)

    def _read_prefix(self, prefix: tuple[int, ...], chunk_tokens: int) -> Iterator[None]:
        if self._prefix == prefix:
            return
        self._scratch.clear()
        self._prefix = ()
        rows = [Row(token, place, _PREFIX, wants=False) for place, token in enumerate(prefix)]
        yield from self._decode(rows, chunk_tokens)
        self._prefix = prefix

    def _compute(self, group: Sequence[PlacedSection], start: int, chunk_tokens: int) -> Iterator[None]:
        """Each section in a sequence of its own, right after the prefix: from the store, or read now."""
        self._drop_given_up()
        rows: list[Row] = []
        unread: list[tuple[int, PlacedSection]] = []
        for slot, section in enumerate(group, start=1):
            if (state := self.store.get(section.first_key)) is not None:
                self._scratch.load(slot, state)
                continue
            self._scratch.share(_PREFIX, slot)
            rows += [Row(token, start + place, slot, wants=False) for place, token in enumerate(section.tokens)]
            unread.append((slot, section))
        yield from self._decode(rows, chunk_tokens)
        for slot, section in unread:
            self._scratch.drop(slot, end=start)
            self.store.put(section.first_key, self._scratch.save(slot))

    def _move(self, group: Sequence[PlacedSection], start: int) -> dict[SectionKey, bytes]:
        """The states at the places that are wanted."""
        moved = [section for section in group if section.position != start]
        for slot, section in enumerate(group, start=1):
            if section in moved:
                self._scratch.shift(slot, section.position - start)
        if moved:
            # The cells are turned to their new positions by the next computation, whatever it is.
            self._scratch.decode([Row(group[0].tokens[0], 0, _SPARE, wants=False)])
            self._scratch.drop(_SPARE)
        states: dict[SectionKey, bytes] = {}
        for slot, section in enumerate(group, start=1):
            states[section.key] = self._scratch.save(slot)
            self._scratch.drop(slot)
            if section in moved:
                self.store.put(section.key, states[section.key], is_derived=True)
        return states

    def _drop_given_up(self) -> None:
        """What was stopped half-way still lies there."""
        for slot in range(1, _JOINED + 1):
            self._scratch.drop(slot)

    def _decode(self, rows: Sequence[Row], chunk_tokens: int) -> Iterator[None]:
        size = min(chunk_tokens, self._scratch.batch_tokens)
        for place in range(0, len(rows), size):
            self._scratch.decode(rows[place : place + size])
            yield None


def _places(prompt: Prompt) -> list[int]:
    """Of the sections and the labels between them. The first one's label is the end of the prefix."""
    places = [place for place, part in enumerate(prompt.parts) if part.revision_id is not None]
    return places[1:] if places and not prompt.parts[places[0]].revision_id else places


def _groups(sections: Sequence[PlacedSection], *, room: int) -> Iterator[list[PlacedSection]]:
    """Sections that fit the scratch cells together."""
    group: list[PlacedSection] = []
    left = room
    for section in sections:
        if group and (len(section.tokens) > left or len(group) == _SLOTS):
            yield group
            group, left = [], room
        group.append(section)
        left -= len(section.tokens)
    if group:
        yield group
