"""llama.cpp's low-level API with Python's types: the weights of a model, and contexts that hold key-value cells."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import llama_cpp
import numpy as np

_BYTES = ctypes.POINTER(ctypes.c_uint8)


class EngineError(Exception):
    """The model cannot be loaded or used; the text says why in one line."""


class Row(NamedTuple):
    """A token to process. `wants`: the probabilities after it are asked for."""

    token: int
    position: int
    sequence: int
    wants: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How llama.cpp is run: threads, tokens of one computation, and whether attention is fused."""

    threads: int
    batch_tokens: int = 512
    is_fused: bool = False


class Weights:
    """One loaded GGUF file and its vocabulary."""

    def __init__(self, path: Path, *, gpu_layers: int) -> None:
        """Raises EngineError."""
        silence()
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        self.pointer: object = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self.pointer:
            raise EngineError(f"{path.name} is no GGUF file that llama.cpp can load")
        self.vocabulary: object = llama_cpp.llama_model_get_vocab(self.pointer)
        self.token_count = int(llama_cpp.llama_vocab_n_tokens(self.vocabulary))
        self.end_token = int(llama_cpp.llama_vocab_eos(self.vocabulary))
        self.trained_tokens = int(llama_cpp.llama_model_n_ctx_train(self.pointer))
        self.parameter_count = int(llama_cpp.llama_model_n_params(self.pointer))
        # A state that was folded into one vector cannot be cut, copied in part or moved.
        self.is_recurrent = bool(
            llama_cpp.llama_model_is_recurrent(self.pointer) or llama_cpp.llama_model_is_hybrid(self.pointer)
        )

    def tokens_of(self, text: str, *, is_template: bool) -> list[int]:
        """Token ids. Only a template's text may become special tokens: a page cannot forge a turn."""
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self.vocabulary, raw, len(raw), buffer, room, False, is_template)
        if count < 0:
            raise EngineError("the tokenizer refused a text")
        return list(buffer[:count])

    def bytes_of(self, token: int) -> bytes:
        """What a token adds to the text; half a character may be."""
        buffer = ctypes.create_string_buffer(256)
        count = llama_cpp.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, count)]

    def is_end(self, token: int) -> bool:
        """Does it end an answer?"""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocabulary, token))

    def adapter(self, path: Path) -> object:
        """A LoRA file made for these weights, for `Cells.use`; freed with them. Raises EngineError."""
        loaded: object = llama_cpp.llama_adapter_lora_init(self.pointer, str(path).encode())
        if not loaded:
            raise EngineError(f"{path.name} is no adapter for this model")
        return loaded

    def close(self) -> None:
        """Give the memory back: llama.cpp's objects are not Python's to collect."""
        llama_cpp.llama_model_free(self.pointer)


class Cells:
    """A context: `count` key-value cells for each of `sequences` sequences, or for all of them if they are shared.

    With cells of its own a sequence looks at no others: 8 tokens for 8 answers of 1,600 took 155 ms in shared cells and
    84 ms so. Only shared ones can be given from one sequence to another in part.
    """

    def __init__(self, weights: Weights, *, count: int, sequences: int, pace: Pace, is_shared: bool = False) -> None:
        """Raises EngineError."""
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = count if is_shared else count * sequences
        params.n_batch = params.n_ubatch = min(pace.batch_tokens, count)
        params.n_threads = params.n_threads_batch = pace.threads
        params.n_seq_max = sequences
        params.kv_unified = is_shared
        params.flash_attn_type = 1 if pace.is_fused else 0
        params.no_perf = True
        self._weights = weights
        self._context: object = llama_cpp.llama_init_from_model(weights.pointer, params)
        if not self._context:
            raise EngineError("llama.cpp could not make a context: is there enough memory for context_tokens?")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._adapter: object | None = None
        self.sequences = sequences
        self.count = int(llama_cpp.llama_n_ctx(self._context)) // (1 if is_shared else sequences)
        self.batch_tokens = int(params.n_batch)
        self._batch = llama_cpp.llama_batch_init(self.batch_tokens, 0, 1)
        self.can_shift = not weights.is_recurrent and bool(llama_cpp.llama_memory_can_shift(self._memory))

    def decode(self, rows: Sequence[Row]) -> None:
        """Process up to `batch_tokens` rows at once, ordered by sequence. Raises EngineError."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for place, row in enumerate(rows):
            batch.token[place] = row.token
            batch.pos[place] = row.position
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = row.sequence
            batch.logits[place] = row.wants
        status = llama_cpp.llama_decode(self._context, batch)
        if status != 0:
            raise EngineError(f"llama.cpp could not decode (status {status})")

    def use(self, adapter: object | None) -> None:
        """From now on compute with this adapter, or with none. Raises EngineError."""
        if adapter is self._adapter:
            return
        adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(adapter) if adapter else None
        scales = (ctypes.c_float * 1)(1.0) if adapter else None
        if llama_cpp.llama_set_adapters_lora(self._context, adapters, int(adapter is not None), scales) != 0:
            raise EngineError("the adapter cannot be used")
        self._adapter = adapter

    def most_probable(self, place: int) -> int:
        """The token that follows the row at `place` of the last `decode`; that row must have wanted it."""
        return int(self.logits(place).argmax())

    def logits(self, place: int) -> np.ndarray:
        """Of the row at `place` of the last `decode`, one for each token; overwritten by the next."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, place)
        return np.ctypeslib.as_array(pointer, shape=(self._weights.token_count,))

    def drop(self, sequence: int, *, start: int = 0, end: int = -1) -> bool:
        """Forget a sequence's positions from `start` to before `end`. False: this model cannot forget a part."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, end))

    def share(self, source: int, target: int, *, end: int = -1) -> None:
        """Let `target` have `source`'s cells before position `end` too; nothing is copied."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, end)

    def shift(self, sequence: int, distance: int) -> None:
        """Move a sequence's positions; the cells are turned with the next `decode`."""
        llama_cpp.llama_memory_seq_add(self._memory, sequence, 0, -1, distance)

    def save(self, sequence: int) -> bytes:
        """A sequence's cells as bytes, for `load`."""
        return self._saved(sequence, room=0).tobytes()

    def load(self, sequence: int, state: bytes) -> None:
        """Bring what such cells saved into a sequence, whose own are dropped. Raises EngineError."""
        # The bytes are only read: no copy of some megabytes is needed to hand them over.
        self._restore(sequence, ctypes.cast(ctypes.c_char_p(state), _BYTES), len(state))

    def copy(self, sequence: int, target: "Cells", target_sequence: int) -> None:
        """Bring a sequence of these shared cells into another's cells, which are no shared ones. Raises EngineError."""
        state = self._saved(sequence, room=4 * (target.sequences - 1))
        # A state says for how many sequences' own cells it is, then each one's cells: none for all but the first.
        head = state[:12].view(np.uint32)
        if head[2] != 1:
            raise EngineError("this version of llama.cpp saves states in another form")
        head[2] = target.sequences
        target._restore(target_sequence, state.ctypes.data_as(_BYTES), len(state))

    def _saved(self, sequence: int, *, room: int) -> np.ndarray:
        """With so many zeros behind."""
        size = int(llama_cpp.llama_state_seq_get_size(self._context, sequence))
        state = np.zeros(size + room, dtype=np.uint8)
        written = int(llama_cpp.llama_state_seq_get_data(self._context, state.ctypes.data_as(_BYTES), size, sequence))
        return state[: written + room]

    def _restore(self, sequence: int, address: object, size: int) -> None:
        if llama_cpp.llama_state_seq_set_data(self._context, address, size, sequence) == 0:
            raise EngineError("a saved section does not fit")

    def clear(self) -> None:
        """Forget everything."""
        llama_cpp.llama_memory_clear(self._memory, True)

    def close(self) -> None:
        """Give the memory back."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)


def silence() -> None:
    """llama.cpp's own log, in this process: nothing of it is printed from now on."""
    llama_cpp.llama_log_set(_ignore, ctypes.c_void_p(0))


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]  # the vendor's decorator has no types
def _ignore(level: int, text: bytes, user: object) -> None:
    """llama.cpp's own log says too much, and would mix with our answers."""
