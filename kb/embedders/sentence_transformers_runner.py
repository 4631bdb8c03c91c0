"""The loaded model: forward passes over token ids, in bfloat16 where the hardware multiplies it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.embedders.base import Vectors
from kb.embedders.sentence_transformers_bert import SingleText
from kb.embedders.sentence_transformers_files import ModelFiles
from kb.errors import ModelError, ModelUnavailable
from kb.settings import share_cores

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

# Texts are padded to a multiple of this. The CPU's kernels are compiled and kept for each shape that comes up: with
# every length its own, 400 texts made half a gigabyte of them.
_WIDTH_STEP = 8
# What the library calls a text's vector, and its tokens' vectors.
_WHOLE, _PIECES = "sentence_embedding", "token_embeddings"
_PROBE = "Every sentence, footnoted: 1,234 of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Weights on a device. `takes_tokens`: our token ids are what the model's own preprocessing would make. `single`:
    a quicker way for one text, where there is one."""

    weights: "SentenceTransformer"
    takes_tokens: bool
    single: SingleText | None

    @classmethod
    def load(cls, files: ModelFiles, *, max_tokens: int, dtype: str, device: str) -> "Runner":
        """Load the weights; nothing is fetched and no code of the model's is run. Raises ModelError."""
        share_cores()
        # Seconds to import, and only commands that embed need it.
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        place = _device(device)
        precision = _dtype(dtype, place)
        # Weights in pickle files can run code when they are opened.
        options: dict[str, Any] = {"use_safetensors": True, "dtype": precision}  # as the library declares it
        if place == "cpu" and str(precision) == "torch.bfloat16":
            # The fused kernel is slower than plain products for short bfloat16 sequences on CPUs.
            options["attn_implementation"] = "eager"
        try:
            weights = SentenceTransformer(
                str(files.directory),
                device=place,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs=options,
            )
        except (OSError, ValueError, RuntimeError, KeyError) as exc:
            raise ModelError(f"cannot load the embedder from {files.directory}: {_first_line(exc)}") from exc
        weights.max_seq_length = max_tokens
        weights.eval()
        own = weights.preprocess([_PROBE])["input_ids"][0].tolist()
        takes_tokens = own == files.tokens([_PROBE], longest=max_tokens)[0]
        single = SingleText.of(weights) if takes_tokens and place == "cpu" else None
        return cls(weights=weights, takes_tokens=takes_tokens, single=single)

    def forward(self, texts: Sequence[str], tokens: Sequence[Sequence[int]]) -> Vectors:
        """Float32 vectors, shape (len(texts), dimension), of any length. Raises ModelUnavailable."""
        return self._made(texts, tokens, _WHOLE)

    def forward_pieces(self, texts: Sequence[str], tokens: Sequence[Sequence[int]]) -> list[Vectors]:
        """Float32 vectors of each text's tokens, shape (tokens, dimension), of any length.

        Raises ModelError: the model reads texts as other tokens than ours. Raises ModelUnavailable.
        """
        if not self.takes_tokens:
            raise ModelError("this embedder's tokens are not its tokenizer's: it has no vectors of single pieces")
        made = self._made(texts, tokens, _PIECES)
        return [vectors[: len(own)] for vectors, own in zip(made, tokens, strict=True)]

    def _made(self, texts: Sequence[str], tokens: Sequence[Sequence[int]], output: str) -> Vectors:
        import torch

        vectors: Vectors
        try:
            if self.single is not None and len(tokens) == 1:
                vectors = self.single.tokens(tokens[0])
                return vectors[np.newaxis] if output == _PIECES else vectors.mean(axis=0, keepdims=True)
            with torch.inference_mode():
                features = self._padded(tokens) if self.takes_tokens else self.weights.preprocess(list(texts))
                on_device = {name: tensor.to(self.weights.device) for name, tensor in features.items()}
                vectors = self.weights(on_device)[output].float().cpu().numpy()
        except RuntimeError as exc:
            raise ModelUnavailable(f"the embedder failed: {_first_line(exc)}; is there enough memory?") from exc
        return vectors

    def _padded(self, tokens: Sequence[Sequence[int]]) -> "dict[str, torch.Tensor]":
        import torch

        longest = max(len(ids) for ids in tokens)
        steps = -(-longest // _WIDTH_STEP)
        width = max(longest, min(steps * _WIDTH_STEP, self.weights.max_seq_length or longest))
        ids = np.zeros((len(tokens), width), dtype=np.int64)
        mask = np.zeros((len(tokens), width), dtype=np.int64)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}


def has_bfloat16_instructions() -> bool:
    """Does this CPU multiply bfloat16 (AVX512-BF16, AMX, Arm BF16)? Without, it is slower than float32."""
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(words))


def _device(wanted: str) -> str:
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _dtype(wanted: str, device: str) -> "torch.dtype":
    import torch

    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if device == "cpu" and has_bfloat16_instructions() else torch.float32


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
