"""Writes the smallest LoRA adapters that llama.cpp loads: one matrix of the starter changed, at rank one."""

import struct
from pathlib import Path

import numpy as np

_STRING, _FLOAT = 8, 6
_F32 = 0
_ALIGNMENT = 32
# Of SmolLM2-135M: what leaves the last layer, from 1,536 inner numbers to 576.
TENSOR = "blk.29.ffn_down.weight"
INNER, OUTER = 1536, 576


def write_adapter(path: Path, *, seed: int, strength: float = 4.0, tensor: str = TENSOR, inner: int = INNER) -> Path:
    """An adapter that turns the model's words into others; which, `seed` decides. Its path."""
    chosen = np.random.default_rng(seed)
    tensors = {
        f"{tensor}.lora_a": (strength * chosen.standard_normal((1, inner))).astype(np.float32),
        f"{tensor}.lora_b": chosen.standard_normal((OUTER, 1)).astype(np.float32),
    }
    facts: dict[str, str | float] = {
        "general.type": "adapter",
        "general.architecture": "llama",
        "adapter.type": "lora",
        "adapter.lora.alpha": 1.0,
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts))
    for key, value in facts.items():
        head += _text(key) + _value(value)
    data = b""
    for name, table in tensors.items():
        # GGUF names the fastest dimension first.
        head += _text(name) + struct.pack("<IQQIQ", 2, table.shape[1], table.shape[0], _F32, len(data))
        data += _padded(table.tobytes())
    path.write_bytes(_padded(head) + data)
    return path


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: str | float) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _text(value)
    return struct.pack("<If", _FLOAT, value)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % _ALIGNMENT)
