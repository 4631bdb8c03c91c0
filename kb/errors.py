"""Every error Footnote raises on purpose, as one tree.

    KnowledgeBaseError
      ConfigError                    the configuration or a command line is wrong: stop, name the setting
      InvalidQuestion                a question or query that cannot be answered as it stands
      NotFound                       there is no such thing, or the caller may not know of it
      RequestConflict                the same request is still being answered
        RequestMismatch              an Idempotency-Key was sent with another request
      TooManyRequests                the caller asks more than is allowed (retry_after seconds)
      ServerEnding                   the server ends before this could be answered
      ServerBusy                     more questions are at work than can be answered in time (retry_after seconds)
      SourceError
        SourceAuthError              the source refused our credentials
        SourceRateLimited            it asked us to slow down (retry_after seconds)
        SourceUnavailable            it did not answer
        UnreadableDocument           one document cannot be read; the others go on
      CatalogueError
        CatalogueUnavailable         the database does not answer, or its disk is full
        CatalogueTooNew              written by a newer Footnote
      IndexFailure                   (not "IndexError": Python has one)
        IndexUnavailable             the index does not answer, or its disk is full
          IndexDamaged               its files are not what the engine wrote: the next sync makes them again
        IndexMismatch                the index was built with another embedder or schema
      ModelError
        ModelUnavailable             the model cannot be loaded or does not answer
        ModelRateLimited             the model server asked us to slow down (retry_after seconds)
        PromptTooLong                the prompt does not fit the context window
      ChannelError                   the service behind a channel refused a call, or did not answer (its code)
      AccessDenied                   the caller may not do this: no valid credentials
        ScopeMissing                 the key is valid, and was not made for this
      IdentityUnavailable            who somebody is cannot be told now: the issuer's keys cannot be had

A message says what happened and what to do about it, in one line, and never holds page text or secrets.
"""


class KnowledgeBaseError(Exception):
    """Root of the tree. `retryable`: the same call may succeed later, unchanged."""

    retryable = False


class ConfigError(KnowledgeBaseError):
    """The configuration or command line is wrong; nothing was changed."""


class InvalidQuestion(KnowledgeBaseError):
    """The question is empty, too long, or not text."""


class NotFound(KnowledgeBaseError):
    """There is no such thing, or the caller may not know of it: both look the same."""


class RequestConflict(KnowledgeBaseError):
    """An Idempotency-Key that belongs to a request still being answered."""


class RequestMismatch(RequestConflict):
    """An Idempotency-Key that was sent with a different request."""


class TooManyRequests(KnowledgeBaseError):
    """The caller asks more than is allowed."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerEnding(KnowledgeBaseError):
    """The server ends, and what was begun did not finish in time: another server, or this one later, may answer."""

    retryable = True


class ServerBusy(KnowledgeBaseError):
    """More questions are at work than can be answered in time."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceError(KnowledgeBaseError):
    """A source could not be read."""


class SourceAuthError(SourceError):
    """The source refused our credentials."""


class SourceRateLimited(SourceError):
    """The source asked us to slow down."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceUnavailable(SourceError):
    """The source did not answer."""

    retryable = True


class UnreadableDocument(SourceError):
    """One document cannot be read; the others go on."""

    def __init__(self, message: str, *, document_id: str) -> None:
        super().__init__(message)
        self.document_id = document_id


class CatalogueError(KnowledgeBaseError):
    """The catalogue could not be used."""


class CatalogueUnavailable(CatalogueError):
    """The catalogue's database does not answer, or its disk is full."""

    retryable = True


class CatalogueTooNew(CatalogueError):
    """The data directory was written by a newer Footnote."""


class IndexFailure(KnowledgeBaseError):
    """The index could not be used."""


class IndexUnavailable(IndexFailure):
    """The index does not answer, or its disk is full."""

    retryable = True


class IndexDamaged(IndexUnavailable):
    """The engine cannot read its files. Nothing is lost: they are made again from the catalogue."""


class IndexMismatch(IndexFailure):
    """The index was built with another embedder or schema."""


class ModelError(KnowledgeBaseError):
    """An embedder or chat model could not be used."""


class ModelUnavailable(ModelError):
    """The model cannot be loaded or does not answer."""

    retryable = True


class ModelRateLimited(ModelError):
    """The model server asked us to slow down."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PromptTooLong(ModelError):
    """The prompt does not fit the model's context window."""


class ChannelError(KnowledgeBaseError):
    """The service behind a channel, such as Slack, refused a call or did not answer. `code`: its own word for it."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class AccessDenied(KnowledgeBaseError):
    """The caller may not do this."""


class ScopeMissing(AccessDenied):
    """The caller is known, and the key does not carry the scope that this needs."""


class IdentityUnavailable(KnowledgeBaseError):
    """Who somebody is cannot be told now: the issuer of tokens, or the provider of sign-ins, does not answer."""

    retryable = True
