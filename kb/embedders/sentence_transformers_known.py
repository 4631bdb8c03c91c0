"""Well-known embedders: their dimensions, licences, and the prompts they were trained with, from their model cards."""

from collections.abc import Mapping
from dataclasses import dataclass

_SEARCHING = "Represent this sentence for searching relevant passages: "
# The same for Chinese; its colon is a wide one.
_SEARCHING_ZH = "为这个句子生成表示以用于检索相关文章\uff1a"
_ANSWERING = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model by its name on the hub. The prompts stand before a question and a passage; empty: none."""

    name: str
    dimension: int
    licence: str
    query_prompt: str = ""
    passage_prompt: str = ""

    @property
    def card(self) -> str:
        """Where its authors describe it."""
        return f"https://huggingface.co/{self.name}"


# Each is of an architecture that the library has itself: no code of a model's own need run. docs/models.md shows them.
KNOWN_MODELS = (
    KnownModel(name="sentence-transformers/all-MiniLM-L6-v2", dimension=384, licence="Apache-2.0"),
    KnownModel(name="BAAI/bge-small-en-v1.5", dimension=384, licence="MIT", query_prompt=_SEARCHING),
    KnownModel(name="BAAI/bge-base-en-v1.5", dimension=768, licence="MIT", query_prompt=_SEARCHING),
    KnownModel(name="BAAI/bge-base-zh-v1.5", dimension=768, licence="MIT", query_prompt=_SEARCHING_ZH),
    KnownModel(name="BAAI/bge-m3", dimension=1024, licence="MIT"),
    KnownModel(
        name="intfloat/e5-base-v2", dimension=768, licence="MIT", query_prompt="query: ", passage_prompt="passage: "
    ),
    KnownModel(
        name="intfloat/multilingual-e5-small",
        dimension=384,
        licence="MIT",
        query_prompt="query: ",
        passage_prompt="passage: ",
    ),
    KnownModel(
        name="intfloat/multilingual-e5-base",
        dimension=768,
        licence="MIT",
        query_prompt="query: ",
        passage_prompt="passage: ",
    ),
    KnownModel(
        name="intfloat/multilingual-e5-large-instruct",
        dimension=1024,
        licence="MIT",
        query_prompt=f"{_ANSWERING} ",
    ),
    KnownModel(name="Alibaba-NLP/gte-modernbert-base", dimension=768, licence="Apache-2.0"),
    KnownModel(
        name="nomic-ai/nomic-embed-text-v1.5",
        dimension=768,
        licence="Apache-2.0",
        query_prompt="search_query: ",
        passage_prompt="search_document: ",
    ),
    KnownModel(
        name="mixedbread-ai/mxbai-embed-large-v1", dimension=1024, licence="Apache-2.0", query_prompt=_SEARCHING
    ),
    KnownModel(
        name="Snowflake/snowflake-arctic-embed-m-v1.5", dimension=768, licence="Apache-2.0", query_prompt=_SEARCHING
    ),
    KnownModel(
        name="Snowflake/snowflake-arctic-embed-l-v2.0", dimension=1024, licence="Apache-2.0", query_prompt="query: "
    ),
    KnownModel(name="Qwen/Qwen3-Embedding-0.6B", dimension=1024, licence="Apache-2.0", query_prompt=_ANSWERING),
    KnownModel(
        name="google/embeddinggemma-300m",
        dimension=768,
        licence="Gemma terms",
        query_prompt="task: search result | query: ",
        passage_prompt="title: none | text: ",
    ),
)

# What tells a family by a piece of a name, the narrowest first: copies and fine-tunes keep the prompts of their base.
# A relative with prompts of its own (bge-en-icl, nomic-embed-code) is none of the family.
_FAMILIES: Mapping[str, str] = {
    "e5-large-instruct": "intfloat/multilingual-e5-large-instruct",
    "e5-mistral": "intfloat/multilingual-e5-large-instruct",
    "e5-": "intfloat/e5-base-v2",
    "bge-m3": "BAAI/bge-m3",
    "bge-small-en": "BAAI/bge-base-en-v1.5",
    "bge-base-en": "BAAI/bge-base-en-v1.5",
    "bge-large-en": "BAAI/bge-base-en-v1.5",
    "bge-small-zh": "BAAI/bge-base-zh-v1.5",
    "bge-base-zh": "BAAI/bge-base-zh-v1.5",
    "bge-large-zh": "BAAI/bge-base-zh-v1.5",
    "nomic-embed-text": "nomic-ai/nomic-embed-text-v1.5",
    "mxbai-embed-large": "mixedbread-ai/mxbai-embed-large-v1",
    "arctic-embed-l-v2": "Snowflake/snowflake-arctic-embed-l-v2.0",
    "arctic-embed-m-v2": "Snowflake/snowflake-arctic-embed-l-v2.0",
    "arctic-embed": "Snowflake/snowflake-arctic-embed-m-v1.5",
    "qwen3-embedding": "Qwen/Qwen3-Embedding-0.6B",
    "embeddinggemma": "google/embeddinggemma-300m",
}


def prompts_of(name: str) -> tuple[str, str]:
    """What stands before a question and before a passage, for the family that a model's name tells; else nothing."""
    by_name = {known.name: known for known in KNOWN_MODELS}
    for piece, family in _FAMILIES.items():
        if piece in name.lower():
            return by_name[family].query_prompt, by_name[family].passage_prompt
    return "", ""
