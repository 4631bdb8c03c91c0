"""One text through a BERT on the CPU.

For a dozen tokens the library's layers take more time around the products than in them. Here a layer is four products,
with weights that were packed for the CPU's kernels once: half the time, and nearer to float32.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.embedders.base import Vectors

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

# Any tokens will do to see whether ours are the model's own vectors: these are "the batteries at two miles".
_PROBE = (101, 1996, 10274, 2012, 2048, 2661, 102)
_SAME = 0.9995
# What the products are packed for; they take any number of tokens.
_USUAL_TOKENS = 16
# A second thread gains nothing on so few, and waits for its core whenever something else runs there.
_FEW_TOKENS = 32
# Kernels are compiled and kept for each width that comes up: only multiples of this do.
_WIDTH_STEP = 8
_Product = Callable[["torch.Tensor"], "torch.Tensor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    attend: _Product
    join: _Product
    attended_norm: _Product
    widen: _Product
    narrow: _Product
    norm: _Product


class SingleText:
    """A BERT whose tokens' mean is the text's vector, for one text at a time."""

    def __init__(self, bert: Any) -> None:  # transformers does not type its parts
        embeddings = bert.embeddings
        self._words = embeddings.word_embeddings.weight
        self._places = embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        self._norm = _norm(embeddings.LayerNorm)
        self._heads = int(bert.config.num_attention_heads)
        self._layers = [_layer(each, heads=self._heads) for each in bert.encoder.layer]

    @classmethod
    def of(cls, weights: "SentenceTransformer") -> "SingleText | None":
        """None where the model is of another kind, or its own layers make other vectors than ours."""
        import torch

        try:
            with torch.inference_mode():
                made = cls(weights[0].auto_model)
                ids = torch.tensor([_PROBE])
                own = weights({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError):
            return None
        ours = made.tokens(_PROBE)
        pairs = [
            (ours, own["token_embeddings"][0].float().numpy()),
            (ours.mean(axis=0, keepdims=True), own["sentence_embedding"].float().numpy()),
        ]
        return made if all(_are_same(*pair) for pair in pairs) else None

    def tokens(self, ids: Sequence[int]) -> Vectors:
        """Float32 vectors of the tokens, shape (len(ids), dimension), of any length."""
        import torch
        from torch.nn import functional

        count = len(ids)
        width = max(count, min(-(-count // _WIDTH_STEP) * _WIDTH_STEP, len(self._places)))
        padded = torch.tensor([*ids, *[0] * (width - count)])
        with torch.inference_mode(), _threads(1 if count <= _FEW_TOKENS else torch.get_num_threads()):
            states = self._norm(self._words[padded] + self._places[:width])
            for layer in self._layers:
                # Shape (heads, tokens, …) each; the query is scaled already.
                query, key, value = layer.attend(states).float().view(width, 3, self._heads, -1).permute(1, 2, 0, 3)
                nearness = query @ key.transpose(1, 2)
                nearness[:, :, count:] = -torch.inf
                weighed = torch.softmax(nearness, -1) @ value
                joined = layer.join(weighed.transpose(0, 1).reshape(width, -1))
                states = layer.attended_norm(states + joined)
                states = layer.norm(states + layer.narrow(functional.gelu(layer.widen(states))))
            vectors: Vectors = states[:count].numpy()
        return vectors


def _layer(layer: Any, *, heads: int) -> _Layer:
    import torch

    attention = layer.attention.self
    scale = (attention.query.weight.shape[0] / heads) ** -0.5
    parts = (attention.query, attention.key, attention.value)
    weight = torch.cat([part.weight * (scale if part is attention.query else 1) for part in parts])
    bias = torch.cat([part.bias * (scale if part is attention.query else 1) for part in parts])
    return _Layer(
        attend=_product(weight, bias),
        join=_product(layer.attention.output.dense.weight, layer.attention.output.dense.bias),
        attended_norm=_norm(layer.attention.output.LayerNorm),
        widen=_product(layer.intermediate.dense.weight, layer.intermediate.dense.bias),
        narrow=_product(layer.output.dense.weight, layer.output.dense.bias),
        norm=_norm(layer.output.LayerNorm),
    )


def _product(weight: "torch.Tensor", bias: "torch.Tensor") -> _Product:
    """The layer's linear map in the weights' precision."""
    import torch

    kernels = torch.ops.mkldnn
    packed = kernels._reorder_linear_weight(weight.contiguous(), _USUAL_TOKENS)

    def multiply(states: "torch.Tensor") -> "torch.Tensor":
        product: torch.Tensor = kernels._linear_pointwise(states.to(weight.dtype), packed, bias, "none", [], "")
        return product

    return multiply


def _norm(norm: Any) -> _Product:
    """In float32, whatever the weights are in."""
    from torch.nn import functional

    weight, bias = norm.weight.float(), norm.bias.float()

    def normalise(states: "torch.Tensor") -> "torch.Tensor":
        return functional.layer_norm(states.float(), weight.shape, weight, bias, norm.eps)

    return normalise


@contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    if count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _are_same(ours: Vectors, theirs: Vectors) -> bool:
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return ours.shape == theirs.shape and bool(np.all((ours * theirs).sum(axis=1) >= _SAME * lengths))
