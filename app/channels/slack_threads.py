"""The questions of Slack threads that are going on, so that one may lean on those before it."""

from collections import OrderedDict, deque

from app.answering.following import MOST_TURNS
from app.answering.types import Turn

_MOST_THREADS = 2000
_LONGEST_QUESTION = 1000


class Threads:
    """The last questions of the latest conversations, in this process: nothing of them is stored, no answer is kept.

    A conversation is a thread, or one person's private part of it; see `conversation_of`.
    """

    def __init__(self) -> None:
        self._questions: OrderedDict[str, deque[str]] = OrderedDict()

    def earlier(self, conversation_id: str) -> tuple[Turn, ...]:
        """The turns of a conversation so far, oldest first."""
        return tuple(Turn(question=question) for question in self._questions.get(conversation_id, ()))

    def add(self, conversation_id: str, question: str) -> None:
        """Remember a question; the conversation that was quiet for longest is forgotten."""
        questions = self._questions.setdefault(conversation_id, deque(maxlen=MOST_TURNS))
        questions.append(question[:_LONGEST_QUESTION])
        self._questions.move_to_end(conversation_id)
        if len(self._questions) > _MOST_THREADS:
            self._questions.popitem(last=False)
