"""An embedder behind any server with OpenAI's embeddings endpoint (vLLM, llama-server, Ollama, TEI, a hosted API)."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from kb.embedders.base import Embedder, Vectors
from kb.errors import ModelError
from kb.http import HttpClient, HttpClients, HttpFailure, as_model_error

# Servers differ in how much they take at once; this is little enough for all that we know of.
BATCH_TEXTS = 64
# Characters a token for English text is nearer 4; guessing more tokens than there are keeps chunks short enough.
_CHARACTERS_A_TOKEN = 2.5


class Config(BaseModel):
    """Settings of the `openai` embedder."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    base_url: str = Field(description="Address of the server up to and including /v1.")
    model: str = Field(min_length=1, description="The model's name on that server.")
    dimension: int = Field(ge=1, le=8192, description="Length of its vectors.")
    max_tokens: int = Field(default=512, ge=32, description="Longest text it takes, in tokens.")
    query_prompt: str = Field(default="", description="Put before a question, if the model needs it.")
    passage_prompt: str = Field(default="", description="Put before a passage, if the model needs it.")
    api_key: SecretStr | None = Field(default=None, description="Set it by FOOTNOTE_EMBEDDER__API_KEY.")


def build(config: Config, *, data_dir: Path, http: HttpClients) -> Embedder:  # same arguments as every embedder
    """The embedder. Raises ConfigError if base_url is no HTTP address."""
    headers = {"Authorization": f"Bearer {config.api_key.get_secret_value()}"} if config.api_key else {}
    return OpenAIEmbedder(config, http.open(config.base_url, headers=headers))


class _Embedding(BaseModel):
    index: int
    embedding: list[float]


class _Embeddings(BaseModel):
    data: list[_Embedding]


class OpenAIEmbedder:
    """Vectors from POST /embeddings (https://platform.openai.com/docs/api-reference/embeddings)."""

    def __init__(self, config: Config, client: HttpClient) -> None:
        self._config = config
        self._client = client
        self.dimension = config.dimension
        self.max_tokens = config.max_tokens
        self.name = config.model
        # The server's weights cannot be seen: its name for them has to do.
        settings = [config.model, config.dimension, config.query_prompt, config.passage_prompt, config.max_tokens]
        self.identity = f"openai-1|{json.dumps(settings, ensure_ascii=False)}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """An estimate on the safe side."""
        return [2 + math.ceil(len(text.encode("utf-8", "replace")) / _CHARACTERS_A_TOKEN) for text in texts]

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 unit vectors, shape (len(texts), dimension). Raises ModelError."""
        batches = [texts[start : start + BATCH_TEXTS] for start in range(0, len(texts), BATCH_TEXTS)]
        made = [await self._embed([self._config.passage_prompt + text for text in batch]) for batch in batches]
        return np.concatenate([np.zeros((0, self.dimension), dtype=np.float32), *made])

    async def embed_query(self, text: str) -> Vectors:
        """Float32 unit vector, shape (dimension,). Raises ModelError."""
        vectors = await self._embed([self._config.query_prompt + text])
        query: Vectors = vectors[0]
        return query

    async def verify(self) -> str:
        """One text is embedded: the server's files cannot be seen. Raises ModelError."""
        await self.embed_query("verify")
        return f"{self.name}: the server answers with vectors of {self.dimension}"

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()

    async def _embed(self, texts: Sequence[str]) -> Vectors:
        try:
            foreign = await self._client.post_json("/embeddings", {"model": self._config.model, "input": list(texts)})
            answered = _Embeddings.model_validate(foreign)
        except HttpFailure as exc:
            raise as_model_error(exc, what="the embedding server") from exc
        except ValidationError as exc:
            raise ModelError("the embedding server's answer holds no embeddings: check [embedder] base_url") from exc
        ordered = sorted(answered.data, key=lambda each: each.index)
        if [each.index for each in ordered] != list(range(len(texts))):
            raise ModelError("the embedding server did not return one vector for each text")
        return self._unit([each.embedding for each in ordered])

    def _unit(self, rows: list[list[float]]) -> Vectors:
        if any(len(row) != self.dimension for row in rows):
            raise ModelError(f"the embedding server's vectors are not {self.dimension} long: set [embedder] dimension")
        vectors = np.asarray(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
            raise ModelError("the embedding server returned a vector that is zero or not a number")
        unit: Vectors = vectors / lengths
        return unit
