"""Answers held to a grammar (GBNF, llama.cpp's own notation): of the tokens that fit it, the most probable."""

import ctypes

import llama_cpp
import numpy as np

from app.chat_models.llama_cpp_native import EngineError, Weights

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
# Where the most probable token does not fit, one of so many mostly does; all 49,000 take some 15 ms.
_FEW = 64


class Grammar:
    """Where one answer stands in its grammar. `close` it: it is llama.cpp's memory."""

    def __init__(self, weights: Weights, text: str) -> None:
        """`text`: its first rule is `root`. Raises EngineError."""
        self._weights = weights
        self._sampler: object = llama_cpp.llama_sampler_init_grammar(weights.vocabulary, text.encode(), b"root")
        if not self._sampler:
            raise EngineError("llama.cpp does not understand the grammar")

    def pick(self, logits: np.ndarray) -> int:
        """The most probable token that fits, taken; where none does, or the answer is over, one that ends it.

        Nearly always the most probable of all fits, and no other is looked at.
        """
        best = np.array([logits.argmax()])
        few = min(_FEW, len(logits))
        for candidates in (best, np.argpartition(logits, -few)[-few:], np.arange(len(logits))):
            token = self._best_of(candidates, logits)
            if token is not None:
                if not self._weights.is_end(token):
                    llama_cpp.llama_sampler_accept(self._sampler, token)
                return token
        return self._weights.end_token

    def close(self) -> None:
        """Give the memory back."""
        llama_cpp.llama_sampler_free(self._sampler)

    def _best_of(self, tokens: np.ndarray, logits: np.ndarray) -> int | None:
        """The most probable of these that fits."""
        candidates = np.zeros(len(tokens), dtype=_CANDIDATE)
        candidates["id"], candidates["logit"] = tokens, logits[tokens]
        address = candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data))
        array = llama_cpp.llama_token_data_array(data=address, size=len(candidates), selected=-1, sorted=False)
        llama_cpp.llama_sampler_apply(self._sampler, ctypes.byref(array))
        place = int(candidates["logit"].argmax())
        return int(candidates["id"][place]) if np.isfinite(candidates["logit"][place]) else None
