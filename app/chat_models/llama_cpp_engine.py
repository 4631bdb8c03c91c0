"""The model itself, over llama.cpp's low-level API: tokens in, tokens out, the shared start of prompts kept."""

import codecs
import ctypes
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import llama_cpp
import numpy as np

# Tokens handed over at once while a prompt is read; cancelling waits for one such batch.
BATCH_TOKENS = 512


class EngineError(Exception):
    """The model cannot be loaded or used; the text says why in one line."""


class PromptDoesNotFit(EngineError):
    """Prompt and answer are longer than the context window."""


class Engine:
    """One loaded GGUF. Not for several threads: a process owns it."""

    def __init__(self, path: Path, *, context_tokens: int, threads: int, gpu_layers: int) -> None:
        _silence()
        llama_cpp.llama_backend_init()
        self._weights = _load(path, gpu_layers=gpu_layers)
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._weights)
        trained = int(llama_cpp.llama_model_n_ctx_train(self._weights))
        self.context_tokens = min(context_tokens, trained) if trained else context_tokens
        self.parameter_count = int(llama_cpp.llama_model_n_params(self._weights))
        self._context = self._open_context(threads)
        self._memory = llama_cpp.llama_get_memory(self._context)
        # What the key-value cache holds, so that a prompt with the same start reads only the rest.
        self._held: list[int] = []

    def tokens_of(self, text: str, *, is_template: bool) -> list[int]:
        """Token ids. Only a template's text may become special tokens: a page cannot forge a turn."""
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocabulary, raw, len(raw), buffer, room, False, is_template)
        if count < 0:
            raise EngineError("the tokenizer refused a text")
        return list(buffer[:count])

    def generate(self, prompt: Sequence[int], *, max_tokens: int, is_cancelled: Callable[[], bool]) -> Iterator[str]:
        """The most probable continuation, in pieces of whole characters. Raises PromptDoesNotFit, EngineError."""
        if len(prompt) + max_tokens > self.context_tokens:
            raise PromptDoesNotFit(
                f"{len(prompt)} tokens of prompt and {max_tokens} of answer do not fit {self.context_tokens}"
            )
        if not self._read_prompt(prompt, is_cancelled=is_cancelled):
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for _ in range(max_tokens):
            token = self._most_probable()
            if is_cancelled() or llama_cpp.llama_vocab_is_eog(self._vocabulary, token):
                break
            if piece := decoder.decode(self._bytes_of(token)):
                yield piece
            self._decode([token])

    def close(self) -> None:
        """Give the memory back: llama.cpp's objects are not Python's to collect. The engine cannot be used again."""
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._weights)

    def read_prompt(self, prompt: Sequence[int]) -> None:
        """Process a prompt from nothing; for measuring."""
        self._forget(0)
        self._read_prompt(prompt, is_cancelled=lambda: False)

    def _read_prompt(self, prompt: Sequence[int], *, is_cancelled: Callable[[], bool]) -> bool:
        """Bring the cache to exactly this prompt. False if it was cancelled."""
        # The last token is always read: its probabilities are wanted.
        shared = min(_shared_length(self._held, prompt), len(prompt) - 1)
        self._forget(shared)
        for start in range(shared, len(prompt), BATCH_TOKENS):
            if is_cancelled():
                return False
            self._decode(prompt[start : start + BATCH_TOKENS])
        return True

    def _forget(self, start: int) -> None:
        if not llama_cpp.llama_memory_seq_rm(self._memory, 0, start, -1):
            # Some architectures cannot drop a tail: begin again.
            llama_cpp.llama_memory_clear(self._memory, True)
            start = 0
        del self._held[start:]

    def _decode(self, tokens: Sequence[int]) -> None:
        buffer = (llama_cpp.llama_token * len(tokens))(*tokens)
        status = llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(buffer, len(tokens)))
        if status != 0:
            self._held.clear()
            llama_cpp.llama_memory_clear(self._memory, True)
            raise EngineError(f"llama.cpp could not decode (status {status})")
        self._held.extend(tokens)

    def _most_probable(self) -> int:
        logits = llama_cpp.llama_get_logits_ith(self._context, -1)
        size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        return int(np.ctypeslib.as_array(logits, shape=(size,)).argmax())

    def _bytes_of(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        count = llama_cpp.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, count)]

    # Foreign pointer: the vendor's type is not typed.
    def _open_context(self, threads: int) -> object:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.context_tokens
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        context: object = llama_cpp.llama_init_from_model(self._weights, params)
        if not context:
            raise EngineError("llama.cpp could not make a context: is there enough memory for context_tokens?")
        return context


def _load(path: Path, *, gpu_layers: int) -> object:
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    weights: object = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    if not weights:
        raise EngineError(f"{path.name} is no GGUF file that llama.cpp can load")
    return weights


def _shared_length(held: Sequence[int], prompt: Sequence[int]) -> int:
    for place, (left, right) in enumerate(zip(held, prompt, strict=False)):
        if left != right:
            return place
    return min(len(held), len(prompt))


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]  # the vendor's decorator has no types
def _ignore(level: int, text: bytes, user: object) -> None:
    """llama.cpp's own log says too much, and would mix with our answers."""


def _silence() -> None:
    llama_cpp.llama_log_set(_ignore, ctypes.c_void_p(0))
