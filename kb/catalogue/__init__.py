"""The catalogue: the only truth about documents, and the only commit point."""

from types import TracebackType

from kb.catalogue.access import AccessStore
from kb.catalogue.answers import AnswerStore
from kb.catalogue.builds import BuildStore
from kb.catalogue.database import Database
from kb.catalogue.documents import DocumentStore
from kb.catalogue.feedback import FeedbackStore
from kb.catalogue.generations import GenerationStore
from kb.catalogue.inbox import InboxStore
from kb.catalogue.jobs import Clock, JobStore, utc_now
from kb.catalogue.keys import KeyStore
from kb.catalogue.sessions import SessionStore
from kb.catalogue.sources import SourceStore

__all__ = ["Catalogue"]


class Catalogue:
    """The stores over one database. All their methods raise CatalogueUnavailable, and take the tenant first."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self.access = AccessStore(database)
        self.answers = AnswerStore(database)
        self.builds = BuildStore(database)
        self.documents = DocumentStore(database)
        self.feedback = FeedbackStore(database)
        self.generations = GenerationStore(database)
        self.inbox = InboxStore(database)
        self.jobs = JobStore(database, clock=clock)
        self.keys = KeyStore(database)
        self.sessions = SessionStore(database)
        self.sources = SourceStore(database, clock=clock)

    @classmethod
    async def open(cls, url: str, *, clock: Clock = utc_now) -> "Catalogue":
        """Open (or create, or migrate) the catalogue. Raises CatalogueUnavailable, CatalogueTooNew, ConfigError."""
        return cls(await Database.open(url), clock=clock)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._database.close()

    async def __aenter__(self) -> "Catalogue":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
