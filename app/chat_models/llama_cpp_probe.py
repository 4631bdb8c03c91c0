"""One measurement in a process of its own: how fast a GGUF file runs in one way, and what it makes of a text.

`python -m app.chat_models.llama_cpp_probe PATH THREADS BATCH FUSED GPU_LAYERS LOGITS` writes the logits at the probe
text's positions to the file LOGITS (NumPy), and a JSON line {"prompt_speed", "answer_speed"} to stdout. How idle
threads wait is decided by the environment, before llama.cpp is loaded: hence the process.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from app.chat_models.llama_cpp_native import Cells, Pace, Row, Weights

# Rounds are few and the best counts, as noise only ever slows.
ROUNDS = 3
SPEED_TOKENS = 256
WRITTEN_TOKENS = 12
_POSITIONS = 96
_TEXT = (
    "Section [1] Pumps › Stopping\nThe Kestrel pump stops when the level in the well falls below 0.8 metres, or when "
    "the motor is hotter than 95 °C. A person may stop it by hand: turn the red key left and wait 20 seconds.\n\n"
    "Section [2] Leave › Carry-over\nUp to 8 days of annual leave can be carried over into next year. They are lost "
    "after 31 March. Ask your manager before 15 December, in writing, and copy the people team.\n\n"
    "Question: When does the pump stop by itself?\nThe pump stops when the level falls below 0.8 metres. [1]"
)


def main() -> None:
    """Measure as the command line says."""
    path, threads, batch, fused, gpu_layers, target = sys.argv[1:]
    pace = Pace(threads=int(threads), batch_tokens=int(batch), is_fused=fused == "1")
    weights = Weights(Path(path), gpu_layers=int(gpu_layers))
    cells = Cells(weights, count=1024, sequences=1, pace=pace)
    tokens = weights.tokens_of(_TEXT, is_template=False)
    np.save(target, _logits(cells, tokens[-_POSITIONS:]))
    prompt = (tokens * 4)[:SPEED_TOKENS]
    speeds = [_speeds(cells, prompt) for _ in range(ROUNDS)]
    print(json.dumps({"prompt_speed": max(s[0] for s in speeds), "answer_speed": max(s[1] for s in speeds)}))  # noqa: T201


def _logits(cells: Cells, tokens: list[int]) -> np.ndarray:
    """One row for each of the tokens, in half precision."""
    rows = [Row(token, place, 0, wants=True) for place, token in enumerate(tokens)]
    cells.decode(rows)
    return np.stack([cells.logits(place).astype(np.float16) for place in range(len(rows))])


def _speeds(cells: Cells, prompt: list[int]) -> tuple[float, float]:
    """(prompt tokens/s, answer tokens/s)."""
    cells.clear()
    started = time.perf_counter()
    for start in range(0, len(prompt), cells.batch_tokens):
        part = prompt[start : start + cells.batch_tokens]
        cells.decode([Row(token, start + place, 0, wants=place + 1 == len(part)) for place, token in enumerate(part)])
        cells.most_probable(len(part) - 1)
    read = time.perf_counter()
    for place in range(WRITTEN_TOKENS):
        cells.decode([Row(prompt[place], len(prompt) + place, 0, wants=True)])
        cells.most_probable(0)
    written = time.perf_counter()
    return len(prompt) / (read - started), WRITTEN_TOKENS / (written - read)


if __name__ == "__main__":
    main()
